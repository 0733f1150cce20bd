"""Which cases there are, and which are chosen."""

from __future__ import annotations

from benchmarks.cases import CASES, select


def test_a_baseline_has_the_same_parallel_and_precedes_its_cases() -> None:
    """Otherwise the ratios would compare different settings."""
    seen = {}
    for case in CASES:
        seen[case.name] = case
        if case.baseline:
            assert seen[case.baseline].parallel == case.parallel
            assert seen[case.baseline].baseline == ""


def test_programs_differ_only_in_the_changed_setting() -> None:
    """Both are valid Python, and they are not the same."""
    for case in CASES:
        before, after = case.program(3, changed=False), case.program(3, changed=True)
        assert before != after
        for program in (before, after):
            compile(program, case.name, "exec")


def test_chosen_cases_come_with_their_baselines() -> None:
    """And nothing else does."""
    assert [case.name for case in select("Certificate")] == [
        "no-op, --parallel 512",
        "TrackingCertificate, 10 s, --parallel 512",
    ]
    assert select("") == list(CASES)
    assert select("no such case") == []
