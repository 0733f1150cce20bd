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
from typing import Any

import click

from .dials import Dials, allowed_settings
from .history import RecordedRequest
from .problems import InvalidSetting
from .server import DEFAULT_ACCOUNT, Emulator, EmulatorError
from .settings import NINETY_DAYS
from .state_file import StateFileError

COMMAND_NOT_FOUND = 127
COMMAND_NOT_EXECUTABLE = 126

FORWARDED = (signal.SIGINT, signal.SIGTERM)


def _dials_help() -> str:
    return "; ".join(f"{name}={'|'.join(allowed)}" for name, allowed in allowed_settings().items())


@click.command(
    context_settings={"allow_interspersed_args": False},
    epilog=f"Dials, each with its default first: {_dials_help()}.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address.")
@click.option("--port", default=0, help="0 is a free one, the default.")
@click.option(
    "--region",
    type=click.Choice(["us", "eu", "both"]),
    default="us",
    show_default=True,
    help="The region of the base URL; both puts {region} into it.",
)
@click.option(
    "--domain",
    "domains",
    multiple=True,
    metavar="[REGION/[SUBACCOUNT/]]NAME",
    help="A domain that exists from the start; repeat it for more.",
)
@click.option(
    "--domains-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with one domain a line, as for --domain; # starts a comment.",
)
@click.option("--any-domain", is_flag=True, help="A domain that is asked for comes into being.")
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="[ACCOUNT=]KEY",
    help="An API key; repeat it for more. Without it, one at random.",
)
@click.option("--subaccount", "subaccounts", multiple=True, metavar="ID", help="A subaccount's id.")
@click.option(
    "--state",
    "state_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file in which domains and certificates outlive the emulator.",
)
@click.option("--latency", type=float, default=0.0, help="Seconds each answer is held back.")
@click.option(
    "--issuing",
    type=float,
    default=2.0,
    show_default=True,
    help="Seconds that generating a certificate takes.",
)
@click.option(
    "--certificate-lifetime",
    type=float,
    default=NINETY_DAYS,
    help="Seconds that a certificate is valid; 90 days by default.",
)
@click.option("--no-certificates", is_flag=True, help="The account's plan has no certificates.")
@click.option(
    "--dial",
    "dials",
    multiple=True,
    metavar="NAME=SETTING",
    help="How to answer where Mailgun's documents are silent.",
)
@click.option(
    "--cname-target",
    metavar="HOST",
    help="What tracking CNAMEs have to point at; Mailgun's own by default.",
)
@click.option(
    "--acme",
    "acme_directory",
    metavar="URL",
    help="The ACME directory of a CA to get certificates from, by HTTP-01; needs --dns.",
)
@click.option(
    "--acme-root",
    type=click.Path(exists=True, dir_okay=False),
    help="The root certificate of the ACME directory's own TLS.",
)
@click.option("--acme-profile", metavar="NAME", help="The certificate profile to order.")
@click.option("--dns", metavar="HOST:PORT", help="The DNS server for CNAME and CAA records.")
@click.option("--http-port", default=0, help="With --acme: where the CA finds the challenges.")
@click.option("--https-port", default=0, help="With --acme: where links are served over HTTPS.")
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
    dials: tuple[str, ...],
    cname_target: str | None,
    acme_directory: str | None,
    acme_root: str | None,
    acme_profile: str | None,
    dns: str | None,
    http_port: int,
    https_port: int,
    log_requests: bool,
    command: tuple[str, ...],
) -> None:
    """Emulate Mailgun's domain tracking on this machine.

    With a COMMAND, run it with MAILGUN_BASE_URL and MAILGUN_API_KEY set, and exit as it does.
    Without one, serve until Ctrl-C.
    """
    acme = {
        "root": acme_root,
        "profile": acme_profile,
        "dns": dns,
        "http_port": http_port,
        "https_port": https_port,
    }
    try:
        served = _emulator(
            acme_directory,
            acme,
            cname_target,
            state_file,
            domains=[*domains, *(_lines(domains_file) if domains_file else ())],
            keys=_keys(keys),
            region="us" if region == "both" else region,
            dials=Dials.from_pairs(dials),
            latency_seconds=latency,
            issuing_seconds=issuing,
            certificate_lifetime_seconds=certificate_lifetime,
            subaccounts=subaccounts,
            any_domain=any_domain,
            plan_has_certificates=not no_certificates,
            host=host,
            port=port,
            on_answer=_log if log_requests else None,
        )
    except (InvalidSetting, StateFileError) as error:
        raise click.ClickException(str(error)) from error
    try:
        served.start()
    except OSError as error:
        raise click.ClickException(f"cannot listen on {host}:{port}: {error.strerror}") from error
    variables = {
        "MAILGUN_BASE_URL": served.url + ("/{region}" if region == "both" else ""),
        "MAILGUN_API_KEY": served.key,
    }
    try:
        status = _run(command, variables) if command else _serve(served, variables)
    finally:
        _close(served)
    sys.exit(status)


