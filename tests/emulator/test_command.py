"""The command line: the environment of the nested command, exit statuses, invalid options."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from mailgun_tracking.emulator import Emulator
from mailgun_tracking.emulator.command import emulator

ROOT = Path(__file__).parents[2]
EMULATOR = [sys.executable, "-m", "mailgun_tracking.emulator"]

SHOW_ENVIRONMENT = (
    "import json, os; print(json.dumps({k: v for k, v in os.environ.items() if 'MAILGUN' in k}))"
)
ASK = """
import json, os, sys, urllib.error, urllib.request, base64
base = os.environ["MAILGUN_BASE_URL"].replace("{region}", sys.argv[3] if sys.argv[3:] else "")
key = base64.b64encode(("api:" + os.environ["MAILGUN_API_KEY"]).encode()).decode()
control = sys.argv[2].startswith("/_emulator/")
headers = {
    "Authorization": "Bearer " + os.environ["MAILGUN_EMULATOR_TOKEN"] if control else "Basic " + key
}
request = urllib.request.Request(base + sys.argv[2], method=sys.argv[1], headers=headers)
try:
    response = urllib.request.urlopen(request, timeout=10)
except urllib.error.HTTPError as error:
    response = error
print(json.dumps([response.status, json.load(response)]))
"""


@dataclasses.dataclass(frozen=True)
class Done:
    """The result of a run of the command."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in this process; the nested command is a child process."""
    for name in _environment().keys() ^ os.environ.keys():
        monkeypatch.delenv(name, raising=False)

    def in_this_process(
        *arguments: str, program: str | None = None, extra: Sequence[str] = ()
    ) -> Done:
        inside = ["--", sys.executable, "-S", "-c", program, *extra] if program is not None else []
        with pytest.raises(SystemExit) as end:
            emulator.main([*arguments, *inside], prog_name="emulator")
        out, err = capfd.readouterr()
        assert isinstance(end.value.code, int)
        return Done(end.value.code, out, err)

    return in_this_process


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("MAILGUN_")}


