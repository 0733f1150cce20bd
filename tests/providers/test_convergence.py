"""Whatever was changed by the program and by hand, Mailgun ends as the program says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailgun_tracking import DomainTracking
from mailgun_tracking._api.fields import FIELDS, SECTIONS, Field, fields_of, mentioned_fields
from mailgun_tracking.emulator import Emulator
from tests.providers.engine import Engine

DOMAIN = "mg.example.com"
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "click": st.sampled_from([False, True, "htmlonly"]),
    "footer": st.sampled_from(["Leave: %unsubscribe_url%", "<p>\n%unsubscribe_url%</p>\n"]),
    "scheme": st.sampled_from(["http", "https"]),
    "prefix": st.sampled_from(["email", "links"]),
}
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
    """What happens to the domain: somebody changes it, or the program and `up` do."""

    by: str
    settings: dict[str, Any]


def some_settings() -> st.SearchStrategy[dict[str, Any]]:
    """Some fields of a domain, with values for each."""
    sections: dict[str, st.SearchStrategy[dict[str, Any]]] = {
        section: st.fixed_dictionaries(
            {}, optional={field.name: VALUES[field.type] for field in fields_of(section)}
        ).filter(bool)
        for section in SECTIONS
    }
    own = {field.name: VALUES[field.type] for field in FIELDS if field.section is None}
    return st.fixed_dictionaries({}, optional={**sections, **own})


def steps() -> st.SearchStrategy[list[Step]]:
    """A sequence of changes by hand, and of programs."""
    by_hand = st.builds(Step, st.just("hand"), some_settings())
    https_by = st.fixed_dictionaries({}, optional={"https_by": st.just("proxy")})
    programs = st.builds(lambda one, two: one | two, some_settings(), https_by)
    by_program = st.builds(Step, st.sampled_from(["up", "preview", "destroy"]), programs)
    return st.lists(by_hand | by_program, min_size=1, max_size=8)


def value_at_mailgun(emulator: Emulator, field: Field) -> Any:
    return field.get(vars(emulator.domain(DOMAIN)))


@pytest.mark.behaviour(6, 10)
@settings(
    max_examples=50,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(dials=DIALS, sequence=steps())
def test_an_up_after_a_refresh_ends_as_the_program_says(
    new_engine: Callable[[], Engine],
    emulator: Emulator,
    dials: dict[str, str],
    sequence: list[Step],
) -> None:
    """Or it fails; and a field that the program does not mention is never touched."""
    engine = new_engine()
    emulator.reset()
    emulator.set_dials(**dials)
    emulator.set_certificate(f"email.{DOMAIN}")
    for step in sequence:
        before = {field: value_at_mailgun(emulator, field) for field in FIELDS}

        def program(inputs: dict[str, Any] = step.settings) -> None:
            DomainTracking("mg", DOMAIN, **inputs)

        if step.by == "hand":
            emulator.drift(DOMAIN, **step.settings)
        elif step.by == "preview":
            engine.preview(program, refresh=True, check=False)
        elif step.by == "destroy":
            engine.refresh()
            engine.destroy()
        else:
            run = engine.up(program, refresh=True, check=False)
            managed = mentioned_fields(step.settings)
            for field in FIELDS:
                wanted = field.get(step.settings) if field in managed else before[field]
                found = value_at_mailgun(emulator, field)
                assert run.failed or field.same(found, wanted), field.path
            if not run.failed:
                assert engine.preview(program, refresh=True).steps == {"mg": "same"}
