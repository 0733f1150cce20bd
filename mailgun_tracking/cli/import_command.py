"""``mailgun-tracking import``: the import file and the program for domains that exist."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
from pathlib import Path

import click

from .. import errors
from .._api.settings import Settings
from .._api.target import DEFAULT_ACCOUNT, Target
from .import_config import configuration
from .import_facts import DomainFacts, read_facts
from .import_file import TYPE, import_file
from .import_plan import (
    Home,
    InStack,
    Names,
    Plan,
    check_pattern,
    counted,
    plan,
    unusable_name,
    why_left_out,
)
from .import_program import program
from .inventory import Inventory, every_domain, target_of
from .reading import Reader, refused

IMPORT_FILE = "import.json"
PROGRAM_FILE = "__main__.py"
CONFIGURATION_FILE = "config.yaml"


def _pattern(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    try:
        return None if text is None else check_pattern(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command(name="import")
@click.argument("ids", nargs=-1, metavar="[DOMAIN]...")
@click.option(
    "--all",
    "all_domains",
    is_flag=True,
    help="Import every domain of the account, in both regions; sandbox and disabled domains are "
    "left out.",
)
@click.option(
    "--subaccounts", is_flag=True, help="With --all: the domains of the subaccounts as well."
)
@click.option(
    "--account",
    "accounts",
    multiple=True,
    metavar="NAME",
    help="The name of the account whose key is used; with --all it can be repeated.",
)
@click.option(
    "--out",
    "directory",
    required=True,
    type=click.Path(file_okay=False, writable=True, path_type=Path),
    help=f"Where {IMPORT_FILE} and {PROGRAM_FILE} are written. Existing files are not replaced.",
)
@click.option(
    "--all-settings",
    is_flag=True,
    help="Write and manage settings that are Mailgun's default, too, except its own footers.",
)
@click.option(
    "--yaml",
    "as_yaml",
    is_flag=True,
    help=f"Write the stack configuration for a program that reads it ({CONFIGURATION_FILE}) "
    f"instead of {PROGRAM_FILE}.",
)
@click.option(
    "--stack",
    metavar="NAME",
    help="Leave out what this stack has already. With -, its state is read from stdin, as "
    "`pulumi stack export` prints it.",
)
@click.option(
    "--name",
    "pattern",
    default="{domain}",
    show_default=True,
    metavar="PATTERN",
    callback=_pattern,
    help="What resources are called; it can contain {domain}, {account}, {region}, {subaccount}.",
)
@click.option(
    "--parent",
    "parent_pattern",
    metavar="PATTERN",
    callback=_pattern,
    help="Put the resources below components that are called by this pattern.",
)
def import_command(
    ids: tuple[str, ...],
    all_domains: bool,
    subaccounts: bool,
    accounts: tuple[str, ...],
    directory: Path,
    all_settings: bool,
    as_yaml: bool,
    stack: str | None,
    pattern: str,
    parent_pattern: str | None,
) -> None:
    """Write what brings existing domains into a stack: the file for `pulumi import --file`, and the
    program that goes with it.

    DOMAIN is mg.example.com, eu/mg.example.com or us/SUBACCOUNT/mg.example.com; the first is in
    the region of MAILGUN_REGION. The program says what is not Mailgun's default, and only that is
    managed, unless --all-settings is given. The key is read from MAILGUN_API_KEY (or, for another
    account, MAILGUN_API_KEY_NAME).
    """
    if bool(ids) == all_domains:
        raise click.UsageError("give the domains to import, or --all")
    if subaccounts and not all_domains:
        raise click.UsageError("--subaccounts needs --all")
    accounts = accounts or (DEFAULT_ACCOUNT,)
    if ids and len(accounts) > 1:
        raise click.UsageError("several accounts need --all")
    if as_yaml and (pattern != "{domain}" or parent_pattern):
        raise click.UsageError("the program that --yaml is for names resources after their domains")
    second = CONFIGURATION_FILE if as_yaml else PROGRAM_FILE
    for name in (IMPORT_FILE, second):
        if (directory / name).exists():
            raise click.UsageError(f"{directory / name} exists: choose another directory for --out")
    try:
        # Not at the end, after everything was read.
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"cannot write to {directory}: {error.strerror}") from None
    in_stack = _in_stack(stack) if stack else frozenset()
    names = Names(pattern, parent_pattern or "")
    try:
        settings = Settings()
        home = Home(settings.region(), settings.subaccount())
        reader = Reader(settings)
        targets = [target_of(id_, settings, accounts[0]) for id_ in ids]
        for target in targets:
            # What is wrong with the settings is wrong for all of them.
            settings.client(target)
        found = Inventory()
        if all_domains:
            found = every_domain(reader, accounts, subaccounts=subaccounts)
        planned = _plan(reader, targets, found, in_stack, names, all_settings=all_settings)
    except errors.TrackingError as error:
        raise refused(error) from None
    for line in planned.notes:
        click.echo(line, err=True)
    for failure in planned.failures:
        click.echo(f"Error: {failure}", err=True)
    if planned.domains:
        text = (
            configuration(planned.domains, home)
            if as_yaml
            else program(planned.domains, names, home)
        )
        (directory / IMPORT_FILE).write_text(import_file(planned.domains, names), encoding="utf-8")
        (directory / second).write_text(text, encoding="utf-8")
    if planned.domains or not planned.failures:
        click.echo(_summary(planned, directory, second))
    if planned.failures:
        sys.exit(1)


def _plan(
    reader: Reader,
    named: list[Target],
    found: Inventory,
    in_stack: InStack,
    names: Names,
    *,
    all_settings: bool,
) -> Plan:
    """Read the domains that were named or found, and plan their import."""
    notes = [f"left out: {line}" for line in found.left_out]
    everything = dict.fromkeys([*named, *found.domains])
    new = [t for t in everything if ("DomainTracking", t.account, t.id) not in in_stack]
    if present := len(everything) - len(new):
        notes.append(f"left out: {counted(present)} that the stack has already")
    targets = []
    for target in new:
        details = found.domains.get(target)
        if details and (reason := why_left_out(target, details)):
            notes.append(reason)
        else:
            targets.append(target)
    if problem := unusable_name(targets, names):
        raise click.UsageError(f"{problem}: use other placeholders in --name")
    facts = reader.read_all("Reading domains", targets, functools.partial(read_facts, reader))
    read = (one for one in facts if isinstance(one, DomainFacts))
    planned = plan(read, in_stack, all_settings=all_settings)
    failures = [one for one in facts if isinstance(one, errors.TrackingError)]
    return Plan(
        planned.domains,
        [*notes, *planned.notes],
        [*found.failures, *failures, *planned.failures],
    )


def _summary(planned: Plan, directory: Path, second: str) -> str:
    """What was written, and what to do next."""
    if not planned.domains:
        return "There is nothing to import."
    what = counted(len(planned.domains))
    certificates = sum(bool(one.host) for one in planned.domains)
    if certificates:
        what += f" and {counted(certificates, 'certificate')}"
    next_step = (
        f"put {directory / second} into the stack's configuration"
        if second == CONFIGURATION_FILE
        else f"use {directory / second} as your program, or add it to yours"
    )
    return (
        f"Wrote {directory / IMPORT_FILE} with {what}, and {directory / second}.\n"
        f"Next, {next_step}, and run:\n"
        f"  pulumi import --file {directory / IMPORT_FILE} --generate-code=false --protect=false\n"
        "  pulumi preview --expect-no-changes"
    )


def _in_stack(stack: str) -> InStack:
    """What a stack has: by type, account and ID."""
    if stack == "-":
        text = sys.stdin.read()
    else:
        pulumi = shutil.which("pulumi")
        if pulumi is None:
            raise click.ClickException("--stack needs pulumi, which is not on PATH")
        command = [pulumi, "stack", "export", "--stack", stack, "--non-interactive"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise click.ClickException(f"cannot read the stack {stack}: see above")
        text = done.stdout
    try:
        resources = json.loads(text)["deployment"].get("resources") or []
        return {
            (
                resource["type"].removeprefix(TYPE),
                resource.get("outputs", {}).get("account", DEFAULT_ACCOUNT),
                resource["id"],
            )
            for resource in resources
            if resource["type"].startswith(TYPE)
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        raise click.ClickException(
            "the state cannot be read: it is not what `pulumi stack export` prints"
        ) from None
