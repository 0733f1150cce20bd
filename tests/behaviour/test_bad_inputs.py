"""Every wrong input gets one line that says what to write, and never shows a key."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import zip_longest

import pytest
from syrupy.assertion import SnapshotAssertion

from mailgun_tracking.emulator import Emulator
from tests.behaviour.bad_inputs import CALLS, CERTIFICATE, CONFIGURATIONS, KEY, PROGRAMS, SETTINGS
from tests.behaviour.mail import MailFactory, puts
from tests.behaviour.test_stand_in import compiled
from tests.providers.conftest import emulator_is_mailgun, engine, new_engine
from tests.providers.engine import Engine

__all__ = ["emulator_is_mailgun", "engine", "new_engine"]

PREFIX = f"KEY = {KEY!r}\nOptions = pulumi.ResourceOptions\n"

ATTEMPT = """
import json, os, pathlib
from mailgun_tracking._provider.process import process
from pulumi.runtime import get_config, set_all_config

answers = {}

def attempt(label, call):
    try:
        call()
    except TrackingError as error:
        answers[label] = f"{type(error).__name__}: {error}"
    except BaseException as error:
        answers[label] = f"NOT OURS: {type(error).__name__}: {error}"
    else:
        answers[label] = "NOT REFUSED"

def write():
    pathlib.Path("answers.json").write_text(json.dumps(answers))
"""

CONFIGURE = """
def configured(settings):
    config = {name: value for name, value in settings.items() if ":" in name}
    variables = {name: value for name, value in settings.items() if ":" not in name}
    before = dict(os.environ)
    os.environ |= variables
    if any("baseUrl" in name for name in settings):
        del os.environ["MAILGUN_BASE_URL"]
    if any("apiKey" in name for name in settings):
        del os.environ["MAILGUN_API_KEY"]
    set_all_config(config, list(config))
    try:
        if "mailgun-tracking:nameserver" in config:
            process.settings_from(get_config).name_server() or 1 / 0
        account = "brand-b" if "mailgun-tracking:accounts" in config else None
        get_domain_tracking("mg.example.com", account=account)
    finally:
        os.environ.clear()
        os.environ |= before

for settings in SETTINGS:
    attempt(json.dumps(settings), lambda: configured(settings))
write()
"""


@pytest.mark.behaviour(91)
@pytest.mark.parametrize(
    ("resource", "columns"),
    [("DomainTracking", SETTINGS), ("TrackingCertificate", CERTIFICATE)],
    ids=["settings", "certificate"],
)
def test_arguments(
    mail: MailFactory,
    emulator: Emulator,
    engine: Engine,
    snapshot: SnapshotAssertion,
    record_property: Callable[[str, object], None],
    resource: str,
    columns: dict[str, list[str]],
) -> None:
    """Each preview shows everything that is wrong with one resource: so one takes many.

    Those with a key run on Pulumi's engine too, which shows the same, and no value.
    """
    stack = mail()
    answers = {}
    for values in zip_longest(*columns.values()):
        given = {name: v for name, v in zip(columns, values, strict=True) if v is not None}
        domain = next(iter(columns))
        given.setdefault(domain, '"email.mg.example.com"')
        arguments = ", ".join(f"{name}={value}" for name, value in given.items())
        program = f'{PREFIX}{resource}("bad", {arguments})'
        texts = engine.preview(compiled(f"import pulumi\n{program}"), check=False).refused["bad"]
        if "KEY" in arguments:
            stack.write(program)
            refused = stack.preview(check=False)
            assert refused.code != 0
            assert "Traceback" not in refused.output
            assert KEY not in refused.output + str(refused.events)
            errors = refused.diagnostics("bad", "error")
            shown = [error.partition("resource 'bad' has a problem: ")[2] for error in errors]
            assert shown == texts
        assert [text for text in texts if KEY in text or "Traceback" in text] == []
        for name in columns.keys() & given.keys():
            own = [text for text in texts if re.match(rf"{name}[.:]", text)]
            answers[f"{name}={given[name]}"] = own
            texts = [text for text in texts if text not in own]
        assert texts == []
    assert puts(emulator) == []
    assert [
        label for label, own in answers.items() if not own and "mg.example.com" not in label
    ] == []
    record_property("tried", len(answers))
    assert answers == snapshot


@pytest.mark.behaviour(91)
def test_calls_and_configurations(
    mail: MailFactory,
    emulator: Emulator,
    snapshot: SnapshotAssertion,
    record_property: Callable[[str, object], None],
) -> None:
    """In the program: an error of this package, and never one of the SDK."""
    stack = mail()
    calls = [f"attempt({call!r}, lambda: {call})" for call in CALLS]
    answers: dict[str, str] = {}
    for body in ("\n".join([*calls, "write()"]), f"SETTINGS = {CONFIGURATIONS!r}\n{CONFIGURE}"):
        stack.write(f"{PREFIX}{ATTEMPT}{body}")
        result = stack.preview(check=False)
        assert KEY not in result.output + str(result.events)
        answers |= json.loads((stack.directory / "answers.json").read_text())
    assert len(answers) == len(CALLS) + len(CONFIGURATIONS)
    assert {call: text for call, text in answers.items() if KEY in text or "NOT " in text} == {}
    assert [answer for answer in answers.values() if "\n" in answer] == []
    assert puts(emulator) == []
    record_property("tried", len(answers))
    assert answers == snapshot


@pytest.mark.behaviour(91)
def test_programs(
    mail: MailFactory, snapshot: SnapshotAssertion, record_property: Callable[[str, object], None]
) -> None:
    """What Pulumi shows: one line, and no traceback."""
    stack = mail()
    answers = {}
    for name, program in PROGRAMS.items():
        stack.write(program)
        refused = stack.preview(check=False)
        assert refused.code != 0
        answers[name] = refused.all_diagnostics()
    assert [text for texts in answers.values() for text in texts if "Traceback" in text] == []
    record_property("tried", len(answers))
    assert answers == snapshot
