"""What a preview says about outputs is what `up` returns, or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory

PROGRAM = """
from mailgun_tracking.tracking_host import TrackingHost

def look(name, resource, *sections):
    for section in sections:
        fields = ["active"]
        fields += {{"open": ["place_at_the_top"], "click": []}}.get(
            section, ["html_footer", "text_footer"]
        )
        for field in fields:
            export(f"{{name}} {{section}}.{{field}}", getattr(getattr(resource, section), field))
    for part in ("web_scheme", "web_prefix", "tracking_domain", "managed", "region", "https_by"):
        if hasattr(resource, part):
            export(f"{{name}} {{part}}", getattr(resource, part))
    export(f"{{name}} cname", resource.cname.value)

def export(name, output):
    pulumi.export(name, output.apply(repr))

all = ("open", "click", "unsubscribe")
active = {{"active": {active}}}
footer = {{"text_footer": {footer!r}}}
look("one", DomainTracking("one", "mg.example.com", open=active, unsubscribe=active), *all)
look("two", DomainTracking("two", "two.example.com", click={active}, unsubscribe=footer), *all)
look("late", DomainTracking("late", "late.example.com", web_scheme="http", open=active), *all)
look("host", TrackingHost("host", "eu.example.com", region="eu", web_prefix={prefix!r}))
look("new", TrackingHost("new", "new.example.com", web_scheme="http"))
"""

PARTS = ("html", "text")


@pytest.mark.behaviour(50)
def test_what_is_not_known_yet_is_unknown_and_not_none(
    mail: MailFactory, emulator: Emulator
) -> None:
    """In the preview of a create, also of a domain that is still to come, and of an update."""
    stack = mail(PROGRAM.format(active=True, footer="Leave: %unsubscribe_url%", prefix="links"))
    stack.set_constants({"_provider.operation.MISSING_SECONDS": 0.0})
    created = stack.preview().resource_outputs("mail-dev")
    emulator.add_domain("late.example.com")
    emulator.add_domain("new.example.com")
    stack.up()
    first = stack.outputs()
    stack.write(PROGRAM.format(active=False, footer="Bye: %unsubscribe_url%", prefix="go"))
    updated = stack.preview().resource_outputs("mail-dev")
    stack.up()
    second = stack.outputs()
    # Of the footers, a resource has only those that the program sets.
    footers = {
        f"{name} unsubscribe.{part}_footer" for name in ("one", "two", "late") for part in PARTS
    }
    unmanaged = footers - {"two unsubscribe.text_footer"}
    for up in (first, second):
        assert {name for name, value in up.items() if value == "None"} == unmanaged
    assert known(created, first) >= {
        "one open.active",
        "one web_prefix",
        "two click.active",
        "late open.active",
        "late web_scheme",
        "host web_prefix",
        "host cname",
        "new web_scheme",
    }
    assert known(updated, second) >= {"one open.active", "late cname", "host tracking_domain"}
    assert "one open.place_at_the_top" not in known(created, first) | known(updated, second)


def known(preview: dict[str, Any], up: dict[str, Any]) -> set[str]:
    """The outputs that a preview knew; each was as in `up`."""
    said = {name: value for name, value in preview.items() if value != UNKNOWN}
    assert said == {name: up[name] for name in said}
    return set(said)


UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""How the engine's log shows an output that is not known."""
