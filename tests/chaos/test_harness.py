"""What `make chaos` does it with: plans, comparisons, figures and tables."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.results import Machine
from chaos.checks import CHECKS, Check, counted
from chaos.fleet import (
    RESOURCES,
    at_mailgun,
    changed,
    differences,
    in_state,
    in_words,
    make_fleet,
    not_shown,
    off,
    wanted,
    wanted_in_state,
)
from chaos.kills import LARGEST, STEPS, VICTIMS, Kill, Plan, plans
from chaos.life import COMMANDS, Command
from chaos.results import Results
from chaos.stacks import mailgun
from chaos.tables import document
from tests.engine.result import Result
from tests.engine.stack import ROOT


def test_the_largest_stack_has_20_resources_half_of_them_for_https() -> None:
    resources = [RESOURCES[domain.kind] for domain in LARGEST]
    assert (sum(resources), sum(count for count in resources if count > 1)) == (20, 10)


def test_the_two_versions_of_the_settings_differ_in_each_section() -> None:
    fleet = make_fleet(1, 1, 1)
    for before, after in zip(
        wanted(fleet).values(), wanted(changed(fleet, version=1)).values(), strict=True
    ):
        other = {path.partition(".")[0] for path in before if before[path] != after[path]}
        assert other == {"open", "click", "unsubscribe"}


def test_plans_are_repeatable_and_balanced() -> None:
    """Each step as often as the others, and each victim at least three times in each."""
    lives = plans(1, 20)
    assert plans(1, 20) == lives
    assert plans(2, 20) != lives
    assert [[plan.step for plan in life] for life in lives] == [list(STEPS)] * 20
    kills = Counter((plan.step, plan.victim) for life in lives for plan in life)
    assert all(kills[step, victim] >= 3 for step in STEPS for victim in VICTIMS)
    assert all(plan.then == "again" for life in lives for plan in life if plan.step == "create")
    reverts = Counter(plan.step for life in lives for plan in life if plan.then == "revert")
    assert reverts == {step: 10 for step in STEPS if step != "create"}
    assert all(1 <= plan.after <= STEPS[plan.step] for life in lives for plan in life)


def test_differences_from_mailgun_are_seen() -> None:
    """A setting, the web scheme, the host and the certificate."""
    fleet = make_fleet(1, 1, 0)
    with mailgun(fleet) as emulator:
        before = differences(at_mailgun(fleet, emulator), wanted(fleet))
        assert set(before) == {"d0", "d1"}
        assert "web_scheme is 'http' instead of 'https'" in before["d1"]
        assert "certificate is None instead of 'active'" in before["d1"]
        assert differences(at_mailgun(fleet, emulator), off(fleet)) == {}
        emulator.drift("d0.example.com", click=True)
        left = differences(at_mailgun(fleet, emulator), off(fleet))
        assert in_words(left) == ["d0: click.active is True instead of False"]


def test_differences_of_the_state_are_seen() -> None:
    """Also where the state does not have the resource, or has it under another host."""
    fleet = make_fleet(1, 1, 1)

    def resource(kind: str, name: str, outputs: dict[str, object]) -> dict[str, object]:
        type_ = f"pulumi-python:dynamic/mailgun:{kind}"
        return {"urn": f"urn:pulumi:dev::mail::{type_}::{name}", "type": type_, "outputs": outputs}

    said = wanted(fleet)["d0"]
    sections: dict[str, dict[str, object]] = {}
    for path, value in said.items():
        section, _, field = path.partition(".")
        sections.setdefault(section, {})[field] = value
    # A footer may be secret.
    sections["unsubscribe"]["text_footer"] = {"plaintext": '"Leave: %unsubscribe_url%"'}
    resources = [
        resource("DomainTracking", "d0", {"domain": "d0.example.com", **sections}),
        resource("TrackingHost", "d2", {"domain": "d2.example.com", "web_scheme": "http"}),
        resource(
            "TrackingCertificate",
            "d1",
            {"tracking_domain": "email.d1.example.com", "status": "processing"},
        ),
    ]
    state = in_state(fleet, {"deployment": {"resources": resources}})
    differing = differences(state, wanted_in_state(fleet))
    assert set(differing) == {"d1", "d2"}
    assert "certificate is 'processing' instead of 'active'" in differing["d1"]
    assert "web_scheme is 'http' instead of 'https'" in differing["d2"]
    assert in_state(fleet, {"deployment": {}}) == {}


@pytest.mark.parametrize(("step", "hidden"), [("same", ["d0"]), ("update", []), (None, ["d0"])])
def test_a_preview_that_says_unchanged_is_seen(step: str | None, hidden: list[str]) -> None:
    """And one that does not mention the domain at all."""
    urn = "urn:pulumi:dev::mail::pulumi-python:dynamic/mailgun:DomainTracking::d0"
    metadata = {"op": step, "urn": urn, "type": "", "old": None, "new": None}
    events = [{"resourcePreEvent": {"metadata": metadata}}] if step else []
    assert not_shown(Result([], 0, "", "", events), ["d0"]) == hidden


@pytest.mark.parametrize("name", CHECKS)
def test_the_files_of_checks_exist(name: str) -> None:
    assert [file for file in CHECKS[name] if not (ROOT / file).exists()] == []


def test_examples_and_failures_are_counted() -> None:
    """A test that counts its examples itself, one that fails, and one that ends early."""
    report = """<testsuites><testsuite>
      <testcase name="a"><properties>
        <property name="tried" value="1"/><property name="tried" value="150"/>
      </properties></testcase>
      <testcase name="b"><failure message="no"/></testcase>
      <testcase name="c"><error message="no"/></testcase>
    </testsuite></testsuites>"""
    assert counted(report) == (152, 2)


@pytest.fixture
def results() -> Results:
    """Two stacks under faults and two kills; the second of each lost something."""
    commands = [
        Command("up", 1, [0], 10.0, 100, {"500": 20, "reset": 10}),
        Command("up", 2, [1, 0], 30.0, 300, {"500": 90}, ["at Mailgun, d0: it is off"]),
    ]
    plan = Plan("move", "both", "revert", 7, 0.01)
    kills = [
        Kill(0, Plan("create", "SIGINT", "again", 3, 0.0), True, 1.5),
        Kill(1, plan, False, 2.5, True, ["up ended with 1"], "error"),
    ]
    machine = Machine(2, 8, "Linux", "3.11", "v3")
    checks = [Check("answers", 1000, 0, 12.0)]
    return Results("2026-01-31", machine, "--quick", 120.0, commands, kills, checks)


def test_results_are_read_as_they_were_saved(results: Results, tmp_path: Path) -> None:
    file = tmp_path / "build" / "chaos.json"
    results.save(file)
    assert Results.load(file) == results


def test_what_was_lost_is_told_with_its_seed(results: Results) -> None:
    """Including a command that failed twice, and a check that failed."""
    assert results.lost() == [
        "seed 2, up: at Mailgun, d0: it is off",
        "life 1, both in move after 7, revert: up ended with 1",
    ]
    results.commands[1].codes = [1, 1]
    results.checks[0].failed = 2
    assert "seed 2, up: failed twice" in results.lost()
    assert "answers: 2 failed" in results.lost()


def test_the_document_has_all_figures(results: Results) -> None:
    text = document(results)
    assert '`make chaos ARGS="--quick"` took 2 minutes.' in text
    assert "What was lost: 2, see the end." in text
    assert "| `up` | 2 | 1 | 2 | 400 | 120 (30%) | 20 | 1 |" in text
    assert "110 × 500, 10 × reset." in text
    assert "| both |  |  | 0 of 1 |  |  | 0 of 1 | 2.5 |" in text
    assert "| SIGINT | 1 of 1 |  |  |  |  | 1 of 1 | 1.5 |" in text
    assert "After 1 of the 2 kills, the previous program was run. In 1 cases" in text
    assert "| answers | 1000 | 0 | 12 |" in text
    assert "- life 1, both in move after 7, revert: up ended with 1" in text


def test_without_losses_and_parts_the_document_is_short(results: Results) -> None:
    """Parts that were not run have no tables."""
    text = document(Results("2026-01-31", results.machine, "", 60.0, [], [], results.checks))
    assert "`make chaos` took 1 minutes." in text
    assert "What was lost: nothing." in text
    assert "Kills" not in text
    assert list(COMMANDS) == ["up", "up (change)", "refresh", "destroy"]
