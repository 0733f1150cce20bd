"""What somebody wrote into a state: no command fails over it, but in one line that helps."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, MailStack, puts

REMOVED = object()
ALL = ""
"""In place of a property: everything but the provider."""


class Edit(NamedTuple):
    """One edit of one resource."""

    place: str
    """`inputs`, `outputs`, `both` or `id`."""
    name: str
    value: Any = REMOVED

    def apply(self, resource: dict[str, Any]) -> None:
        """Edit a resource as `pulumi stack export` shows it."""
        if self.place == "id":
            resource["id"] = self.value
            return
        for place in ("inputs", "outputs") if self.place == "both" else (self.place,):
            properties = resource[place]
            for name in [self.name] if self.name else [*properties]:
                if name != "__provider":
                    properties.pop(name, None)
            if self.value is not REMOVED:
                properties[self.name] = self.value


OF_DOMAINS = (
    Edit("outputs", "managed", 5),
    Edit("outputs", "managed", ["nonsense"]),
    Edit("outputs", "managed", ["click.active"]),
    Edit("outputs", "managed"),
    Edit("outputs", "open", []),
    Edit("outputs", "open", None),
    Edit("outputs", "open", {"active": 7}),
    Edit("outputs", "click", 7),
    Edit("outputs", "click"),
    Edit("outputs", "unsubscribe", {"active": True, "html_footer": 3}),
    Edit("outputs", "tracking_domain"),
    Edit("outputs", "tracking_domain", 5),
    Edit("outputs", "cname", "x"),
    Edit("outputs", "cname", {"name": 1}),
    Edit("outputs", "web_scheme", 7),
    Edit("outputs", "web_prefix", []),
    Edit("outputs", "asked", []),
    Edit("outputs", "asked", {"click.active": {}, "nonsense": 1}),
    Edit("outputs", "domain_id", {}),
    Edit("outputs", "https_by", 7),
    Edit("outputs", "region"),
    Edit("outputs", "region", "mars"),
    Edit("outputs", "account"),
    Edit("outputs", "subaccount", 3),
    Edit("outputs", "domain", 5),
    Edit("outputs", "foreign", [5]),
    Edit("outputs", ALL),
    Edit("inputs", "managed", 5),
    Edit("inputs", "cname", "x"),
    Edit("inputs", "web_scheme", []),
    Edit("inputs", "account"),
    Edit("inputs", ALL),
    Edit("both", "tracking_domain", 5),
    Edit("both", "cname"),
    Edit("id", "", "not an id"),
)
OF_CERTIFICATES = (
    Edit("outputs", "status", 5),
    Edit("outputs", "status"),
    Edit("outputs", "not_after", "soon"),
    Edit("outputs", "names", "x"),
    Edit("outputs", "error", []),
    Edit("outputs", "serial", 7),
    Edit("outputs", "tracking_domain"),
    Edit("outputs", "account"),
    Edit("outputs", ALL),
    Edit("inputs", ALL),
    Edit("both", "not_after", {}),
    Edit("id", "", "not an id"),
)
EDITS = {
    **{f"d{number}": edit for number, edit in enumerate(OF_DOMAINS)},
    **{f"c{number}": edit for number, edit in enumerate(OF_CERTIFICATES)},
}
"""By the resource's name."""

PROGRAM = f"""
for number in range({len(OF_DOMAINS)}):
    DomainTracking(
        f"d{{number}}",
        f"d{{number}}.example.com",
        open=True,
        click="htmlonly",
        unsubscribe=True,
    )
for number in range({len(OF_CERTIFICATES)}):
    TrackingCertificate(f"c{{number}}", f"email.c{{number}}.example.com")
"""


@pytest.fixture
def deployed(mail: MailFactory, emulator: Emulator) -> MailStack:
    """A stack with a resource for each edit."""
    for name in EDITS:
        emulator.add_domain(f"{name}.example.com")
        if name.startswith("c"):
            emulator.set_certificate(f"email.{name}.example.com")
    stack = mail(PROGRAM)
    stack.up()
    return stack


def resources(exported: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The resources of a state that are edited, by name."""
    found = {one["urn"].rpartition("::")[2]: one for one in exported["deployment"]["resources"]}
    return {name: found[name] for name in EDITS}


def import_edited(stack: MailStack, exported: dict[str, Any]) -> None:
    """Make all edits in a state, and import it."""
    edited = json.loads(json.dumps(exported))
    for name, one in resources(edited).items():
        EDITS[name].apply(one)
    file = stack.directory / "edited.json"
    file.write_text(json.dumps(edited))
    stack.run("stack", "import", "--force", "--file", str(file))


@pytest.mark.behaviour(94)
def test_edits(deployed: MailStack, emulator: Emulator) -> None:
    """A preview succeeds; a refresh and an up, or an up alone, mend it; Mailgun stays as it is."""
    emulator.forget_requests()
    exported = deployed.export()
    before = {name: (one["id"], one["outputs"]) for name, one in resources(exported).items()}

    import_edited(deployed, exported)
    deployed.preview()
    deployed.refresh()
    deployed.up()
    deployed.preview("--refresh", "--expect-no-changes")
    after = resources(deployed.export())
    assert {name: (one["id"], one["outputs"]) for name, one in after.items()} == before

    import_edited(deployed, exported)
    deployed.up()
    deployed.preview("--expect-no-changes")
    assert puts(emulator) == []


@pytest.mark.behaviour(94)
def test_what_only_the_user_can_tell(mail: MailFactory, emulator: Emulator) -> None:
    """A line says which resource it is, and what to do; that works."""
    stack = mail(
        """
        DomainTracking("mg", "mg.example.com", open=True, click=True)
        DomainTracking("two", "two.example.com", open=True)
        """
    )
    stack.up()
    exported = stack.export()
    by_name = {one["urn"].rpartition("::")[2]: one for one in exported["deployment"]["resources"]}
    Edit("outputs", "click", 7).apply(by_name["mg"])
    Edit("id", "", "eu/other.example.com").apply(by_name["two"])
    file = stack.directory / "edited.json"
    file.write_text(json.dumps(exported))
    stack.run("stack", "import", "--file", str(file))
    emulator.forget_requests()

    urn = by_name["two"]["urn"]
    contradiction = (
        "InvalidInput: the state is about both eu/other.example.com and two.example.com: "
        "the resource's ID and its outputs contradict each other; "
        f"run `pulumi state delete {urn!r}`, then `pulumi up`: "
        "neither changes what is as the program says"
    )
    destroyed = stack.destroy("--continue-on-error", check=False)
    assert contradiction in destroyed.output
    assert (
        "InvalidInput: cannot tell what to turn off for mg.example.com: the state has no valid "
        "click; run `pulumi refresh`, which completes it, then try again"
    ) in destroyed.output
    assert contradiction in stack.up(check=False).output
    assert puts(emulator) == []

    stack.run("state", "delete", "--yes", urn)
    stack.refresh()
    assert stack.up().changes == {"create": 1, "same": 1}
    assert puts(emulator) == []
    stack.destroy()
    mg, two = emulator.domain("mg.example.com"), emulator.domain("two.example.com")
    assert not any(part["active"] for part in (mg.open, mg.click, two.open))
