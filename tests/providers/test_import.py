"""What `mailgun-tracking import` writes can be declared as it is."""

from __future__ import annotations

import string
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgun_tracking._api.fields import FIELDS, SECTIONS, fields_of
from mailgun_tracking.cli.import_plan import DEFAULTS
from mailgun_tracking.domain_tracking import DomainTrackingProvider
from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import puts
from tests.chaos.examples import examples
from tests.cli.running import run_import
from tests.providers.engine import PROVIDER_KEY, Engine, State

DOMAIN = "mg.example.com"
LABEL = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "click": st.sampled_from([False, True, "htmlonly"]),
    # The second one is the example of Mailgun's own file.
    "footer": st.sampled_from(["", "off", "<p>\r\n%tag_unsubscribe_url%</p> "]) | st.text(),
    "scheme": st.sampled_from(["http", "https"]),
    "prefix": LABEL | st.builds("{}-{}".format, LABEL, LABEL),
}
AT_MAILGUN: dict[str, st.SearchStrategy[Any]] = {
    "web_scheme": VALUES["scheme"],
    "web_prefix": VALUES["prefix"],
} | {
    section: st.fixed_dictionaries({field.name: VALUES[field.type] for field in fields_of(section)})
    for section in SECTIONS
}
DIALS = st.fixed_dictionaries(
    {},
    optional={
        "htmlonly_reads_as": st.just("true"),
        "booleans": st.just("yes_no"),
        "footer_newlines": st.sampled_from(["crlf", "stripped"]),
        "empty_footer": st.just("missing"),
        "tracking_web_scheme": st.just("missing"),
        "domain_web_prefix": st.just("missing"),
        "open_answer": st.just("active_only"),
    },
)


@pytest.mark.behaviour(49)
@examples(50)
@given(at_mailgun=st.fixed_dictionaries(AT_MAILGUN), dials=DIALS)
def test_what_is_imported_can_be_declared(
    new_engine: Callable[[], Engine],
    emulator: Emulator,
    at_mailgun: dict[str, Any],
    dials: dict[str, str],
) -> None:
    """Whatever Mailgun has: the program that is written previews without a change."""
    emulator.reset()
    emulator.set_dials(**dials)
    emulator.drift(DOMAIN, **at_mailgun)
    with tempfile.TemporaryDirectory() as directory:
        done = run_import(Path(directory), DOMAIN)
        assert done.code == 0
        [entry] = done.resources
        code = compile(done.program, "__main__.py", "exec")
    provider = DomainTrackingProvider()
    key = {PROVIDER_KEY: type(provider).__name__}
    inputs, outputs = {**entry["inputs"], **key}, {**entry["outputs"], **key}
    engine = new_engine()
    engine.state[DOMAIN] = State(provider, entry["id"], inputs, outputs)

    def program() -> None:
        exec(code, {})

    assert engine.preview(program).steps == {DOMAIN: "same"}
    assert engine.up(program, refresh=True).steps == {DOMAIN: "same"}
    assert puts(emulator) == []
    told = "\n".join(done.told)
    not_returned = {field.path for field in FIELDS if f"left out: {field.path} of" in told}
    assert (
        set(outputs["managed"])
        == {
            field.path
            for field in FIELDS
            if not field.same(field.get(at_mailgun), DEFAULTS[field.path])
        }
        - not_returned
    )
    assert not_returned <= ({"open.place_at_the_top"} if "open_answer" in dials else set()) | (
        {"unsubscribe.html_footer", "unsubscribe.text_footer"} if "empty_footer" in dials else set()
    )
