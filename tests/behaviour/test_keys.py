"""Where a key may be stored, and that it is nowhere else."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.leaks import forms_of, leaks
from tests.behaviour.mail import MailFactory, MailStack, calls, puts

KEY = "key-9f/3+a51c=7e/0b+d2"
VERBOSE = ("-v=9", "--logtostderr", "--logflow")
PROGRAM = """
tracking = DomainTracking("mg", "mg.example.com", click=True, unsubscribe=True)
certificate = TrackingCertificate("certificate", tracking.tracking_domain)
pulumi.export("cname", tracking.cname)
pulumi.export("again", get_domain_tracking("mg.example.com").click)
"""


@pytest.fixture
def guarded() -> Iterator[Emulator]:
    """A Mailgun whose key looks different in every encoding."""
    with Emulator(domains=["mg.example.com"], keys={KEY: "default"}) as emulator:
        yield emulator


@pytest.mark.behaviour(5)
@pytest.mark.parametrize(
    ("setting", "value", "command"),
    [
        ("mailgun:apiKey", KEY, "pulumi config set --secret mailgun:apiKey"),
        ("mailgun-tracking:apiKey", KEY, "pulumi config set --secret mailgun-tracking:apiKey"),
        (
            "mailgun-tracking:accounts",
            {"brand-b": KEY},
            "pulumi config set --secret --path 'mailgun-tracking:accounts[\"NAME\"]'",
        ),
    ],
)
def test_a_key_in_plain_text_is_refused_with_the_command_that_fixes_it(
    mail: MailFactory, emulator: Emulator, setting: str, value: object, command: str
) -> None:
    """Before any request is sent, and without showing the key."""
    stack = mail('DomainTracking("mg", "mg.example.com", click=True)', config={setting: value})
    refused = stack.up(check=False)
    assert refused.code != 0
    assert f"{setting} is stored in plain text in the stack configuration" in refused.output
    assert command in refused.output
    assert KEY not in refused.output
    assert calls(emulator) == []
    assert emulator.domain("mg.example.com").click["active"] is False


@pytest.mark.behaviour(5)
def test_a_key_in_the_environment_leaves_no_trace(mail: MailFactory, guarded: Emulator) -> None:
    """State, history, event log, verbose log and errors are free of it, however it is encoded."""
    stack = _stack(mail, guarded, PROGRAM)
    stack.environment["PULUMI_DEBUG_GRPC"] = str(stack.directory / "grpc.json")
    logs = [stack.up(*VERBOSE, skip_preview=False)]
    assert guarded.domain("mg.example.com").click["active"] is True

    stack.write(PROGRAM + 'DomainTracking("no", "no.example.com", click=True)')
    wrong = "key-wrong/5c+81=aa/f3+"
    refused = stack.up(*VERBOSE, env={"MAILGUN_API_KEY": wrong}, check=False)
    assert "(401)" in refused.output
    stack.set_constants({"_provider.operation.MISSING_SECONDS": 0.0})
    missing = stack.up(*VERBOSE, check=False)
    assert "(404)" in missing.output
    guarded.add_fault(path="/v3/*", status=400, body={"message": f"what is {KEY}?"}, times=1)
    echoed = stack.refresh(*VERBOSE, check=False)
    assert "what is [key]? (400)" in echoed.output
    logs += [refused, missing, echoed, stack.refresh(*VERBOSE), stack.destroy(*VERBOSE)]
    stack.run("stack", "export", "--file", str(stack.directory / "exported.json"))

    assert guarded.domain("mg.example.com").click["active"] is False
    # The search covers all kinds of files, and they are not empty.
    for result in logs:
        assert result.stderr.count('"v":9}') > 20
    searched = {_kind(file) for file in stack.directory.rglob("*") if file.is_file()}
    assert searched >= {"state", "history", "events", "stdout", "stderr", "grpc", "exported"}
    assert leaks(KEY, [stack.directory]) == {}
    assert leaks(wrong, [stack.directory]) == {}


@pytest.mark.behaviour(5)
def test_what_pulumis_own_log_of_calls_holds_is_pulumis(
    mail: MailFactory, guarded: Emulator
) -> None:
    """A key in the configuration is where the engine hands it to a process, and nowhere else."""
    stack = _stack(mail, guarded, PROGRAM)
    stack.environment["MAILGUN_API_KEY"] = ""
    stack.config_set("mailgun:apiKey", KEY, secret=True)
    log = stack.directory / "grpc.json"
    stack.up(env={"PULUMI_DEBUG_GRPC": str(log)})
    assert guarded.domain("mg.example.com").click["active"] is True
    holding = {
        call["method"].rpartition("/")[2]
        for call in map(json.loads, log.read_text().splitlines())
        if any(form in json.dumps(call).encode() for form in forms_of(KEY).values())
    }
    assert holding == {"Run", "GetDeploymentInfo", "CheckConfig", "Configure"}


@pytest.mark.behaviour(5)
def test_the_search_finds_a_key_that_was_planted(mail: MailFactory, guarded: Emulator) -> None:
    """In each form, and in each kind of file that a run leaves behind."""
    stack = _stack(
        mail,
        guarded,
        f"""
        for number, text in enumerate({list(_plants().values())!r}):
            pulumi.export(f"planted {{number}}", text)
            pulumi.log.info(text)
        """,
    )
    stack.up(*VERBOSE, env={"PULUMI_DEBUG_GRPC": str(stack.directory / "grpc.json")})
    found = leaks(KEY, [stack.directory])
    program = found.pop("__main__.py")
    by_kind: dict[str, set[str]] = {}
    for path, hits in found.items():
        by_kind.setdefault(_kind(Path(path)), set()).update(hits)
    assert set(by_kind) >= {"state", "history", "events", "stdout", "stderr", "grpc"}
    for hits in [program, *by_kind.values()]:
        assert hits >= set(_plants())
    assert calls(guarded) == []


@pytest.mark.parametrize("form", sorted(forms_of(KEY)))
def test_each_form_is_found_by_itself(tmp_path: Path, form: str) -> None:
    """A single form is enough."""
    (tmp_path / "some log").write_bytes(b"before" + forms_of(KEY)[form] + b"after")
    assert form in leaks(KEY, [tmp_path])["some log"]


def test_the_header_of_basic_authentication_is_found(tmp_path: Path) -> None:
    """`api:KEY` in base64 holds the key, as do longer texts in base64."""
    for number, around in enumerate((f"api:{KEY}", KEY, f"x{KEY}y", f'{{"key": "{KEY}"}}')):
        (tmp_path / f"{number}").write_bytes(base64.b64encode(around.encode()))
        (tmp_path / f"{number}u").write_bytes(base64.urlsafe_b64encode(around.encode()))
    assert len(leaks(KEY, [tmp_path])) == 8
    assert leaks("key-9f/3+a51c=7e/0b+zz", [tmp_path]) == {}


@pytest.mark.behaviour(5)
def test_a_secret_key_in_the_configuration_is_ciphertext_and_nothing_adds_a_copy(
    mail: MailFactory, guarded: Emulator
) -> None:
    """Only the engine keeps it, encrypted, with its own provider; none of our resources does."""
    stack = _stack(mail, guarded, PROGRAM)
    del stack.environment["MAILGUN_API_KEY"]
    stack.config_set("mailgun:apiKey", KEY, secret=True)
    stack.config_set('mailgun-tracking:accounts["brand-b"]', KEY, secret=True, path=True)
    (stack.directory / "logs").rename(stack.directory.parent / f"{stack.directory.name}-setup")
    stack.up(skip_preview=False)
    stack.refresh()
    assert guarded.domain("mg.example.com").click["active"] is True
    assert leaks(KEY, [stack.directory]) == {}
    state = json.dumps(stack.export())
    assert "ciphertext" in state

    clear = stack.export("--show-secrets")["deployment"]["resources"]
    holders = {one["type"] for one in clear if KEY in json.dumps(one)}
    assert holders == {"pulumi:providers:pulumi-python"}
    stack.destroy()
    assert guarded.domain("mg.example.com").click["active"] is False


@pytest.mark.behaviour(5)
def test_a_401_says_where_the_key_came_from_and_that_refresh_runs_with_the_last_ups(
    mail: MailFactory, tmp_path: Path
) -> None:
    """After the key changed, refresh and destroy need `--run-program`, and the error says so."""
    body = 'DomainTracking("mg", "mg.example.com", click=True)'
    state = tmp_path / "mailgun.json"
    with Emulator(["mg.example.com"], keys={"key-old": "default"}, state_file=state) as old:
        stack = _stack(mail, old, body)
        del stack.environment["MAILGUN_API_KEY"]
        stack.config_set("mailgun:apiKey", "key-old", secret=True)
        stack.up()
        port = old.port
    stack.config_set("mailgun:apiKey", "key-new", secret=True)
    with Emulator([], keys={"key-new": "default"}, state_file=state, port=port) as new:
        for command in (stack.refresh, stack.destroy):
            refused = command(check=False)
            assert refused.code != 0
            (error,) = refused.diagnostics("mg", "error")
            assert "Invalid private key (401)" in error
            assert "the key is from mailgun:apiKey in the stack's configuration" in error
            assert "--run-program" in error
            assert "Traceback" not in refused.output
        assert {request.account for request in new.requests} == {None}

        assert stack.refresh("--run-program").step("mg") == "same"
        assert stack.destroy("--run-program").changes["delete"] == 1
        assert puts(new) == ["PUT /v3/domains/mg.example.com/tracking/click"]
        assert new.domain("mg.example.com").click["active"] is False


def _stack(mail: MailFactory, emulator: Emulator, body: str) -> MailStack:
    address = f"{emulator.url}/{{region}}"
    return mail(body, env={"MAILGUN_BASE_URL": address, "MAILGUN_API_KEY": emulator.key})


def _plants() -> dict[str, str]:
    """The forms that a program can plant as strings of its own, inside longer ones too."""
    texts = {"plain": KEY, "quote": quote(KEY, safe="")}
    for before, around in enumerate((KEY, f"x{KEY}", f"xx{KEY}")):
        texts[f"base64 at {before}"] = base64.b64encode(around.encode()).decode()
    return texts


def _kind(file: Path) -> str:
    """What kind of file of a stack's folder this is."""
    if "history" in file.parts:
        return "history"
    if "stacks" in file.parts:
        return "state"
    return file.stem
