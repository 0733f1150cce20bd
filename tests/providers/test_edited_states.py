"""Whatever somebody writes into a state, no command fails over it, but in one line that helps."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgun_tracking import DomainTracking, TrackingCertificate, errors
from mailgun_tracking._provider import operation
from mailgun_tracking.domain_tracking import INPUTS, OUTPUTS
from mailgun_tracking.emulator import Emulator
from mailgun_tracking.tracking_certificate import INPUTS as CERTIFICATE_INPUTS
from mailgun_tracking.tracking_certificate import OUTPUTS as CERTIFICATE_OUTPUTS
from mailgun_tracking.tracking_host import TrackingHost
from tests.chaos.examples import examples
from tests.providers.engine import Engine, Run, State

DOMAIN = "eu.example.com"
FOOTER = "<p>\n%unsubscribe_url%</p>\n"

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 5.5, "", "x", "soon", "é.example.com", "a" * 300, "us", "0"]),
    st.sampled_from(["2026-01-01T00:00:00Z", "other.example.com", "eu/other.example.com"]),
    st.sampled_from([[], {}, [1], ["nonsense"], ["click.active"], [["click.active"]], [{}]]),
    st.sampled_from(
        [{"active": 7}, {"active": None}, {"html_footer": 3}, {"name": 1, "value": []}]
    ),
    st.sampled_from([{"click.active": {}}, {"unsubscribe.html_footer": "x"}, {"nonsense": 1}]),
)
OF_A_DOMAIN = (*INPUTS, *OUTPUTS, "asked", "new")
PROPERTIES = {
    "settings": OF_A_DOMAIN,
    "host": OF_A_DOMAIN,
    "certificate": (*CERTIFICATE_INPUTS, *CERTIFICATE_OUTPUTS, "status_since", "new"),
}
Edit = tuple[str, str, str, Any]
"""The resource's name, where it is edited, the property, and its new value."""
EDITS = st.lists(
    st.sampled_from([*PROPERTIES]).flatmap(
        lambda resource: st.tuples(
            st.just(resource),
            st.sampled_from(["outputs", "both", "inputs", "id"]),
            st.sampled_from(PROPERTIES[resource]),
            st.just("removed") | ODD,
        )
    ),
    min_size=1,
    max_size=5,
)


def program() -> None:
    """One resource of each kind, all about one domain."""
    DomainTracking(
        "settings",
        DOMAIN,
        region="eu",
        open={"active": True, "place_at_the_top": True},
        click="htmlonly",
        unsubscribe={"active": True, "html_footer": FOOTER},
    )
    TrackingHost("host", DOMAIN, region="eu", web_scheme="https")
    TrackingCertificate("certificate", f"email.{DOMAIN}", region="eu")


def edit(state: dict[str, State], edits: list[Edit]) -> None:
    """Edit properties, or IDs."""
    for resource, where, name, value in edits:
        one = state[resource]
        if where == "id":
            one.id = value if isinstance(value, str) else one.id
            continue
        places = {"inputs": [one.inputs], "outputs": [one.outputs]}
        for properties in places.get(where, [one.inputs, one.outputs]):
            properties.pop(name, None)
            if value not in ("removed", None):
                properties[name] = value


def assert_says_what_to_do(run: Run) -> None:
    """Each error is one of ours, on one line."""
    for name, message in run.errors.items():
        kind, _, text = message.partition(": ")
        assert issubclass(getattr(errors, kind, Exception), errors.TrackingError), message
        assert "\n" not in text, f"{name}: {message}"
        assert "bug" not in text, message
    assert not run.refused


def own(state: dict[str, State]) -> dict[str, dict[str, Any]]:
    """What a program can see of a state: salted hashes are not the same twice."""
    return {
        name: {key: value for key, value in one.outputs.items() if key != "asked"}
        for name, one in state.items()
    }


class Deployed:
    """A stack as `program` says, before somebody edits its state."""

    def __init__(self, emulator: Emulator, engine: Engine) -> None:
        self._emulator = emulator
        self.engine = engine
        self._at_mailgun: dict[str, Any] = {}
        self.state: dict[str, State] = {}

    def at_mailgun(self) -> dict[str, Any]:
        """What Mailgun has."""
        domain = vars(self._emulator.domain(DOMAIN, region="eu"))
        names = ("open", "click", "unsubscribe", "web_scheme", "web_prefix")
        return copy.deepcopy({name: domain[name] for name in names})

    def restore(self) -> None:
        """Bring state and Mailgun to where the program wants them."""
        if not self.state or not self.mailgun_is_unchanged():
            self._emulator.reset()
            # Values that read back differently get into `asked`.
            self._emulator.set_dials(htmlonly_reads_as="true", footer_newlines="crlf")
            self._emulator.add_domain("other.example.com", region="eu")
            self._emulator.set_certificate(f"email.{DOMAIN}", "active", region="eu")
            self.engine.state.clear()
            self.engine.up(program)
            # The settings were made before https was on.
            self.engine.refresh()
            self.state = copy.deepcopy(self.engine.state)
            self._at_mailgun = self.at_mailgun()
        self.engine.state = copy.deepcopy(self.state)

    def mailgun_is_unchanged(self) -> bool:
        """Whether Mailgun has what it had after the first `up`."""
        return self.at_mailgun() == self._at_mailgun


@pytest.fixture
def deployed(emulator: Emulator, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Deployed:
    """A stack whose state can be edited."""
    monkeypatch.setattr(operation, "MISSING_SECONDS", 0)
    return Deployed(emulator, engine)


TRIED = itertools.count(1)
"""How many states were edited, for `make chaos`: the last number counts."""


@pytest.mark.behaviour(94)
@examples(30)
@given(edits=EDITS, commands=st.lists(st.sampled_from(["preview", "up", "refresh"]), max_size=2))
def test_any_edit(
    deployed: Deployed,
    record_property: Callable[[str, object], None],
    edits: list[Edit],
    commands: list[str],
) -> None:
    """After a refresh and an up the state is as before, and Mailgun was so all the time."""
    record_property("tried", next(TRIED))
    deployed.restore()
    engine = deployed.engine
    edit(engine.state, edits)
    for command in [*commands, "refresh", "up", "refresh", "up"]:
        if command == "refresh":
            run = engine.refresh(check=False)
        else:
            run = getattr(engine, command)(program, check=False)
        assert_says_what_to_do(run)
        for name, message in run.errors.items():
            if "pulumi state delete" in message:
                del engine.state[name]
    assert not run.failed
    assert own(engine.state) == own(deployed.state)
    assert deployed.mailgun_is_unchanged()
    assert set(engine.preview(program).steps.values()) == {"same"}


@pytest.mark.behaviour(94)
@examples(10)
@given(edits=EDITS)
def test_destroy_after_any_edit(deployed: Deployed, edits: list[Edit]) -> None:
    """It succeeds, or says what to do."""
    deployed.restore()
    edit(deployed.engine.state, edits)
    assert_says_what_to_do(deployed.engine.destroy(check=False))
