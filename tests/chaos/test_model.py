"""Whatever requests fail on the way, an `up` that ends well has done what its program says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgun_tracking._api.client import MailgunClient
from mailgun_tracking.emulator import Emulator
from mailgun_tracking.emulator.spoiling import KINDS
from tests.behaviour.conftest import emulator, one_emulator
from tests.chaos.examples import examples
from tests.providers.conftest import emulator_is_mailgun, new_engine
from tests.providers.engine import Engine
from tests.providers.test_convergence import DOMAIN, Stack, some_settings
from tests.unit.fakes import Clock

__all__ = ["emulator", "emulator_is_mailgun", "new_engine", "one_emulator"]

INSTANT = [kind for kind in KINDS if kind not in ("slow", "hang", "drip")]
"""The kinds of faults that take no time."""


@pytest.mark.behaviour(86)
def test_exit_0_means_done(
    new_engine: Callable[[], Engine],
    emulator: Emulator,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    """And one `up` without faults mends whatever failed ones left, whichever program it is of."""
    tried: Counter[str] = Counter()
    monkeypatch.setattr(MailgunClient, "sleep", lambda _client, seconds: clock.sleep(seconds))
    seeds = st.integers(0, 10**6)
    # Another prefix needs a certificate of its own first: the kills are about that.
    programs = some_settings().map(lambda one: {n: one[n] for n in one if n != "web_prefix"})

    @examples(15)
    @given(
        is_split=st.booleans(),
        ups=st.lists(st.tuples(programs, seeds), min_size=2, max_size=5),
    )
    def life(is_split: bool, ups: list[tuple[dict[str, Any], int]]) -> None:
        tried["lives"] += 1
        emulator.reset()
        emulator.set_certificate(f"email.{DOMAIN}")
        stack = Stack(new_engine(), emulator, is_split=is_split)
        for settings, seed in [*ups, (ups[-1][0], None), (ups[0][0], None)]:
            stack.settings = settings
            emulator.spoil(0.6 if seed is not None else 0, seed=seed or 0, kinds=INSTANT)
            run = stack.engine.up(stack.program, check=False)
            tried["spoiled"] += sum(emulator.spoiled.values())
            emulator.spoil(0)
            assert not run.failed or seed is not None, run.errors or run.refused
            if not run.failed:
                assert_done(stack)

    life()
    record_property("tried", tried["lives"])
    assert tried["spoiled"] > tried["lives"]


def assert_done(stack: Stack) -> None:
    """Mailgun and the state are as the program says."""
    there, state = stack.at_mailgun(), stack.in_state()
    for field in stack.managed:
        said = field.get(stack.settings)
        assert field.same(there[field], said), f"{field.path} at Mailgun"
        assert field.same(state[field], said), f"{field.path} in state"
    assert stack.is_unchanged()
