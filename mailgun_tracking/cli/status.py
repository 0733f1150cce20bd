"""``mailgun-tracking status``: the state of many domains, one line each."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from .. import errors
from .._api.issuance import now
from .._api.models import DomainDetails
from .._api.target import DEFAULT_ACCOUNT, Target
from .._diagnosis.diagnose import diagnose, exit_code, without_unused
from .._diagnosis.dns_look import Dns
from .._diagnosis.look import Network, survey
from .inventory import every_domain, target_of
from .reading import Reader, refused
from .report import Report, as_json, most_urgent_first, settings_with_dns, write_page
from .report_html import status_page
from .report_text import surveyed


@click.command()
@click.argument("domains", nargs=-1)
@click.option("--all", "all_domains", is_flag=True, help="Every domain of the accounts.")
@click.option("--subaccounts", is_flag=True, help="With --all: those of subaccounts as well.")
@click.option(
    "--account",
    "accounts",
    multiple=True,
    default=[DEFAULT_ACCOUNT],
    help="The name of an account whose key is used; with --all it can be repeated.",
)
@click.option("--dns", metavar="SERVER[:PORT]", help="The resolver to ask.")
@click.option("--json", "show_json", is_flag=True, help="Print JSON.")
@click.option(
    "--html", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write a page."
)
def status(
    domains: tuple[str, ...],
    all_domains: bool,
    subaccounts: bool,
    accounts: tuple[str, ...],
    dns: str | None,
    show_json: bool,
    html: Path | None,
) -> None:
    """Show how domains are: tracking, links, DNS and certificate, a line each.

    What needs a person comes first. With --all, and if all is well, there is one line. DOMAINS are
    as for `doctor`. The exit code is 0 if there is nothing to fix, 1 if there is, and 2 if
    something could not be looked at.
    """
    if bool(domains) == all_domains:
        raise click.UsageError("give domains, or --all")
    if domains and len(accounts) > 1:
        raise click.UsageError("give one --account, or --all")
    settings = settings_with_dns(dns)
    reader = Reader(settings)
    failures: Sequence[errors.TrackingError] = ()
    listed: dict[Target, DomainDetails | None]
    try:
        network = Network(Dns(settings.name_server()))
        if all_domains:
            inventory = every_domain(reader, accounts, subaccounts=subaccounts)
            failures = inventory.failures
            for line in inventory.left_out:
                click.echo(f"left out: {line}", err=True)
            listed = {}
            for target, details in inventory.domains.items():
                if details.is_sandbox:
                    click.echo(f"left out: {target.id} is a sandbox domain", err=True)
                else:
                    listed[target] = details
        else:
            listed = {target_of(text, settings, accounts[0]): None for text in domains}
            for target in listed:
                # What is wrong with the settings is wrong for all of them.
                settings.client(target)
    except errors.TrackingError as error:
        raise refused(error) from None
    for failure in failures:
        click.echo(f"Error: {failure}", err=True)
    reports = most_urgent_first(_look(reader, network, listed))
    write_page(html, lambda: status_page(reports, now()))
    if show_json:
        shown = {
            "domains": [as_json(report) for report in reports],
            "errors": [str(failure) for failure in failures],
        }
        click.echo(json.dumps(shown, indent=2))
    else:
        text = surveyed(reports, is_terminal=sys.stdout.isatty(), always_lines=not all_domains)
        click.echo(text)
    code = exit_code(finding for report in reports for finding in report.findings)
    sys.exit(code or (2 if failures else 0))


def _look(
    reader: Reader, network: Network, listed: dict[Target, DomainDetails | None]
) -> list[Report]:
    """Look at each domain; what cannot be looked at is part of its report."""

    def look(target: Target) -> Report:
        facts = survey(reader.operation(target), network, now(), listed[target])
        return Report(facts, without_unused(facts, diagnose(facts)))

    reports = []
    for found in reader.read_all("Looking at domains", list(listed), look):
        if isinstance(found, errors.TrackingError):
            raise found
        reports.append(found)
    return reports
