"""Whatever was changed by the program and by hand, Mailgun ends as the program says."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgun_tracking import DomainTracking
from mailgun_tracking._api.fields import FIELDS, SECTIONS, Field, fields_of, mentioned_fields
from mailgun_tracking.emulator import Emulator
from mailgun_tracking.tracking_host import TrackingHost
from tests.chaos.examples import examples
from tests.providers.engine import Engine

DOMAIN = "mg.example.com"
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "click": st.sampled_from([False, True, "htmlonly"]),
    "footer": st.sampled_from(["Leave: %unsubscribe_url%", "<p>\n%unsubscribe_url%</p>\n"]),
    "scheme": st.sampled_from(["http", "https"]),
    "prefix": st.sampled_from(["email", "links"]),
}
TRIED = count(1)
WEB = ("web_scheme", "web_prefix")
DIALS = st.fixed_dictionaries(
    {},
    # Two more dials hide a field from those who read it, so that nobody can tell that it drifted.
    optional={
        "booleans": st.just("yes_no"),
        "put_answers": st.just("message_only"),
        "footer_newlines": st.sampled_from(["crlf", "stripped"]),
        "tracking_web_scheme": st.just("missing"),
        "domain_web_prefix": st.just("missing"),
        "x509_other_host": st.just("issues"),
    },
)


@dataclass(frozen=True)
class Step:
    """What happens to the domain: somebody changes it by hand, or there is a command.

    Attributes:
        by: ``hand``; ``off``, where somebody turns off all tracking; or the command: ``refresh``
            has no program, and ``add`` is an ``up`` whose program says more than the one before.
        settings: what is changed, or what the program says.
    """

    by: str
    settings: dict[str, Any]


def some_settings() -> st.SearchStrategy[dict[str, Any]]:
    """Some fields of a domain, with values for each."""
    sections = {section: some_of(fields_of(section), at_least=1) for section in SECTIONS}
    web = some_of([field for field in FIELDS if field.section is None], at_least=0)
    return st.builds(operator.or_, st.fixed_dictionaries({}, optional=sections), web)


def some_of(fields: Sequence[Field], *, at_least: int) -> st.SearchStrategy[dict[str, Any]]:
    """Values for some of the fields, by name."""
    values = {field.name: VALUES[field.type] for field in fields}
    chosen = st.sets(st.sampled_from(sorted(values)), min_size=at_least)
    return chosen.flatmap(lambda names: st.fixed_dictionaries({n: values[n] for n in names}))


def steps() -> st.SearchStrategy[list[Step]]:
    """A sequence of changes by hand, of programs and of commands."""
    by_hand = st.builds(Step, st.just("hand"), some_settings())
    https_by = st.fixed_dictionaries({}, optional={"https_by": st.just("proxy")})
    programs = st.builds(operator.or_, some_settings(), https_by)
    commands = st.sampled_from(["up", "up --refresh", "preview --refresh", "destroy"])
    by_program = st.builds(Step, commands, programs)
    more = st.builds(Step, st.just("add"), some_settings())
    one = (by_hand | more | by_program | st.just(Step("refresh", {}))).map(lambda step: [step])
    # What an update without a refresh has to find out.
    off_and_more = more.map(lambda step: [Step("off", {}), step])
    first = st.builds(Step, st.just("up"), programs)
    then = st.lists(one | off_and_more, min_size=1, max_size=6)
    return st.builds(lambda step, parts: [step, *chain.from_iterable(parts)], first, then)


def added(settings: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """What a program says, and more."""
    both = {name: {**settings.get(name, {}), **more[name]} for name in SECTIONS if name in more}
    return settings | more | both


class Stack:
    """A stack of one domain, and Mailgun.

    Args:
        engine: the engine.
        emulator: Mailgun.
        is_split: whether web scheme and prefix are a `TrackingHost` of their own.
    """

    def __init__(self, engine: Engine, emulator: Emulator, *, is_split: bool) -> None:
        self.engine = engine
        self.emulator = emulator
        self.is_split = is_split
        self.settings: dict[str, Any] = {}

    def program(self) -> None:
        """Declare the settings."""
        if not self.is_split:
            DomainTracking("mg", DOMAIN, **self.settings)
            return
        sections = {name: self.settings[name] for name in SECTIONS if name in self.settings}
        web = {name: self.settings[name] for name in WEB if name in self.settings}
        DomainTracking("mg", DOMAIN, **sections)
        TrackingHost("host", DOMAIN, **web)

    @property
    def managed(self) -> list[Field]:
        return mentioned_fields(self.settings)

    def at_mailgun(self) -> dict[Field, Any]:
        """The settings as they are."""
        domain = vars(self.emulator.domain(DOMAIN))
        return {field: field.get(domain) for field in FIELDS}

    def read(self) -> dict[Field, Any]:
        """The settings as Mailgun returns them."""

        def program() -> None:
            DomainTracking("mg", DOMAIN)
            TrackingHost("host", DOMAIN)

        return self._by_field(self.engine.get(program, DOMAIN).outputs)

    def in_state(self) -> dict[Field, Any]:
        """The settings as state has them; those that it does not have are missing."""
        return self._by_field({name: one.outputs for name, one in self.engine.state.items()})

    def _by_field(self, outputs: dict[str, dict[str, Any]]) -> dict[Field, Any]:
        web = "host" if self.is_split else "mg"
        owners = {field: "mg" if field.section else web for field in FIELDS}
        return {field: field.get(outputs[one]) for field, one in owners.items() if one in outputs}

    def sent(self) -> set[str | None]:
        """What PUTs were about: sections, or None for the web scheme and prefix."""
        ends = [r.path.rpartition("/")[2] for r in self.emulator.requests if r.method == "PUT"]
        return {end if end in SECTIONS else None for end in ends}

    def up(self, *, refresh: bool) -> None:
        """Run `up`, and see that it did what it may and nothing else, or failed."""
        before, state_before = self.at_mailgun(), self.in_state()
        self.emulator.forget_requests()
        if self.engine.up(self.program, refresh=refresh, check=False).failed:
            return
        sent, state, read = self.sent(), self.in_state(), self.read()
        for field, found in self.at_mailgun().items():
            as_declared = field in self.managed and (refresh or field.section in sent)
            wanted = field.get(self.settings) if as_declared else before[field]
            assert field.same(found, wanted), f"{field.path} at Mailgun"
            is_stale = field.section not in sent and field in state_before
            if field.type == "footer" and field not in self.managed:
                assert state[field] is None, f"{field.path} in state"
                continue
            said = [read[field], *([state_before[field]] if is_stale else [])]
            assert any(field.same(state[field], one) for one in said), f"{field.path} in state"
        assert not self.differing()
        assert self.is_unchanged()

    def refresh(self) -> None:
        """Run `refresh`; state says what Mailgun says, and what differs is a change."""
        self.engine.refresh()
        state, read = self.in_state(), self.read()
        for field, value in state.items():
            # Of the footers, state has only those that are managed.
            said = (read[field], None) if field.type == "footer" else (read[field],)
            assert any(field.same(value, one) for one in said), f"{field.path} in state"
        if state and self.differing():
            assert not self.is_unchanged()

    def differing(self) -> list[str]:
        """The managed fields that state has otherwise than the program."""
        state = self.in_state()
        return [
            field.path
            for field in self.managed
            if field not in state or not field.same(state[field], field.get(self.settings))
        ]

    def is_unchanged(self) -> bool:
        """Whether a preview without refresh shows no change."""
        steps = self.engine.preview(self.program, check=False).steps
        return {*steps.values()} == {"same"}


@pytest.mark.behaviour(6, 10, 39, 40)
@examples(60)
@given(dials=DIALS, is_split=st.booleans(), sequence=steps())
def test_whatever_happens_an_up_ends_as_the_program_says(
    new_engine: Callable[[], Engine],
    emulator: Emulator,
    record_property: Callable[[str, object], None],
    dials: dict[str, str],
    is_split: bool,
    sequence: list[Step],
) -> None:
    """Or it fails; and a field that the program does not mention is never touched.

    Without a refresh, that is so for each section that is sent; state says what Mailgun said last.
    """
    record_property("tried", next(TRIED))
    stack = Stack(new_engine(), emulator, is_split=is_split)
    emulator.reset()
    emulator.set_dials(**dials)
    emulator.set_certificate(f"email.{DOMAIN}")
    for step in sequence:
        if step.by == "hand":
            emulator.drift(DOMAIN, **step.settings)
        elif step.by == "off":
            emulator.drift(DOMAIN, open=False, click=False, unsubscribe=False)
        elif step.by == "refresh":
            stack.refresh()
        elif step.by == "destroy":
            stack.engine.refresh()
            stack.engine.destroy()
        else:
            is_more = step.by == "add"
            stack.settings = added(stack.settings, step.settings) if is_more else step.settings
            if step.by == "preview --refresh":
                stack.engine.preview(stack.program, refresh=True, check=False)
            else:
                stack.up(refresh=step.by == "up --refresh")
    stack.up(refresh=True)
