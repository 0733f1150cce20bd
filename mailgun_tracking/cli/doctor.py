"""``mailgun-tracking doctor``: what is wrong with one domain, and how to mend it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from .. import errors
from .._api.issuance import now
from .._api.target import DEFAULT_ACCOUNT
from .._diagnosis.diagnose import diagnose, exit_code, until_first
from .._diagnosis.dns_look import Dns
from .._diagnosis.look import Network, examine
from .inventory import target_of
from .reading import Reader, refused
from .report import Report, as_json, settings_with_dns, write_page
from .report_html import doctor_page
from .report_text import examined


@click.command()
@click.argument("domain")
@click.option("--dns", metavar="SERVER[:PORT]", help="The resolver to ask.")
@click.option("--json", "show_json", is_flag=True, help="Print JSON.")
@click.option(
    "--html", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write a page."
)
@click.option(
    "--account", default=DEFAULT_ACCOUNT, help="The name of the account whose key is used."
)
def doctor(domain: str, dns: str | None, show_json: bool, html: Path | None, account: str) -> None:
    """Find out what is wrong with a domain's tracking, and how to mend it.

    Looks at the key, the domain, DNS, CAA records, the web server and the certificate, in this
    order, and stops at the first thing that is wrong. Nothing is changed.

    DOMAIN is mg.example.com, eu/mg.example.com or us/SUBACCOUNT/mg.example.com. The exit code is 0
    if there is nothing to fix, 1 if there is, and 2 if something could not be looked at.
    """
    settings = settings_with_dns(dns)
    try:
        target = target_of(domain, settings, account)
        network = Network(Dns(settings.name_server()))
        # Otherwise nothing can be looked at.
        settings.client(target)
    except errors.TrackingError as error:
        raise refused(error) from None
    facts = examine(Reader(settings).operation(target), network, now())
    report = Report(facts, until_first(diagnose(facts)))
    write_page(html, lambda: doctor_page(report))
    click.echo(json.dumps(as_json(report), indent=2) if show_json else examined(report))
    sys.exit(exit_code(report.findings))
