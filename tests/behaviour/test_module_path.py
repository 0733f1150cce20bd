"""The import paths of the providers are in every state, so they must never change."""

from __future__ import annotations

import base64
import json
import os
import pickle
import pickletools
from typing import Any

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, puts
from tests.engine.stack import ROOT

PATHS = {
    "mg": "mailgun_tracking.domain_tracking DomainTrackingProvider",
    "certificate": "mailgun_tracking.tracking_certificate TrackingCertificateProvider",
    "host": "mailgun_tracking.tracking_host TrackingHostProvider",
}
PROGRAM = """
from mailgun_tracking.tracking_host import TrackingHost
mg = DomainTracking("mg", "mg.example.com", click=True)
TrackingCertificate("certificate", mg.tracking_domain)
TrackingHost("host", "mg.example.com", web_scheme="http")
"""


def pickled_path(resource: dict[str, Any], side: str) -> str:
    """The class that a resource's `__provider` names, as "module name"."""
    data = base64.b64decode(resource[side]["__provider"])
    assert len(data) < 200
    names = [
        argument for opcode, argument, _ in pickletools.genops(data) if isinstance(argument, str)
    ]
    joined = " ".join(names)
    assert isinstance(pickle.loads(data), object)
    return joined


@pytest.mark.behaviour(31)
def test_state_names_the_providers_by_these_paths_and_holds_no_code(
    mail: MailFactory, emulator: Emulator
) -> None:
    """In inputs and outputs, before and after an up without changes, the same on each run."""
    stack = mail(PROGRAM)
    stack.up()
    first = {name: stack.resource(name) for name in PATHS}
    for name, path in PATHS.items():
        assert pickled_path(first[name], "inputs") == path
        assert pickled_path(first[name], "outputs") == path
        assert len(first[name]["inputs"]["__provider"]) < 200
    assert stack.up("--expect-no-changes").changes == {"same": 3}
    for name in PATHS:
        again = stack.resource(name)
        for side in ("inputs", "outputs"):
            assert again[side]["__provider"] == first[name][side]["__provider"]
    assert emulator.domain("mg.example.com").click["active"] is True


@pytest.mark.behaviour(31)
def test_a_state_written_elsewhere_is_refreshed_and_destroyed_by_these_paths_alone(
    mail: MailFactory, emulator: Emulator
) -> None:
    """A hand-written state, with the paths as pickle writes them, needs nothing but the import."""
    stack = mail(PROGRAM)
    stack.up()
    state = stack.export()
    for resource in state["deployment"]["resources"]:
        name = resource["urn"].rpartition("::")[2]
        if name in PATHS:
            module, kind = PATHS[name].split()
            # Protocol 0 spells the class out: no release may depend on how another one pickles.
            by_hand = f"c{module}\n{kind}\n)R."
            for side in ("inputs", "outputs"):
                resource[side]["__provider"] = base64.b64encode(by_hand.encode()).decode()
    file = stack.directory / "written.json"
    file.write_text(json.dumps(state))
    stack.run("stack", "import", "--file", str(file))
    stack.write("")
    emulator.drift("mg.example.com", open=True)
    refreshed = stack.refresh()
    assert refreshed.resource_outputs("mg")["open"]["active"] is True
    emulator.forget_requests()
    stack.destroy()
    assert puts(emulator) == ["PUT /v3/domains/mg.example.com/tracking/click"]
    assert emulator.domain("mg.example.com").click["active"] is False


@pytest.mark.behaviour(73)
def test_a_python_that_pickles_otherwise_shows_no_difference(mail: MailFactory) -> None:
    """Python 3.14 pickles with protocol 5, older ones with 4."""
    stack = mail(PROGRAM)
    stack.up()
    first = {name: stack.resource(name) for name in PATHS}
    folder = stack.directory / "newer"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("import pickle\npickle.DEFAULT_PROTOCOL = 5\n")
    stack.environment["PYTHONPATH"] = os.pathsep.join([str(folder), str(ROOT)])
    stack.write(PROGRAM.replace('"mg.example.com", click=True', '"mg.example.com", click=False'))

    preview = stack.preview("--diff")
    assert preview.changes == {"same": 2, "update": 1}
    assert "click" in preview.stdout
    assert "__provider" not in preview.stdout
    stack.up()
    for name in PATHS:
        again = stack.resource(name)
        for side in ("inputs", "outputs"):
            assert again[side]["__provider"] == first[name][side]["__provider"]
