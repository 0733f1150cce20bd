"""Reports as text."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator, Sequence

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .._api.fields import SECTIONS
from .._diagnosis.diagnose import Finding, Severity
from .report import Report, dns_seen

WORDS: dict[Severity, str] = {
    "ok": "ok",
    "note": "note",
    "wait": "wait",
    "fix": "fix",
    "not-checked": "not checked",
    "not-assessed": "not assessed",
}
STYLES: dict[Severity, str] = {
    "ok": "green",
    "note": "cyan",
    "wait": "yellow",
    "fix": "red",
    "not-checked": "magenta",
    "not-assessed": "bright_black",
}
WIDE = 240
"""How wide a table is where there is no terminal to fit into."""


def examined(report: Report) -> str:
    """One domain, looked at closely: one line if all is well."""
    problem = report.problem
    if problem is None:
        lines = [f"{report.domain}: all well ({_all_well(report)})"]
        return "\n".join([*lines, *(f"  note: {_sentence(note)}" for note in report.notes)])
    return "\n\n".join(
        "\n".join(section)
        for section in (
            [_headline(report, problem)],
            ["Status", *_status(report.findings)],
            [*_what_to_do(report)],
            [*_found(report)],
        )
        if section
    )


def surveyed(reports: Sequence[Report], *, is_terminal: bool, always_lines: bool) -> str:
    """Many domains, a line each and the most urgent first; one line if all is well."""
    wrong = [report for report in reports if report.problem]
    count = count_of(len(reports), "domain")
    if not wrong and not always_lines:
        return f"{count}: {tally(reports)}"
    lines = [_table(reports, is_terminal=is_terminal)]
    said = [
        (report.domain, [_sentence(problem) for problem in report.problems]) for report in wrong
    ]
    if len(said) > 1 and all(sentences == said[0][1] for _, sentences in said):
        # As when Mailgun cannot be reached; the table says which domains these are.
        said = [(count_of(len(said), "domain"), said[0][1])]
    for domain, sentences in said:
        lines += [f"{domain}: {sentence}" for sentence in sentences]
    lines += [""] if wrong else []
    last = f"{count}: {tally(reports)}"
    if wrong:
        last += "; `mailgun-tracking doctor DOMAIN` looks closer, and says what to do"
    return "\n".join([*lines, last])


def _headline(report: Report, problem: Finding) -> str:
    text = {
        "fix": problem.id,
        "wait": "nothing to fix; not ready yet",
        "not-checked": "nothing to fix was found, but not everything could be looked at",
    }[problem.severity]
    return f"{report.domain}: {text}"


def _all_well(report: Report) -> str:
    checks = {finding.check: finding for finding in report.findings}
    return ", ".join(
        text
        for text in (
            f"{report.host} {checks['dns-resolver'].found}",
            f"certificate {checks['certificate'].found}"
            if checks["certificate"].severity == "ok"
            else "",
            f"links use {report.web_scheme}",
        )
        if text
    )


def _status(findings: Sequence[Finding]) -> Iterator[str]:
    wide = max(len(finding.check) for finding in findings)
    for finding in findings:
        found = finding.found
        if finding.id != finding.check:
            found = f"{finding.id}: {found}"
        if found:
            word = click.style(f"{WORDS[finding.severity]:12}", fg=STYLES[finding.severity])
            yield f"  {word}  {finding.check:{wide}}  {found}"
    if left := [one.check for one in findings if not one.found]:
        word = click.style(WORDS["not-assessed"], fg=STYLES["not-assessed"])
        yield f"  {word}  {', '.join(left)}"


def _what_to_do(report: Report) -> Iterator[str]:
    to_do = [problem for problem in report.problems if problem.mend]
    if not to_do:
        return
    yield "What to fix" if report.severity == "fix" else "What to do"
    for number, problem in enumerate(to_do, 1):
        yield f"  {number}. {problem.mend[0].upper()}{problem.mend[1:]}."
        yield f"     found:  {problem.found}"
        if problem.wanted:
            yield f"     wanted: {problem.wanted}"
        if problem.record:
            yield f"     record: {problem.record}"


def _found(report: Report) -> Iterator[str]:
    rows = [
        (report.host, answer, f"says {server}" if server else "")
        for answer, server in dns_seen(report.facts)
    ]
    if known := report.known:
        rows.append(("certificate", report.certificate, f"until {known.not_after}"))
    elif report.facts.certificate is not None:
        rows.append(("certificate", report.certificate, "at Mailgun"))
    if not rows:
        return
    yield "What was found"
    wide = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for host, what, whose in rows:
        yield f"  {host:{wide[0]}}  {what:{wide[1]}}  {whose}".rstrip()


def _table(reports: Sequence[Report], *, is_terminal: bool) -> str:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("", "domain", "open", "click", "unsub.", "scheme", "tracking domain", "DNS"):
        table.add_column(name, overflow="fold")
    table.add_column("certificate", overflow="fold")
    table.add_column("days left", justify="right")
    for report in reports:
        table.add_row(
            Text(WORDS[report.severity], STYLES[report.severity]),
            report.domain,
            *(report.tracking(section) for section in SECTIONS),
            report.web_scheme,
            report.host,
            report.dns,
            report.certificate,
            report.days_left_shown,
        )
    width = shutil.get_terminal_size().columns if is_terminal else WIDE
    console = Console(file=io.StringIO(), width=width, force_terminal=is_terminal, markup=False)
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def _sentence(finding: Finding) -> str:
    what = WORDS[finding.severity] if finding.id == finding.check else finding.id
    text = f"{what}: {finding.found}"
    return f"{text}; wanted: {finding.wanted}" if finding.wanted else text


def tally(reports: Sequence[Report]) -> str:
    """How many domains are how, or that all are well."""
    counts = {
        word: sum(report.severity == severity for report in reports)
        for severity, word in (
            ("fix", "to fix"),
            ("not-checked", "not checked"),
            ("wait", "not ready yet"),
            ("ok", "well"),
        )
    }
    if not reports:
        return "nothing to look at"
    if counts["well"] == len(reports):
        return "all well"
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)


def count_of(number: int, what: str) -> str:
    """A number of things, in words."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
