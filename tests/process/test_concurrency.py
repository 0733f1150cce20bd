"""Calls at a time: of many resources, and of previews."""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, calls, puts
from tests.process.breaking import break_provider, broken_in
from tests.process.test_leaving import started_up
from tests.process.timing import most_at_a_time

SDK_CALLS = 4
"""How many calls the SDK's own process answers at a time."""
MANY = """
for i in range({count}):
    DomainTracking(f"d{{i}}", f"d{{i}}.example.com", click=True, open=True, unsubscribe=True)
"""


def add_domains(emulator: Emulator, count: int) -> list[str]:
    """Add domains d0, d1 and so on, whose tracking differs from what `MANY` wants."""
    names = [f"d{i}.example.com" for i in range(count)]
    for name in names:
        emulator.add_domain(name, click="htmlonly", open=False, unsubscribe=False)
    return names


@pytest.mark.behaviour(25, 26)
def test_many_resources_are_changed_at_a_time(mail: MailFactory) -> None:
    """More than the SDK's four: their changes are under way before one of them is answered."""
    count = 32
    # An emulator of its own, since calls that were never answered may still arrive after the end.
    with Emulator() as emulator:
        add_domains(emulator, count)
        emulator.add_fault(method="PUT", delay_seconds=600)
        address = {"MAILGUN_BASE_URL": emulator.url, "MAILGUN_API_KEY": emulator.key}
        stack = mail(MANY.format(count=count), env=address)
        with started_up(stack, "--parallel", "64") as running:
            running.wait_until(
                lambda: len(set(puts(emulator))) > 6 * SDK_CALLS, "many changes are under way", 90
            )


@pytest.mark.behaviour(25)
def test_without_pools_there_are_as_many_as_the_sdk_allows(
    mail: MailFactory, emulator: Emulator
) -> None:
    """gRPC may drop what makes more possible; then everything takes longer, and works."""
    count, latency = 2 * SDK_CALLS, 1.0
    add_domains(emulator, count)
    stack = mail(MANY.format(count=count))
    break_provider(stack, "grpc_ignores_pools")
    emulator.set(latency_seconds=latency)
    stack.up("--parallel", "64")
    assert broken_in(stack) == {"grpc_ignores_pools"}
    changes = [request for request in emulator.requests if request.method == "PUT"]
    assert len(changes) == 3 * count
    assert most_at_a_time(changes, latency) <= SDK_CALLS
    assert all(domain.open["active"] for domain in emulator.domains() if domain.name[0] == "d")


@pytest.mark.behaviour(11, 14)
def test_a_preview_of_many_new_domains_tells_what_up_will_change(
    mail: MailFactory, emulator: Emulator
) -> None:
    """In each of 100 rows, with two GETs a domain and one list; also where a response is late."""
    count = 100
    names = add_domains(emulator, count)
    emulator.add_fault(method="GET", path="/v3/domains/d99.*", delay_seconds=3)
    stack = mail(MANY.format(count=count))
    stack.set_constants({"_provider.plugin_process.LAST_MESSAGES_SECONDS": 90.0})
    result = stack.preview()

    for number, name in enumerate(names):
        assert result.diagnostics(f"d{number}") == [
            f"{name} already exists; will change open false => true, click htmlonly => true, "
            "unsubscribe false => true"
        ]
    asked = calls(emulator)
    assert asked.count("GET /v4/domains") == 1
    assert len(asked) == len(set(asked)) == 1 + 2 * count
    assert puts(emulator) == []
