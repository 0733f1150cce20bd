"""The built wheel in an environment and a project of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, puts
from tests.engine.stack import ROOT
from tests.package.building import build, uv

PROGRAM = """
import sys
assert not any(path.startswith({root!r}) for path in sys.path), sys.path
tracking = DomainTracking("tracking", "mg.example.com", click=True)
certificate = TrackingCertificate("certificate", tracking.tracking_domain)
pulumi.export("from", sys.modules["mailgun_tracking"].__file__)
pulumi.export("status", certificate.status)
"""


@pytest.mark.behaviour(31, 74)
def test_a_wheel_in_another_project(mail: MailFactory, emulator: Emulator, tmp_path: Path) -> None:
    """`pulumi up` works with only the wheel and requirements.txt installed."""
    (wheel,) = build(tmp_path / "dist", "--wheel")
    environment = tmp_path / "environment"
    python = environment / "bin" / "python"
    uv("venv", "--no-project", "--python", sys.executable, environment)
    lock = ROOT / "requirements.txt"
    uv("pip", "install", "--python", python, "--no-deps", "--require-hashes", "-r", lock)
    uv("pip", "install", "--python", python, "--no-deps", wheel)
    uv("pip", "check", "--python", python)

    stack = mail(PROGRAM.format(root=str(ROOT)), project="elsewhere")
    path = os.pathsep.join([str(environment / "bin"), stack.environment["PATH"]])
    own = {
        "PYTHONPATH": None,
        "PATH": path,
        "PULUMI_PYTHON_CMD": str(python),
        # All that uv installed is compiled only once.
        "PYTHONDONTWRITEBYTECODE": None,
    }
    result = stack.up(env=own)
    assert result.changes == {"create": 2}
    outputs = stack.outputs(env=own)
    assert outputs["status"] == "active"
    assert Path(outputs["from"]).is_relative_to(environment)
    assert puts(emulator) == [
        "PUT /v3/domains/mg.example.com/tracking/click",
        "POST /v2/x509/email.mg.example.com",
    ]
    assert emulator.domain("mg.example.com").click["active"] is True
    # The same stack from the checkout.
    stack.write(PROGRAM.format(root="-"))
    assert stack.preview().changes == {"same": 2}
    stack.destroy(env=own)
    assert emulator.domain("mg.example.com").click["active"] is False
