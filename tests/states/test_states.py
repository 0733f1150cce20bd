"""States that earlier releases wrote: previewed, refreshed, updated in place and destroyed."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailStack, puts
from tests.engine.stack import StackFactory
from tests.states.stacks import FOLDER, STACKS

Opener = Callable[[str, str], tuple[MailStack, Emulator]]


def of_each_release(name: str) -> pytest.MarkDecorator:
    """Run a test on the state of one stack as each release wrote it."""
    releases = sorted(file.parent.name for file in FOLDER.glob(f"*/{name}.json"))
    assert releases, f"no release has a state of {name}"
    return pytest.mark.parametrize("release", releases)


@pytest.fixture
def opened(new_stack: StackFactory, tmp_path: Path) -> Iterator[Opener]:
    """Import a state that a release wrote; Mailgun is as it was then."""
    with contextlib.ExitStack() as running:

        def open_(release: str, name: str) -> tuple[MailStack, Emulator]:
            state_file = tmp_path / f"{name}.mailgun.json"
            shutil.copyfile(FOLDER / release / state_file.name, state_file)
            emulator = running.enter_context(STACKS[name].emulator(state_file))
            stack = STACKS[name].stack(new_stack, emulator)
            stack.run("stack", "import", "--file", str(FOLDER / release / f"{name}.json"))
            return stack, emulator

        yield open_


def edited(program: str, *edits: tuple[str, str]) -> str:
    """A program after some replacements; each old text occurs in it exactly once."""
    for old, new in edits:
        assert program.count(old) == 1, old
        program = program.replace(old, new)
    return program


@pytest.mark.behaviour(31, 93)
@of_each_release("settings")
def test_settings(opened: Opener, release: str) -> None:
    """All fields, some, none; a secret; both regions, a subaccount, another account; `get`."""
    stack, emulator = opened(release, "settings")
    stack.preview("--expect-no-changes")
    stack.refresh("--expect-no-changes")
    assert puts(emulator) == []

    stack.write(
        edited(
            STACKS["settings"].program,
            ("Of full only", "Changed"),
            ('web_prefix="go"', 'web_prefix="track"'),
            ('"Few.Example.com", click=True', '"few.example.com", click="htmlonly"'),
            ("open=True, unsubscribe=True", "open=True"),
            ('account="brand-b", click="htmlonly"', 'account="brand-b", click=True'),
            ('https_by="proxy"', 'https_by="proxy", open=False'),
        )
    )
    updated = stack.up()
    assert updated.changes == {"same": 3, "update": 5}
    assert {updated.step(name) for name in ("full", "few", "eu", "b", "proxy")} == {"update"}
    assert "Changed" not in str(updated.events)  # the footer stays a secret
    assert sorted(puts(emulator)) == [
        "PUT /v3/domains/b.example.com/tracking/click",
        "PUT /v3/domains/few.example.com/tracking/click",
        "PUT /v3/domains/full.example.com/tracking/unsubscribe",
        "PUT /v3/domains/proxy.example.com/tracking/open",
        "PUT /v4/domains/full.example.com",
    ]
    full = emulator.domain("full.example.com")
    assert full.unsubscribe["html_footer"] == '<a href="%unsubscribe_url%">Changed</a>'
    assert full.unsubscribe["text_footer"] == "<%unsubscribe_url%>"
    assert full.web_prefix == "track"

    emulator.forget_requests()
    stack.destroy()
    # The program has let go of eu's unsubscribe; none, proxy and read have nothing to turn off.
    assert sorted(puts(emulator)) == [
        "PUT /v3/domains/b.example.com/tracking/click",
        "PUT /v3/domains/eu.example.com/tracking/open",
        "PUT /v3/domains/few.example.com/tracking/click",
        "PUT /v3/domains/full.example.com/tracking/click",
        "PUT /v3/domains/full.example.com/tracking/open",
        "PUT /v3/domains/full.example.com/tracking/unsubscribe",
        "PUT /v3/domains/late.example.com/tracking/click",
        "PUT /v3/domains/sub.example.com/tracking/click",
    ]
    on = [
        f"{domain.name} {kind}"
        for domain in emulator.domains()
        for kind in ("open", "click", "unsubscribe")
        if getattr(domain, kind)["active"]
    ]
    assert on == [
        "eu.example.com unsubscribe",
        "few.example.com open",
        "late.example.com open",
        "none.example.com open",
        "read.example.com open",
    ]


@pytest.mark.behaviour(31, 37, 93)
@of_each_release("asked")
def test_asked(opened: Opener, release: str) -> None:
    """Values that read back differently; key and region in the stack's configuration."""
    stack, emulator = opened(release, "asked")
    stack.preview("--expect-no-changes")
    stack.refresh("--expect-no-changes")
    assert puts(emulator) == []

    # Both values read back as true.
    stack.write(edited(STACKS["asked"].program, ('click="htmlonly"', "click=True")))
    updated = stack.up()
    assert updated.changes == {"update": 1}
    assert updated.diff("asked") == {"click.active": ("htmlonly", True)}
    assert puts(emulator) == ["PUT /v3/domains/asked.example.com/tracking/click"]
    assert emulator.domain("asked.example.com", region="eu").click == {"active": True}

    stack.destroy()
    domain = emulator.domain("asked.example.com", region="eu")
    assert not any(part["active"] for part in (domain.open, domain.click, domain.unsubscribe))


