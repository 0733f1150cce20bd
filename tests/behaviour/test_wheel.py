"""The built wheel, in an environment and a project of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, puts
from tests.engine.stack import ROOT

PROGRAM = """
import sys
assert not any(path.startswith({root!r}) for path in sys.path), sys.path
tracking = DomainTracking("tracking", "mg.example.com", click=True)
certificate = TrackingCertificate("certificate", tracking.tracking_domain)
pulumi.export("from", sys.modules["mailgun_tracking"].__file__)
pulumi.export("status", certificate.status)
"""


def run(*command: str | Path, directory: Path) -> str:
    """Run a command to its end, without any path of this test's own; returns what it printed."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(part) for part in command], cwd=directory, env=kept, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.behaviour(31)
def test_a_wheel_in_another_project(mail: MailFactory, emulator: Emulator, tmp_path: Path) -> None:
    """With nothing but the wheel and requirements.txt installed, another project's up works."""
    quiet = ("--quiet", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", "wheel", *quiet, "--no-deps", ROOT, directory=tmp_path)
    [wheel] = tmp_path.glob("mailgun_tracking-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "mailgun_tracking/py.typed" in names
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"mailgun_tracking"}

    environment = tmp_path / "environment"
    python = environment / "bin" / "python"
    run(sys.executable, "-m", "venv", environment, directory=tmp_path)
    requirements = ROOT / "requirements.txt"
    run(python, "-m", "pip", "install", *quiet, "-r", requirements, directory=tmp_path)
    run(python, "-m", "pip", "install", *quiet, "--no-deps", wheel, directory=tmp_path)
    run(python, "-m", "pip", "check", "--disable-pip-version-check", directory=tmp_path)

    stack = mail(PROGRAM.format(root=str(ROOT)), project="elsewhere")
    path = os.pathsep.join([str(environment / "bin"), stack.environment["PATH"]])
    own = {"PYTHONPATH": None, "PATH": path, "PULUMI_PYTHON_CMD": str(python)}
    result = stack.up(env=own)
    assert result.changes == {"create": 2}
    outputs = stack.outputs(env=own)
    assert outputs["status"] == "active"
    assert Path(outputs["from"]).is_relative_to(environment)
    assert puts(emulator) == [
        "PUT /v3/domains/mg.example.com/tracking/click",
        "POST /v2/x509/email.mg.example.com",
    ]
    assert emulator.domain("mg.example.com").click == {"active": True}
    stack.destroy(env=own)
    assert emulator.domain("mg.example.com").click == {"active": False}
