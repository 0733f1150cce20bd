"""One rate limit for several processes: what Mailgun counts, and what the rows say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from mailgun_tracking._api.moments import SHARED_LIMIT
from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory
from tests.behaviour.test_rate_limit import too_many
from tests.engine.stack import ROOT

PROCESSES, THREADS, CALLS = 3, 8, 5
LIMIT, WINDOW_SECONDS = 40, 0.5
READER = f"""
import sys
from concurrent.futures import ThreadPoolExecutor
from mailgun_tracking import errors
from mailgun_tracking._api import rate_limit
from mailgun_tracking._api.settings import Settings
from mailgun_tracking._api.target import Target

rate_limit.BUDGET_SECONDS = {WINDOW_SECONDS}
client = Settings().client(Target("default", "us", "", "mg.example.com"))
print("ready", flush=True)
sys.stdin.read()

def read(count):
    for _ in range(count):
        client.get_domain("mg.example.com")

with ThreadPoolExecutor({THREADS}) as pool:
    try:
        list(pool.map(read, [int(sys.argv[1])] * {THREADS}))
    except errors.TrackingError as error:
        print(type(error).__name__, flush=True)
"""


@contextmanager
def reader(emulator: Emulator, directory: Path, calls: int) -> Iterator[subprocess.Popen[str]]:
    """A process that is ready to call Mailgun, from several threads, once its input ends."""
    environment = {
        "PYTHONPATH": str(ROOT),
        "MAILGUN_API_KEY": emulator.key,
        "MAILGUN_BASE_URL": emulator.url,
        "MAILGUN_REQUESTS_PER_MINUTE": str(LIMIT),
        SHARED_LIMIT: str(directory),
    }
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(calls)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def most_in_a_window(emulator: Emulator) -> int:
    """The most requests that arrived within the length of a window, whenever it begins."""
    times = [request.at.timestamp() for request in emulator.requests]
    return max(sum(at <= other < at + WINDOW_SECONDS for other in times) for at in times)


@pytest.mark.behaviour(116)
def test_processes_keep_below_the_limit_together(emulator: Emulator, tmp_path: Path) -> None:
    """A budget as high as the limit is enough: no request is one too many."""
    emulator.set(requests_per_minute=LIMIT, rate_window_seconds=WINDOW_SECONDS)
    with ExitStack() as stack:
        readers = [stack.enter_context(reader(emulator, tmp_path, CALLS)) for _ in range(PROCESSES)]
        for process in readers:
            assert process.stdin is not None
            process.stdin.close()
        for process in readers:
            assert process.stdout is not None
            assert process.stdout.read() == ""
    assert len(emulator.requests) == PROCESSES * THREADS * CALLS
    assert too_many(emulator) == 0
    assert most_in_a_window(emulator) <= LIMIT


@pytest.mark.behaviour(116)
def test_a_limit_that_was_reached_holds_up_all_processes(
    emulator: Emulator, tmp_path: Path
) -> None:
    """One is told to wait for longer than any call waits; the other ones then ask nothing."""
    emulator.add_fault(status=429, headers={"Retry-After": "3000"})
    for requests in (1, 0):
        with reader(emulator, tmp_path, 1) as process:
            assert process.communicate(timeout=60)[0] == "RateLimited\n"
        assert (len(emulator.requests) > 0) is bool(requests)
        emulator.forget_requests()


@pytest.mark.behaviour(116)
def test_stacks_share_a_budget(mail: MailFactory, emulator: Emulator, tmp_path: Path) -> None:
    """Two of them at the same time, each with the processes of its program and its provider."""
    emulator.set(requests_per_minute=30, rate_window_seconds=1.5)
    for name in "ab":
        for i in range(8):
            emulator.add_domain(f"{name}{i}.example.com", click="htmlonly")
    stacks = [
        mail(
            f"""
            get_tracking_domain("{name}0.example.com")
            for i in range(8):
                DomainTracking(f"{name}{{i}}", f"{name}{{i}}.example.com", click=True)
            """,
            config={"mailgun-tracking:requestsPerMinute": "30"},
            env={SHARED_LIMIT: str(tmp_path / "shared")},
        )
        for name in "ab"
    ]
    refused = stacks[0].preview(check=False)
    assert refused.code != 0
    assert f"cannot be kept in {tmp_path / 'shared'}: No such file" in refused.output
    assert "Traceback" not in refused.output
    assert emulator.requests == []

    (tmp_path / "shared").mkdir()
    constants = {"_api.rate_limit.BUDGET_SECONDS": 1.5, "_provider.read_ahead.REPORT_SECONDS": 0.1}
    with ExitStack() as entered:
        for stack in stacks:
            stack.set_constants(constants)
        running = [
            entered.enter_context(stack.start("up", "--yes", "--skip-preview")) for stack in stacks
        ]
        results = [one.wait() for one in running]
    assert [result.code for result in results] == [0, 0]
    told = "your budget of 30 requests per minute is used up: "
    assert any(told in result.output for result in results)
    assert too_many(emulator) == 0
    assert len(emulator.requests) > 30
    assert not any(domain.click["active"] == "htmlonly" for domain in emulator.domains())
