"""`assert_upgrades`: yesterday's state under today's program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mailgun_tracking import DomainTracking
from mailgun_tracking.emulator import Emulator
from mailgun_tracking.testing import MailgunStackFactory
from mailgun_tracking.testing.upgrades import read_deployment, seed
from tests.states.stacks import FOLDER, STACKS, SUBACCOUNT

RELEASE = FOLDER / "7162fab"


def secret(**text: str) -> dict[str, str]:
    """A secret as it is in a state."""
    return {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", **text}


def write(file: Path, state: Any) -> Path:
    """A state as a file."""
    file.write_text(json.dumps(state))
    return file


@pytest.mark.behaviour(113)
@pytest.mark.parametrize("name", ["asked", "certificates", "https"])
def test_the_emulator_has_what_a_state_says(name: str, tmp_path: Path) -> None:
    """Seeded by a state, it is as the one was that the state was written with."""
    copy = tmp_path / "mailgun.json"
    copy.write_bytes((RELEASE / f"{name}.mailgun.json").read_bytes())
    then = STACKS[name].emulator(copy)
    now = Emulator(subaccounts=[SUBACCOUNT])
    seed(now, read_deployment(RELEASE / f"{name}.json", project="test", stack="test"))
    found = {(one.region, one.name): one for one in now.domains()}
    assert found
    for domain in then.domains():
        seeded = found.pop((domain.region, domain.name))
        for part in ("open", "click", "subaccount", "web_scheme", "web_prefix", "tracking_host"):
            assert getattr(seeded, part) == getattr(domain, part), (domain.name, part)
        # The state has the status as it was when it was last read.
        assert seeded.certificates.keys() == domain.certificates.keys()
    assert not found


@pytest.mark.behaviour(113)
def test_a_custom_host_is_the_tracking_host() -> None:
    """Whatever the web prefix."""
    outputs = {
        "domain": "mg.example.com",
        "account": "default",
        "region": "us",
        "subaccount": "",
        "tracking_domain": "links.example.net",
        "web_prefix": "email",
        "web_scheme": "http",
    }
    kind = "pulumi-python:dynamic/mailgun:TrackingHost"
    mailgun = Emulator()
    seed(mailgun, {"resources": [{"type": kind, "outputs": outputs}]})
    assert mailgun.domain("mg.example.com").tracking_host == "links.example.net"


@pytest.mark.behaviour(113)
def test_secrets_that_cannot_be_read(tmp_path: Path) -> None:
    """They are left out where it does not matter, and else an error; plain ones are used."""
    state = json.loads((RELEASE / "settings.json").read_text())
    with pytest.raises(ValueError, match=r"unsubscribe of full is encrypted; only the stack"):
        read_deployment(RELEASE / "settings.json", project="mail", stack="dev")
    footer = '<a href="%unsubscribe_url%">bye</a>'
    for resource in state["deployment"]["resources"]:
        for properties in (resource.get("inputs", {}), resource.get("outputs", {})):
            if "html_footer" in properties.get("unsubscribe", {}):
                plain = secret(plaintext=json.dumps(footer))
                properties["unsubscribe"]["html_footer"] = plain
    file = write(tmp_path / "state.json", state)
    deployment = read_deployment(file, project="new", stack="prod")
    stack = deployment["resources"][0]
    assert stack["urn"] == "urn:pulumi:prod::new::pulumi:pulumi:Stack::new-prod"
    assert "footer" not in stack["outputs"]
    assert "::mail::" not in json.dumps(deployment)
    with Emulator(keys={"a": "default", "b": "brand-b"}, subaccounts=[SUBACCOUNT]) as mailgun:
        seed(mailgun, deployment)
        assert mailgun.domain("full.example.com").unsubscribe["html_footer"] == footer
        assert mailgun.domain("b.example.com").account == "brand-b"
    with pytest.raises(ValueError, match="has no resources: it has to be what `pulumi stack expo"):
        read_deployment(write(file, {"version": 3, "deployment": {}}), project="a", stack="b")


@pytest.mark.behaviour(113)
@pytest.mark.usefixtures("engine_on_path")
def test_a_state_of_an_earlier_release(
    mailgun: Emulator, mailgun_stack: MailgunStackFactory
) -> None:
    """Of another stack and project, with a key that cannot be decrypted."""
    more: dict[str, Any] = {}

    def program() -> None:
        DomainTracking(
            "asked",
            "asked.example.com",
            open={"active": True, "place_at_the_top": True},
            click="htmlonly",
            unsubscribe={
                "active": True,
                "html_footer": '<p>\n<a href="%unsubscribe_url%">x</a>\n',
            },
            region="eu",
            **more,
        )

    stack = mailgun_stack(program)
    stack.assert_upgrades(RELEASE / "asked.json")
    stack.assert_mailgun("asked.example.com", region="eu", open=True)
    more["web_prefix"] = "go"
    with pytest.raises(AssertionError, match=r"asked.json shows changes:\n  update .* asked: "):
        stack.assert_upgrades(RELEASE / "asked.json")
