"""Accounts with domains of all kinds, and what combines in them."""

from __future__ import annotations

import itertools
import random
from typing import Any

from mailgun_tracking.emulator import Emulator

SUBACCOUNTS = ("sub-1", "sub-2", "sub-3")
FOOTERS = (
    None,
    "",
    "off",
    "Täglich: %unsubscribe_url% – 退订\r\n",
    "<p>So long.</p> " * 40 + "\n\n",
)
"""None leaves Mailgun's own."""
SETTINGS: dict[str, tuple[Any, ...]] = {
    "open.active": (None, True),
    "open.place_at_the_top": (None, True),
    "click.active": (None, True, "htmlonly"),
    "unsubscribe.active": (None, True),
    "unsubscribe.html_footer": FOOTERS,
    "unsubscribe.text_footer": FOOTERS,
    "web_scheme": ("http", "http", "http", "https"),
    "web_prefix": (None, "go"),
    "custom_host": (None, "links.{domain}"),
    "region": ("us", "eu"),
    "subaccount": (None, *SUBACCOUNTS),
}
"""Each setting with the values that combine; None leaves Mailgun's default."""


def combinations(count: int) -> list[dict[str, Any]]:
    """Rows of `SETTINGS` in which every value meets each value of each other setting."""
    chance = random.Random(15)
    rows = [{name: chance.choice(SETTINGS[name]) for name in SETTINGS} for _ in range(count)]
    for one, other in itertools.combinations(SETTINGS, 2):
        met = {(row[one], row[other]) for row in rows}
        assert met == set(itertools.product(SETTINGS[one], SETTINGS[other]))
    return rows


def add_domain(emulator: Emulator, name: str, row: dict[str, Any]) -> None:
    """Add a domain with a row of settings, and a certificate if it uses https."""
    settings: dict[str, Any] = {}
    for path, value in row.items():
        if value is None:
            continue
        section, _, field = path.partition(".")
        if field:
            settings.setdefault(section, {})[field] = value
        else:
            settings[path] = value.format(domain=name)
    region = settings.pop("region", "us")
    emulator.add_domain(name, region=region, **settings)
    if row.get("web_scheme") == "https":
        emulator.set_certificate(emulator.domain(name, region=region).tracking_host, region=region)
