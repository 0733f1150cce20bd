"""The command `emulator`: serves until Ctrl-C, or for as long as another command runs."""

from __future__ import annotations

import os
import secrets
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import get_args

import click

from .dials import Dials, allowed_settings
from .errors import EmulatorError, InvalidSetting, StateFileError
from .history import RecordedRequest
from .server import DEFAULT_ACCOUNT, Emulator
from .serving import ServerStuckError
from .settings import NINETY_DAYS, Role

COMMAND_NOT_FOUND = 127
COMMAND_NOT_EXECUTABLE = 126

FORWARDED = (signal.SIGINT, signal.SIGTERM)


def _dials_help() -> str:
    return "; ".join(f"{name}={'|'.join(allowed)}" for name, allowed in allowed_settings().items())


@click.command(
    context_settings={"allow_interspersed_args": False},
    epilog=f"Dials, with the default first: {_dials_help()}.",
)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="The loopback address to listen on."
)
@click.option("--port", default=0, help="The port to listen on; by default a free one.")
@click.option(
    "--region",
    type=click.Choice(["us", "eu", "both"]),
    default="us",
    show_default=True,
    help="The region of the base URL; with both, the URL contains {region}.",
)
@click.option(
    "--domain",
    "domains",
    multiple=True,
    metavar="[REGION/[SUBACCOUNT/]]NAME",
    help="An initial domain. Can be repeated.",
)
@click.option(
    "--domains-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with an initial domain on each line, as for --domain; # starts a comment.",
)
@click.option("--any-domain", is_flag=True, help="Create a domain when it is first requested.")
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="[ACCOUNT=]KEY",
    help="An API key; by default a random one. Can be repeated.",
)
@click.option(
    "--subaccount",
    "subaccounts",
    multiple=True,
    metavar="ID",
    help="The ID of a subaccount without an initial domain. Can be repeated.",
)
@click.option(
    "--state",
    "state_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file that keeps domains and certificates from one run to the next.",
)
@click.option(
    "--latency", type=float, default=0.0, help="Delay each response by this many seconds."
)
@click.option(
    "--issuing",
    type=float,
    default=2.0,
    show_default=True,
    help="How many seconds it takes to issue a certificate.",
)
@click.option(
    "--certificate-lifetime",
    type=float,
    default=NINETY_DAYS,
    help="How many seconds a certificate is valid; by default 90 days.",
)
@click.option(
    "--no-certificates", is_flag=True, help="Emulate a plan without tracking certificates."
)
@click.option(
    "--requests-per-minute",
    type=int,
    help="Answer 429 to an account that makes more requests; by default there is no limit.",
)
@click.option(
    "--role",
    type=click.Choice(get_args(Role)),
    default="admin",
    show_default=True,
    help="The role of the keys. Only admin and developer can change domains.",
)
@click.option(
    "--dial",
    "dials",
    multiple=True,
    metavar="NAME=SETTING",
    help="How to respond where Mailgun's documentation is unclear; see below. Can be repeated.",
)
@click.option(
    "--spoil",
    type=click.FloatRange(0, 1),
    default=0.0,
    help="Spoil this share of all responses at random: errors, lost answers, hangs and the like.",
)
@click.option("--spoil-seed", default=0, help="What the random numbers of --spoil start from.")
@click.option("--log-requests", is_flag=True, help="Print a line for each request.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
def emulator(
    host: str,
    port: int,
    region: str,
    domains: tuple[str, ...],
    domains_file: Path | None,
    any_domain: bool,
    keys: tuple[str, ...],
    subaccounts: tuple[str, ...],
    state_file: Path | None,
    latency: float,
    issuing: float,
    certificate_lifetime: float,
    no_certificates: bool,
    requests_per_minute: int | None,
    role: Role,
    dials: tuple[str, ...],
    spoil: float,
    spoil_seed: int,
    log_requests: bool,
    command: tuple[str, ...],
) -> None:
    """Emulate Mailgun's domain tracking on this machine.

    With COMMAND, run it with MAILGUN_BASE_URL, MAILGUN_API_KEY and MAILGUN_TRACKING_NAMESERVER set,
    and exit with its status. Without, serve until Ctrl-C. MAILGUN_EMULATOR_URL and
    MAILGUN_EMULATOR_TOKEN are for the control API.
    """
    try:
        accounts = _keys(keys)
        served = Emulator(
            domains=[*domains, *(_lines(domains_file) if domains_file else ())],
            keys=accounts,
            region="us" if region == "both" else region,
            state_file=state_file,
            dials=Dials.from_pairs(dials),
            latency_seconds=latency,
            issuing_seconds=issuing,
            certificate_lifetime_seconds=certificate_lifetime,
            subaccounts=subaccounts,
            any_domain=any_domain,
            plan_has_certificates=not no_certificates,
            requests_per_minute=requests_per_minute,
            roles=dict.fromkeys(accounts.values(), role),
            host=host,
            port=port,
            on_response=_log if log_requests else None,
        )
        served.spoil(spoil, seed=spoil_seed)
    except (InvalidSetting, StateFileError) as error:
        raise click.ClickException(str(error)) from error
    try:
        served.start()
    except OSError as error:
        raise click.ClickException(f"cannot listen on {host}:{port}: {error.strerror}") from error
    variables = {
        **served.environment,
        "MAILGUN_EMULATOR_TOKEN": served.control_token,
        "MAILGUN_EMULATOR_URL": served.url,
    }
    if region != "both":
        variables["MAILGUN_BASE_URL"] = served.url
    try:
        status = _run(command, variables) if command else _serve(served, variables)
    finally:
        _close(served)
    sys.exit(status)


def main() -> None:
    """Run the command as `python -m mailgun_tracking.emulator`."""
    emulator(prog_name="python -m mailgun_tracking.emulator")


def _serve(served: Emulator, variables: Mapping[str, str]) -> int:
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    with _handling_signals(stop):
        click.echo(
            f"The Mailgun emulator is listening on {served.url}; press Ctrl-C to stop it.", err=True
        )
        for name, value in variables.items():
            click.echo(f"export {name}={shlex.quote(value)}")
        while not stopped.wait(3600):
            pass
    return 0


def _run(command: Sequence[str], variables: Mapping[str, str]) -> int:
    process: subprocess.Popen[bytes] | None = None
    early: list[int] = []

    def forward(number: int, frame: FrameType | None) -> None:
        if process is None:
            early.append(number)
        elif number != signal.SIGINT or not _terminal_signals_us():
            process.send_signal(number)

    with _handling_signals(forward):
        try:
            process = subprocess.Popen(  # noqa: S603 - running the user's command is the purpose
                command, env={**os.environ, **variables}
            )
        except FileNotFoundError:
            click.echo(f"Error: command not found: {command[0]}", err=True)
            return COMMAND_NOT_FOUND
        except OSError as error:
            click.echo(f"Error: cannot run {command[0]}: {error.strerror}", err=True)
            return COMMAND_NOT_EXECUTABLE
        for number in early:
            process.send_signal(number)
        status = process.wait()
    return 128 - status if status < 0 else status


def _terminal_signals_us() -> bool:
    """Return whether the terminal sends Ctrl-C to this process, and so to the command too."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


@contextmanager
def _handling_signals(handler: object) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in FORWARDED}  # type: ignore[arg-type]
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _close(served: Emulator) -> None:
    try:
        served.close()
    except EmulatorError as error:
        click.echo(f"Error: {error}", err=True)
    except ServerStuckError:
        # Without a word, since what it hangs in may be a full stderr, and without waiting for it.
        os._exit(1)


def _keys(given: Sequence[str]) -> dict[str, str]:
    if not given:
        return {f"key-{secrets.token_hex(16)}": DEFAULT_ACCOUNT}
    keys: dict[str, str] = {}
    for text in given:
        account, equals, key = text.partition("=")
        if not equals:
            account, key = DEFAULT_ACCOUNT, text
        if not account or not key:
            raise InvalidSetting("a key must be given as KEY or ACCOUNT=KEY")
        keys[key] = account
    return keys


def _lines(path: Path) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in path.read_text("utf-8").splitlines())
    return [line for line in lines if line]


def _log(request: RecordedRequest) -> None:
    status = "dropped" if request.status is None else request.status
    click.echo(f"{request.method} {request.path} ({request.region}) {status}", err=True)