@contextlib.contextmanager
def _start(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command in a process, which is killed if the test fails."""
    with subprocess.Popen(
        [*EMULATOR, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**_environment(), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        cwd=ROOT,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _exports(process: subprocess.Popen[str]) -> dict[str, str]:
    """Return the variables that a serving command prints."""
    lines = [_line(process) for _ in range(5)]
    return dict(line.removeprefix("export ").split("=", 1) for line in lines)


def test_it_runs_as_a_module() -> None:
    with _start("--", sys.executable, "-c", SHOW_ENVIRONMENT) as process:
        given = json.loads(_line(process))
        assert process.wait(30) == 0
    assert sorted(given) == [
        "MAILGUN_API_KEY",
        "MAILGUN_BASE_URL",
        "MAILGUN_EMULATOR_TOKEN",
        "MAILGUN_EMULATOR_URL",
        "MAILGUN_TRACKING_NAMESERVER",
    ]


def test_the_command_gets_a_working_url_and_key(run: Run) -> None:
    done = run("--domain", "mg.example.com", program=ASK, extra=["GET", "/v4/domains"])
    assert done.returncode == 0
    status, body = json.loads(done.stdout)
    assert (status, [item["name"] for item in body["items"]]) == (200, ["mg.example.com"])
    assert done.stderr == ""


def test_with_both_regions_the_url_has_a_placeholder(run: Run) -> None:
    done = run("--region", "both", "--key", "a-key", program=SHOW_ENVIRONMENT)
    given = json.loads(done.stdout)
    # That of the control API has none.
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", given["MAILGUN_EMULATOR_URL"])
    assert given["MAILGUN_BASE_URL"] == given["MAILGUN_EMULATOR_URL"] + "/{region}"
    assert given["MAILGUN_API_KEY"] == "a-key"


@pytest.mark.parametrize("name", ["MAILGUN_API_KEY", "MAILGUN_EMULATOR_TOKEN"])
def test_each_run_has_a_new_key_and_token(run: Run, name: str) -> None:
    assert len({json.loads(run(program=SHOW_ENVIRONMENT).stdout)[name] for _ in range(2)}) == 2


@pytest.mark.parametrize("status", [0, 7, 255])
def test_it_exits_with_the_status_of_the_command(run: Run, status: int) -> None:
    assert run(program=f"raise SystemExit({status})").returncode == status


def test_a_killed_command_exits_as_in_a_shell(run: Run) -> None:
    done = run(program="import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert done.returncode == 128 + signal.SIGKILL


def test_a_command_that_cannot_be_run(run: Run, tmp_path: Path) -> None:
    done = run("--", "no-such-command")
    assert (done.returncode, done.stderr) == (127, "Error: command not found: no-such-command\n")
    plain = tmp_path / "plain"
    plain.write_text("")
    done = run("--", str(plain))
    assert done.returncode == 126
    assert "Permission denied" in done.stderr


def test_options_of_the_command_are_passed_on(run: Run) -> None:
    done = run("--any-domain", sys.executable, "-c", "import sys; print(sys.argv[1:])", "--port")
    assert done.stdout.strip() == "['--port']"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_forwarded_to_the_command(number: signal.Signals) -> None:
    program = (
        "import signal, sys\n"
        "def end(number, frame):\n"
        "    print('got', number, flush=True)\n"
        "    sys.exit(40 + number)\n"
        f"signal.signal({int(number)}, end)\n"
        "print('ready', flush=True)\n"
        "while True:\n"
        "    signal.pause()\n"
    )
    with _start("--", sys.executable, "-c", program) as process:
        assert _line(process) == "ready"
        process.send_signal(number)
        assert _line(process) == f"got {int(number)}"
        assert process.wait(30) == 40 + number


def test_ctrl_c_in_a_terminal_reaches_the_command_once() -> None:
    """The terminal sends it to both; if it were forwarded too, the command would get it twice."""
    program = (
        "import signal, time\n"
        "got = []\n"
        "signal.signal(signal.SIGINT, lambda number, frame: got.append(number))\n"
        "print('ready', flush=True)\n"
        "while not got:\n"
        "    pass  # busy, so that two signals are not merged into one\n"
        "time.sleep(0.5)\n"
        "print(len(got), flush=True)\n"
    )
    take_terminal = (
        "import fcntl, os, sys, termios\n"
        "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        "os.execv(sys.argv[1], sys.argv[1:])\n"
    )
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(
            [sys.executable, "-c", take_terminal, *EMULATOR, "--", sys.executable, "-c", program],
            stdin=theirs,
            stdout=subprocess.PIPE,
            text=True,
            env={**_environment(), "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            start_new_session=True,
        ) as process:
            assert _line(process) == "ready"
            os.write(ours, b"\x03")
            assert _line(process) == "1"
            assert process.wait(30) == 0
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_without_a_command_it_serves_until_stopped(number: signal.Signals) -> None:
    with _start(
        "--domain", "eu/mg.example.com", "--key", "brand-b=k b", "--log-requests"
    ) as process:
        exports = _exports(process)
        assert exports["MAILGUN_API_KEY"] == "'k b'"
        base = exports["MAILGUN_BASE_URL"]
        path = "/v4/domains/mg.example.com"
        response = requests.get(f"{base}/eu{path}", auth=("api", "k b"), timeout=10)
        assert response.status_code == 200
        assert requests.get(base + path, auth=("api", "k b"), timeout=10).status_code == 404
        process.send_signal(number)
        assert process.wait(30) == 0
        assert process.stderr is not None
        said = process.stderr.read()
    assert said.splitlines() == [
        f"The Mailgun emulator is listening on {base}; press Ctrl-C to stop it.",
        f"GET {path} (eu) 200",
        f"GET {path} (us) 404",
    ]


def test_its_log_shows_no_key() -> None:
    """Wherever somebody has put it."""
    key, token = "key-5e9d01", "?"
    with _start("--domain", "mg.example.com", "--key", key, "--log-requests") as process:
        exports = _exports(process)
        base, token = exports["MAILGUN_BASE_URL"], exports["MAILGUN_EMULATOR_TOKEN"]
        path = "/v3/domains/mg.example.com/tracking/click"
        data = {"active": "true", "key": key}
        for user, password in (("api", key), ("api", f"{key}x"), (key, "")):
            requests.put(f"{base}{path}?key={key}", data=data, auth=(user, password), timeout=10)
        requests.get(f"{base}/_emulator/state?{token}", timeout=10)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stderr is not None
        said = process.stderr.read()
    assert said.count(f"PUT {path}") == 3
    assert key not in said
    assert token not in said


def _request(path: str, *headers: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.mark.behaviour(48)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_whatever_its_clients_do(number: signal.Signals) -> None:
    """Requests that are delayed, incomplete, or whose response nobody reads."""
    key = "Authorization: Basic " + base64.b64encode(b"api:k").decode()
    with (
        contextlib.ExitStack() as open_connections,
        _start("--key", "k", "--latency", "3600", "--any-domain") as process,
    ):
        exports = _exports(process)
        base = urlsplit(exports["MAILGUN_BASE_URL"])
        state = _request(
            "/_emulator/settings", f"Authorization: Bearer {exports['MAILGUN_EMULATOR_TOKEN']}"
        )
        put = _request("/v3/domains/a.b/tracking/click", key, "Content-Length: 100")
        for sent in (
            b"",
            b"GET / HTT",
            _request("/v4/domains", key),
            put.replace(b"GET", b"PUT") + b"active=",
            state * 20_000,
        ):
            connection = socket.create_connection((base.hostname or "", base.port or 0), timeout=1)
            open_connections.enter_context(connection)
            with contextlib.suppress(TimeoutError):
                connection.sendall(sent)
        process.send_signal(number)
        assert process.wait(30) == 0


def test_a_signal_ends_it_although_nobody_reads_its_log() -> None:
    """The second line is more than a pipe holds: the server hangs in writing it."""
    with _start("--log-requests") as process:
        url = _exports(process)["MAILGUN_BASE_URL"]
        for _ in range(2):
            requests.get(f"{url}/{'x' * 60_000}", timeout=10)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 1


def test_options_reach_the_emulator(run: Run, tmp_path: Path) -> None:
    seeds = tmp_path / "domains.txt"
    seeds.write_text("# first\nmg.example.com\n\neu/sub-1/b.example.com # second\n")
    options = ["--domains-file", str(seeds), "--subaccount", "sub-1", "--latency", "0.01"]
    options += ["--issuing", "30", "--certificate-lifetime", "60", "--no-certificates"]
    options += ["--requests-per-minute", "300", "--role", "analyst"]
    options += ["--spoil", "1", "--spoil-seed", "7"]
    options += ["--dial", "renewal=on", "--state", str(tmp_path / "state.json")]
    done = run(*options, program=ASK, extra=["GET", "/_emulator/settings"])
    settings = json.loads(done.stdout)[1]
    assert settings["latency_seconds"] == 0.01
    assert settings["issuing_seconds"] == 30
    assert settings["certificate_lifetime_seconds"] == 60
    assert settings["plan_has_certificates"] is False
    assert settings["requests_per_minute"] == 300
    assert settings["roles"] == {"default": "analyst"}
    done = run(*options, program=ASK, extra=["GET", "/_emulator/dials"])
    assert json.loads(done.stdout)[1]["renewal"] == "on"
    done = run(*options, program=ASK, extra=["GET", "/_emulator/spoil"])
    assert (json.loads(done.stdout)[1]["share"], json.loads(done.stdout)[1]["seed"]) == (1, 7)
    kept = json.loads((tmp_path / "state.json").read_text())["domains"]
    assert [(d["region"], d["subaccount"], d["name"]) for d in kept] == [
        ("eu", "sub-1", "b.example.com"),
        ("us", None, "mg.example.com"),
    ]


def test_issuing_takes_two_seconds_by_default(run: Run) -> None:
    done = run("--any-domain", program=ASK, extra=["GET", "/_emulator/settings"])
    assert json.loads(done.stdout)[1]["issuing_seconds"] == 2.0


def test_state_is_kept_between_runs(run: Run, tmp_path: Path) -> None:
    state = ["--state", str(tmp_path / "state.json"), "--any-domain"]
    path = "/v4/domains/mg.example.com"
    first = run(*state, program=ASK, extra=["GET", path]).stdout
    assert run(*state, program=ASK, extra=["GET", path]).stdout == first


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--dial", "colour=blue"], "'colour'"),
        (["--dial", "renewal=perhaps"], "dial renewal must be one of off, on"),
        (["--domain", "one-label"], "one-label"),
        (["--host", "0.0.0.0"], "loopback"),
        (["--key", "=x"], "ACCOUNT=KEY"),
        (["--latency", "-1"], "latency_seconds must be"),
        (["--latency", "inf"], "latency_seconds must be"),
        (["--issuing", "nan"], "issuing_seconds must be"),
        (["--certificate-lifetime", "1e300"], "certificate_lifetime_seconds must be"),
        (["--port", "70000"], "port must be"),
        (["--requests-per-minute", "0"], "requests_per_minute must be"),
        (["--role", "owner"], "'owner' is not one of"),
        (["--region", "asia"], "'asia' is not one of"),
        (["--state", __file__], "test_command.py"),
    ],
)
def test_invalid_options_are_rejected_in_one_line(run: Run, options: list[str], text: str) -> None:
    done = run(*options, program="print('ran')")
    assert done.returncode in (1, 2)
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_port_in_use_is_reported_in_one_line(run: Run) -> None:
    with Emulator() as other:
        port = str(other.port)
        done = run("--port", port)
    assert (done.returncode, done.stderr) == (
        1,
        f"Error: cannot listen on 127.0.0.1:{port}: Address already in use\n",
    )