def main() -> None:
    """Run the command as `python -m mailgun_tracking.emulator`."""
    emulator(prog_name="python -m mailgun_tracking.emulator")


def _emulator(
    directory: str | None,
    acme: Mapping[str, Any],
    cname_target: str | None,
    state_file: Path | None,
    **options: Any,
) -> Emulator:
    spelled = {"root": "acme-root", "profile": "acme-profile"}
    given = [f"--{spelled.get(k, k.replace('_', '-'))}" for k, value in acme.items() if value]
    if directory is None:
        if given:
            raise InvalidSetting(f"{', '.join(given)} needs --acme")
        return Emulator(cname_target=cname_target, state_file=state_file, **options)
    if acme["dns"] is None:
        raise InvalidSetting("--acme needs --dns")
    if state_file is not None:
        raise InvalidSetting("--state keeps no private keys, so it does not go with --acme")
    try:
        from .acme_emulator import Acme, AcmeEmulator
    except ImportError as error:
        raise InvalidSetting(f"--acme needs the extra `acme`: {error}") from error
    return AcmeEmulator(Acme(directory, cname_target=cname_target, **acme), **options)


def _serve(served: Emulator, variables: Mapping[str, str]) -> int:
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    with _handling(stop):
        click.echo(f"Mailgun's emulator serves on {served.url}; Ctrl-C stops it.", err=True)
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

    with _handling(forward):
        try:
            process = subprocess.Popen(  # noqa: S603 - to run it is what was asked for
                command, env={**os.environ, **variables}
            )
        except FileNotFoundError:
            click.echo(f"Error: there is no command {command[0]}", err=True)
            return COMMAND_NOT_FOUND
        except OSError as error:
            click.echo(f"Error: cannot run {command[0]}: {error.strerror}", err=True)
            return COMMAND_NOT_EXECUTABLE
        for number in early:
            process.send_signal(number)
        status = process.wait()
    return 128 - status if status < 0 else status


def _terminal_signals_us() -> bool:
    """Say whether Ctrl-C reaches this process from the terminal, and so the command too."""
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
def _handling(handler: object) -> Iterator[None]:
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


def _keys(given: Sequence[str]) -> dict[str, str]:
    if not given:
        return {f"key-{secrets.token_hex(16)}": DEFAULT_ACCOUNT}
    keys: dict[str, str] = {}
    for text in given:
        account, equals, key = text.partition("=")
        if not equals:
            account, key = DEFAULT_ACCOUNT, text
        if not account or not key:
            raise InvalidSetting("a key is given as KEY or ACCOUNT=KEY")
        keys[key] = account
    return keys


def _lines(path: Path) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in path.read_text("utf-8").splitlines())
    return [line for line in lines if line]


def _log(request: RecordedRequest) -> None:
    answer = "dropped" if request.status is None else request.status
    click.echo(f"{request.method} {request.path} ({request.region}) {answer}", err=True)
