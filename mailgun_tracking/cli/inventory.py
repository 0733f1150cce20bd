"""Which domains there are: those that an argument names, or all of some accounts."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from .. import errors
from .._api.models import DomainDetails, Subaccount
from .._api.settings import Settings
from .._api.target import DEFAULT_ACCOUNT, REGIONS, Target
from .reading import Reader


@dataclass(frozen=True)
class Inventory:
    """What was found.

    Attributes:
        domains: the domains as Mailgun lists them, which is without DNS records; by account,
            subaccount, region and name.
        left_out: what was not looked at on purpose, and why, a line each.
        failures: what could not be listed.
    """

    domains: dict[Target, DomainDetails] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    failures: list[errors.TrackingError] = field(default_factory=list)


def target_of(text: str, settings: Settings, account: str) -> Target:
    """The domain that an argument names; region and subaccount are the configured ones.

    Raises:
        TrackingError: it names none.
    """
    try:
        target = Target.parse(text, account)
    except errors.InvalidInput as error:
        raise errors.InvalidInput(f"{text!r}: {error}") from None
    if "/" in text:
        return target
    return replace(target, region=settings.region(), subaccount=settings.subaccount(account))


def every_domain(reader: Reader, accounts: Sequence[str], *, subaccounts: bool) -> Inventory:
    """All domains of some accounts, in both regions.

    Where the configuration names a subaccount, its domains are those of the default account.

    Args:
        reader: reads from Mailgun.
        accounts: the names of the accounts.
        subaccounts: whether to look into the accounts' subaccounts as well.

    Raises:
        ConfigurationError: the settings cannot be used.
    """
    settings = reader.settings
    inventory = Inventory()
    own = settings.region()
    regions = [region for region in REGIONS if region in (own, settings.other_region(own))]
    places = [
        Target(account, region, settings.subaccount(account), "")
        for account in accounts
        for region in regions
    ]
    for place in places:
        # What is wrong with the settings is wrong for all of them.
        reader.settings.client(place)
    if subaccounts:
        places += _subaccounts(reader, inventory, places)
    found = reader.read_all("Listing domains", places, functools.partial(_domains, reader))
    parents = []
    for place, domains in zip(places, found, strict=True):
        if isinstance(domains, errors.TrackingError):
            inventory.failures.append(_located(domains, place))
            continue
        if place.region == own and not (subaccounts or place.subaccount):
            parents.append(place)
        for details in sorted(domains, key=lambda details: details.name):
            inventory.domains[place.with_domain(details.name)] = details
    _mention_subaccounts(reader, inventory, parents)
    return inventory


def _domains(reader: Reader, place: Target) -> list[DomainDetails]:
    operation = reader.operation(place)
    with operation.explaining_errors():
        return list(operation.client.list_domains())


def _subaccounts(reader: Reader, inventory: Inventory, places: Sequence[Target]) -> list[Target]:
    """The open subaccounts of accounts, as places; the others are noted as left out."""
    parents = [place for place in places if not place.subaccount]
    found = reader.read_all(
        "Listing subaccounts", parents, functools.partial(_subaccounts_of, reader)
    )
    children = []
    for place, listed in zip(parents, found, strict=True):
        if isinstance(listed, errors.TrackingError):
            inventory.failures.append(_located(listed, place))
            continue
        for one in listed:
            note = f"subaccount {one.id} ({one.name}) is {one.status}"
            if one.status == "open":
                children.append(replace(place, subaccount=one.id))
            elif note not in inventory.left_out:
                # Both regions list it.
                inventory.left_out.append(note)
    return children


def _mention_subaccounts(reader: Reader, inventory: Inventory, parents: Sequence[Target]) -> None:
    """Note that accounts have subaccounts, which nobody asked for; where the key may list them."""
    found = reader.read_all(
        "Looking for subaccounts", parents, functools.partial(_subaccounts_of, reader)
    )
    for place, listed in zip(parents, found, strict=True):
        # Nobody asked for them, so that they cannot be listed is no error.
        known = [] if isinstance(listed, errors.TrackingError) else listed
        if count := sum(one.status == "open" for one in known):
            what = f"{count} subaccounts" if count > 1 else "1 subaccount"
            whose = f" of account {place.account}" if place.account != DEFAULT_ACCOUNT else ""
            inventory.left_out.append(f"the domains of {what}{whose}; add --subaccounts")


def _subaccounts_of(reader: Reader, place: Target) -> list[Subaccount]:
    operation = reader.operation(place)
    with operation.explaining_errors():
        return list(operation.client.list_subaccounts())


def _located(error: errors.TrackingError, place: Target) -> errors.TrackingError:
    """An error that says where it happened: a list is of no domain in particular."""
    where = "".join(
        [
            f" of account {place.account}" if place.account != DEFAULT_ACCOUNT else "",
            f" in region {place.region}",
            f", subaccount {place.subaccount}" if place.subaccount else "",
        ]
    )
    error.what += where
    return error