@pytest.mark.behaviour(22, 23, 31, 93)
@of_each_release("certificates")
def test_certificates(opened: Opener, release: str) -> None:
    """Every status, https over an active one, and `get`."""
    stack, emulator = opened(release, "certificates")
    due = ("processing", "error", "expired", "lapsed")
    preview = stack.preview()
    assert preview.changes == {"same": 4, "update": 4}
    assert {preview.step(name) for name in due} == {"update"}
    # A refresh counts another status as a change: only `lapsed` was still active in the state.
    refreshed = stack.refresh()
    assert refreshed.changes == {"same": 8, "update": 1}
    assert [refreshed.resource_outputs(name)["status"] for name in due] == [
        "processing",
        "error",
        "expired",
        "expired",
    ]
    assert puts(emulator) == []

    emulator.set_certificate("email.processing.example.com", "active")
    stack.write(
        edited(
            STACKS["certificates"].program,
            ("click=True", 'click="htmlonly"'),
            ("timeout=30", "timeout=60"),
            ("wait=False", "wait=True"),
        )
    )
    updated = stack.up()
    assert updated.changes == {"same": 3, "update": 5}
    assert sorted(puts(emulator)) == [
        "PUT /v2/x509/email.error.example.com",
        "PUT /v2/x509/email.expired.example.com",
        "PUT /v2/x509/email.lapsed.example.com",
        "PUT /v3/domains/active.example.com/tracking/click",
    ]
    assert {updated.resource_outputs(name)["status"] for name in due} == {"active"}

    emulator.forget_requests()
    stack.destroy()
    assert puts(emulator) == ["PUT /v3/domains/active.example.com/tracking/click"]
    domain = emulator.domain("active.example.com")
    assert domain.click == {"active": False}
    assert domain.certificates["email.active.example.com"].status == "active"


@pytest.mark.behaviour(31, 93)
@of_each_release("https")
def test_https(opened: Opener, release: str) -> None:
    """`HttpsTracking` without a record, with one, and with a prefix of its own.

    Web scheme and prefix were managed by its `DomainTracking`: a `TrackingHost` adopts them.
    """
    stack, emulator = opened(release, "https")
    names = ("alone", "record", "moved")
    refreshed = stack.refresh()
    assert refreshed.changes == {"same": 11}
    adopted = stack.up(skip_preview=False)
    assert adopted.changes == {"create": 3, "same": 8, "update": 3}
    for name in names:
        assert adopted.step(f"TrackingHost::{name}") == "create"
        assert adopted.step(f"DomainTracking::{name}") == "update"
        [(path, (before, after))] = adopted.diff(f"DomainTracking::{name}").items()
        assert path == "managed"
        released = [field for field in before if field not in after]
        assert released == ["web_scheme", "web_prefix"][: 2 if name == "moved" else 1]
        assert [*after, *released] == before
    assert puts(emulator) == []
    stack.preview("--refresh", "--expect-no-changes")
    assert puts(emulator) == []

    stack.write(
        edited(
            STACKS["https"].program,
            ('click="htmlonly"', "click=True"),
            ("open=True", "open=False"),
        )
    )
    updated = stack.up()
    assert updated.changes == {"same": 12, "update": 2}
    assert updated.step("DomainTracking::alone") == "update"
    assert updated.step("DomainTracking::record") == "update"
    assert sorted(puts(emulator)) == [
        "PUT /v3/domains/alone.example.com/tracking/click",
        "PUT /v3/domains/record.example.com/tracking/open",
    ]

    emulator.forget_requests()
    stack.destroy()
    assert sorted(puts(emulator)) == [
        "PUT /v3/domains/alone.example.com/tracking/click",
        "PUT /v3/domains/moved.example.com/tracking/click",
        "PUT /v3/domains/record.example.com/tracking/unsubscribe",
    ]
    assert {domain.web_scheme for domain in emulator.domains()} == {"https"}
