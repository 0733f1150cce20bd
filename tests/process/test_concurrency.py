"""Calls at a time: of one resource, of many resources, and of previews."""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, calls, puts
from tests.process.breaking import FIRST_WAY, NO_WAY, SECOND_WAYS, break_provider, broken_in
from tests.process.timing import most_at_a_time, round_trips

SDK_CALLS = 4
"""How many calls the SDK's own process serves at a time."""
TRACKING = "/v3/domains/mg.example.com/tracking"
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


@pytest.mark.behaviour(16)
def test_create_takes_two_round_trips(mail: MailFactory, emulator: Emulator) -> None:
    """A domain's two GETs go out together, and then its PUTs."""
    latency = 2.0
    emulator.set(latency_seconds=latency)
    mail(
        'DomainTracking("mg", "mg.example.com", click="htmlonly", open=True, unsubscribe=True,'
        ' web_prefix="links")'
    ).up()
    assert sorted(calls(emulator)) == [
        f"GET {TRACKING}",
        "GET /v4/domains/mg.example.com",
        f"PUT {TRACKING}/click",
        f"PUT {TRACKING}/open",
        f"PUT {TRACKING}/unsubscribe",
        "PUT /v4/domains/mg.example.com",
    ]
    assert round_trips(emulator.requests, latency) == 2
    assert most_at_a_time(emulator.requests, latency) == 4


def test_refresh_takes_one_round_trip_a_domain(mail: MailFactory, emulator: Emulator) -> None:
    """Where an answer takes its time, a domain's two GETs go out together."""
    count, latency = 3, 1.0
    add_domains(emulator, count)
    stack = mail(MANY.format(count=count))
    stack.up()
    emulator.forget_requests()
    emulator.set(latency_seconds=latency)
    stack.refresh("--parallel", "1")
    assert len(emulator.requests) == 2 * count
    assert round_trips(emulator.requests, latency) == count
    assert most_at_a_time(emulator.requests, latency) == 2


@pytest.mark.behaviour(25, 26)
@pytest.mark.parametrize("pieces", [FIRST_WAY, *SECOND_WAYS, NO_WAY], ids="+".join)
def test_many_resources_are_changed_at_a_time(
    mail: MailFactory, emulator: Emulator, pieces: tuple[str, ...]
) -> None:
    """More than the SDK's four, in two ways; and those four where both are gone."""
    count, latency = 24, 2.0
    add_domains(emulator, count)
    stack = mail(MANY.format(count=count))
    break_provider(stack, *pieces)
    emulator.set(latency_seconds=latency)
    stack.up("--parallel", "64")
    assert broken_in(stack) == set(pieces)

    changes = [request for request in emulator.requests if request.method == "PUT"]
    assert len(changes) == 3 * count
    most = most_at_a_time(changes, latency)
    if pieces == NO_WAY:
        assert most <= 3 * SDK_CALLS
    else:
        assert most > 6 * SDK_CALLS
    assert all(domain.open["active"] for domain in emulator.domains() if domain.name[0] == "d")


@pytest.mark.behaviour(11, 14)
def test_a_preview_of_many_new_domains_tells_what_up_will_overwrite(
    mail: MailFactory, emulator: Emulator
) -> None:
    """Each of 100 rows tells it, at two GETs a domain, sent ahead of the checks, and one list."""
    count, latency = 100, 0.2
    names = add_domains(emulator, count)
    stack = mail(MANY.format(count=count))
    emulator.set(latency_seconds=latency)
    result = stack.preview()

    for number, name in enumerate(names):
        assert result.diagnostics(f"d{number}") == [
            f"{name} exists: open false => true; click htmlonly => true; unsubscribe false => true"
        ]
    asked = calls(emulator)
    assert asked.count("GET /v4/domains") == 1
    # The other domains of the account may be read ahead too, though nobody asks for them.
    assert len(asked) <= 1 + 2 * len(emulator.domains())
    assert sorted(set(asked)) == sorted(asked)
    # One after another they would be 100; at most 3 s of waiting would be 15, had the engine
    # and the checks themselves no work to do between them.
    assert round_trips(emulator.requests, latency) <= 50
    assert most_at_a_time(emulator.requests, latency) >= 8
    assert puts(emulator) == []


@pytest.mark.behaviour(11)
def test_last_words_are_waited_for(mail: MailFactory, emulator: Emulator) -> None:
    """A row gets its line though the answer comes after the engine has finished its preview."""
    # Checks together wait 2 s at the most, so these come later than all of them.
    emulator.add_fault(method="GET", path="/v3/.*", delay_seconds=3)
    emulator.add_domain("d0.example.com", click="htmlonly")
    emulator.add_domain("d1.example.com", click="htmlonly")
    result = mail(
        'for i in range(2): DomainTracking(f"d{i}", f"d{i}.example.com", click=True)'
    ).preview()
    for number in range(2):
        assert result.diagnostics(f"d{number}") == [
            f"d{number}.example.com exists: click htmlonly => true"
        ]


@pytest.mark.behaviour(26)
def test_a_rate_limit_of_polls_holds_all_of_them(mail: MailFactory, emulator: Emulator) -> None:
    """As soon as one poll is refused, nobody asks until Mailgun allows it again."""
    count, pause = 20, 6
    add_domains(emulator, count)
    emulator.set(issuing_seconds=8)
    # Behind the look and the first poll of each, when they all wait.
    emulator.add_fault(
        method="GET",
        path="/v2/x509/.*",
        status=429,
        times=1,
        after=2 * count,
        headers={"Retry-After": str(pause)},
    )
    mail(
        f'for i in range({count}): TrackingCertificate(f"c{{i}}", f"email.d{{i}}.example.com")'
    ).up("--parallel", "64")
    requests = emulator.requests
    refused = next(request for request in requests if request.status == 429)
    after = [(r.at - refused.at).total_seconds() for r in requests if r.at > refused.at]
    # Those that had been sent when the refusal came are not called back.
    assert not [seconds for seconds in after if 1.5 < seconds < pause]
    assert [seconds for seconds in after if seconds >= pause]
    assert len([call for call in puts(emulator) if call.startswith("POST")]) == count
