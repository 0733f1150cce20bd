"""Which domains `--all` finds: in both regions, in subaccounts, in several accounts."""

from __future__ import annotations

import pytest

from mailgun_tracking import errors
from mailgun_tracking._api.settings import Settings
from mailgun_tracking.cli.inventory import Inventory, every_domain
from mailgun_tracking.cli.reading import Reader
from mailgun_tracking.emulator import Emulator
from tests.cli.conftest import Environment


def find(*accounts: str, subaccounts: bool = False) -> Inventory:
    """What is found with the environment's settings."""
    return every_domain(Reader(Settings()), accounts or ("default",), subaccounts=subaccounts)


def ids(inventory: Inventory) -> list[str]:
    """The domains that were found, as ids with their account."""
    return [f"{target.account}:{target.id}" for target in inventory.domains]


@pytest.mark.behaviour(97)
def test_all_domains_of_both_regions(emulator: Emulator, environment: Environment) -> None:
    emulator.add_domain("a.example.com")
    inventory = find()
    assert ids(inventory) == [
        "default:a.example.com",
        "default:mg.example.com",
        "default:two.example.com",
        "default:eu/eu.example.com",
    ]
    assert inventory.failures == []
    # The list is read as it is: a command decides what it does not want.
    emulator.drift("a.example.com", state="disabled", disabled_reason="abuse")
    assert [details.is_disabled for details in find().domains.values()] == [True, *[False] * 3]


@pytest.mark.behaviour(97)
def test_subaccounts_and_other_accounts(emulator: Emulator, environment: Environment) -> None:
    emulator.add_domain("b.example.com", account="brand-b", region="eu")
    emulator.add_domain("s.example.com", subaccount="sub-2", region="eu")
    inventory = find("default", "brand-b", subaccounts=True)
    assert ids(inventory) == [
        "default:mg.example.com",
        "default:two.example.com",
        "default:eu/eu.example.com",
        "brand-b:eu/b.example.com",
        "default:us/sub-1/sub.example.com",
        "default:eu/sub-2/s.example.com",
    ]
    listed = [
        {"id": "sub-2", "name": "Brand B", "status": "disabled"},
        {"id": "sub-1", "name": "Brand A", "status": "open"},
    ]
    emulator.add_fault(path="/v5/*", status=200, body={"subaccounts": listed, "total": 2})
    inventory = find(subaccounts=True)
    assert ids(inventory)[-1] == "default:us/sub-1/sub.example.com"
    assert inventory.left_out == ["subaccount sub-2 (Brand B) is disabled"]


@pytest.mark.behaviour(97)
def test_subaccounts_that_nobody_asked_for_are_mentioned(
    emulator: Emulator, environment: Environment
) -> None:
    """With the option that includes them; where a key cannot list them, nothing is said."""
    assert find().left_out == ["the domains of 3 subaccounts; add --subaccounts"]
    calls = [request.path for request in emulator.requests]
    assert calls.count("/v5/accounts/subaccounts") == 1
    listed = [{"id": "sub-1", "name": "A", "status": status} for status in ("open", "disabled")]
    emulator.add_fault(path="/v5/*", status=200, body={"subaccounts": listed}, times=1)
    told = ["the domains of 1 subaccount of account brand-b; add --subaccounts"]
    assert find("brand-b").left_out == told
    environment.set(MAILGUN_SUBACCOUNT="sub-1")
    assert find().left_out == []
    environment.set(MAILGUN_SUBACCOUNT="")
    emulator.add_fault(path="/v5/*", status=403)
    inventory = find()
    assert (inventory.left_out, inventory.failures) == ([], [])


@pytest.mark.behaviour(97)
def test_a_configured_subaccount_or_base_url_limits_it(
    emulator: Emulator, environment: Environment
) -> None:
    environment.set(MAILGUN_SUBACCOUNT="sub-1")
    assert ids(find()) == ["default:us/sub-1/sub.example.com"]
    assert ids(find(subaccounts=True)) == ["default:us/sub-1/sub.example.com"]
    environment.set(MAILGUN_SUBACCOUNT="", MAILGUN_BASE_URL=f"{emulator.url}/eu")
    environment.set(MAILGUN_REGION="eu")
    assert ids(find()) == ["default:eu/eu.example.com"]


@pytest.mark.behaviour(97)
def test_what_cannot_be_listed_is_noted(emulator: Emulator, environment: Environment) -> None:
    emulator.add_fault(path="/v5/*", status=403, times=1)
    emulator.add_fault(path="/v4/domains", status=400, after=1, times=1, body={"message": "no"})
    inventory = find(subaccounts=True)
    assert len(inventory.failures) == 2
    assert {type(error) for error in inventory.failures} == {
        errors.Unauthorized,
        errors.MailgunError,
    }
    for error in inventory.failures:
        assert " in region " in error.what
    with pytest.raises(errors.ConfigurationError, match="'brand-c'"):
        find("default", "brand-c")
