"""Reports as one self-contained page: no scripts, nothing loaded from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from html import escape

from .._api.fields import SECTIONS
from .._api.models import from_rfc3339, rfc3339
from .._diagnosis.diagnose import Finding
from .report import Report, dns_seen
from .report_text import WORDS, count_of, tally

_STYLE = """
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --text: #1c2128; --soft: #59636e;
  --line: #d8dee4; --ok: #1a7f37; --note: #0969da; --wait: #9a6700; --fix: #cf222e;
  --unseen: #8250df; }
@media (prefers-color-scheme: dark) {
  :root { --page: #0d1117; --card: #161b22; --text: #e6edf3; --soft: #9198a1; --line: #30363d;
    --ok: #3fb950; --note: #58a6ff; --wait: #d29922; --fix: #ff7b72; --unseen: #bc8cff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 16px 48px; max-width: 1360px; background: var(--page);
  color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 22px; overflow-wrap: anywhere; }
h2 { margin: 32px 0 8px; font-size: 16px; }
p { margin: 4px 0 0; }
.soft, time { color: var(--soft); }
.card { padding: 4px 16px; border: 1px solid var(--line); border-radius: 8px;
  background: var(--card); }
code { font: 13px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
.word { font-weight: 600; white-space: nowrap; }
.ok { color: var(--ok); } .note { color: var(--note); } .wait { color: var(--wait); }
.fix { color: var(--fix); } .not-checked { color: var(--unseen); }
.not-assessed { color: var(--soft); font-weight: 400; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 8px 16px 8px 0; border-top: 1px solid var(--line); text-align: left;
  vertical-align: top; overflow-wrap: break-word; }
thead th { color: var(--soft); font-size: 13px; font-weight: 600; white-space: nowrap; }
thead th, tbody:first-child tr:first-child > * { border-top: 0; }
tbody th { font-weight: 600; }
.short { white-space: nowrap; }
.number { text-align: right; padding-right: 0; }
.item { padding: 12px 0; border-top: 1px solid var(--line); }
.item:first-child { border-top: 0; }
dl { display: grid; grid-template-columns: 60px 1fr; gap: 2px 8px; margin: 4px 0 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.when { display: grid; grid-template-columns: minmax(0, 260px) 1fr 180px; gap: 0 16px;
  align-items: center; padding: 6px 0; }
.when .name { overflow-wrap: anywhere; }
.track { position: relative; height: 14px; border-radius: 7px; background: var(--page); }
.bar { position: absolute; top: 0; bottom: 0; border-radius: 7px; background: currentColor;
  opacity: .75; }
.now { position: absolute; top: -6px; bottom: -6px; width: 2px; background: var(--text); }
.axis { position: relative; height: 20px; color: var(--soft); font-size: 12px; }
.axis span { position: absolute; transform: translateX(-50%); white-space: nowrap; }
@media (max-width: 700px) {
  table, tbody { display: block; }
  thead, td:empty { display: none; }
  tr { display: flex; flex-wrap: wrap; padding: 10px 0; border-top: 1px solid var(--line); }
  tr:first-child { border-top: 0; }
  th, td { padding: 0 12px 0 0; border: 0; }
  th, th.short { flex: 1 1 0; min-width: 50%; white-space: normal; }
  tr::before { content: ""; order: 1; flex-basis: 100%; } /* a line end after the name */
  td:not(:first-child) { order: 2; }
  td[data-name]::before { content: attr(data-name) " "; color: var(--soft); }
  td.long { flex: 1 1 100%; }
  .number { text-align: left; }
  .when { grid-template-columns: 1fr auto; }
  .when .track, .when .axis { grid-column: 1 / -1; grid-row: 2; }
}
"""


def status_page(reports: Sequence[Report], at: datetime) -> str:
    """Many domains, the most urgent first, and when their certificates end.

    Args:
        reports: the domains.
        at: when they were looked at.
    """
    wrong = [report for report in reports if report.problems]
    title = f"{count_of(len(reports), 'domain')}: {tally(reports)}"
    return _page(title, at, [*_to_do(wrong), *_lines(reports), *_timeline(reports, at)])


def doctor_page(report: Report) -> str:
    """One domain, looked at closely."""
    problem = report.problem
    title = f"{report.domain}: {problem.id if problem else 'all well'}"
    return _page(title, report.facts.now, [*_to_do([report]), *_checks(report), *_seen(report)])


def _page(title: str, at: datetime, body: Iterable[str]) -> str:
    shown = f"{at:%Y-%m-%d %H:%M} UTC"
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            f"<h1>{escape(title)}</h1>",
            f'<p>Looked at on <time datetime="{rfc3339(at)}">{shown}</time></p>',
            *body,
            "</html>",
            "",
        ]
    )


def _to_do(reports: Sequence[Report]) -> Iterator[str]:
    items = [(report, finding) for report in reports for finding in report.problems]
    if not items:
        return
    yield "<h2>What needs somebody</h2>"
    yield '<div class="card">'
    for report, finding in items:
        yield '<div class="item">'
        yield f"{_word(finding)} <b>{escape(report.domain)}</b> <code>{escape(finding.id)}</code>"
        if finding.mend:
            yield f"<p>{_prose(finding.mend[0].upper() + finding.mend[1:])}.</p>"
        yield "<dl>"
        for name in ("found", "wanted", "record"):
            if text := getattr(finding, name):
                value = f"<code>{escape(text)}</code>" if name == "record" else escape(text)
                yield f"<dt>{name}</dt><dd>{value}</dd>"
        yield "</dl></div>"
    yield "</div>"


def _lines(reports: Sequence[Report]) -> Iterator[str]:
    names = ("open", "click", "unsubscribe", "scheme", "tracking domain", "DNS", "certificate")
    yield "<h2>Domains</h2>"
    yield '<div class="card"><table>'
    heads = "".join(f"<th>{name}" for name in ("", "domain", *names))
    yield f'<thead><tr>{heads}<th class="number">days left</thead><tbody>'
    for report in reports:
        cells = [
            *(report.tracking(section) for section in SECTIONS),
            report.web_scheme,
            report.host,
            report.dns,
            report.certificate,
        ]
        yield f'<tr><td><span class="word {report.severity}">{WORDS[report.severity]}</span>'
        yield f"<th>{_breakable(report.domain)}"
        for name, cell in zip(names, cells, strict=True):
            kind = "long" if name in ("tracking domain", "DNS") else "short"
            yield f'<td class="{kind}" data-name="{name}">{_breakable(cell)}'
        yield f'<td class="number" data-name="days left">{report.days_left_shown}</td>'
    yield "</table></div>"


def _timeline(reports: Sequence[Report], at: datetime) -> Iterator[str]:
    spans = [
        (from_rfc3339(known.not_after), from_rfc3339(known.not_before), report)
        for report in reports
        if (known := report.known) is not None
    ]
    # Certificates that were issued together have the same dates.
    spans.sort(key=lambda span: (span[:2], span[2].domain))
    if not spans:
        return
    first = min(at, *(start for _, start, _ in spans))
    last = max(at, *(end for end, _, _ in spans))
    scale = max(last - first, timedelta(days=1))

    def place(moment: datetime) -> str:
        return f"{(moment - first) / scale:.2%}"

    now = f'<div class="now" style="left:{place(at)}"></div>'
    yield "<h2>When certificates end</h2>"
    yield '<div class="card">'
    marks = "".join(
        f'<span style="left:{place(month)}">{month:%b %Y}</span>' for month in _months(first, last)
    )
    yield f'<div class="when"><div class="name soft"></div><div class="axis">{marks}</div></div>'
    for end, start, report in spans:
        left = count_of(report.days_left or 0, "day") if report.share_left else "expired"
        colour = "ok" if report.share_left >= 1 / 3 else "fix"
        yield '<div class="when">'
        yield f'<div class="name">{_breakable(report.host)}</div>'
        bar = f"left:{place(start)};width:{(end - start) / scale:.2%}"
        yield f'<div class="track {colour}"><div class="bar" style="{bar}"></div>{now}</div>'
        yield f'<div><time datetime="{rfc3339(end)}">{end:%Y-%m-%d}</time> ({left})</div></div>'
    yield "</div>"


def _months(first: datetime, last: datetime) -> Iterator[datetime]:
    """The starts of months in between; with many of them, only some."""
    month = first.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    months = []
    while month <= last:
        if month >= first:
            months.append(month)
        month = (month + timedelta(days=32)).replace(day=1)
    step = len(months) // 6 + 1
    yield from months[::step]


def _checks(report: Report) -> Iterator[str]:
    yield "<h2>Status</h2>"
    yield '<div class="card"><table><tbody>'
    for finding in report.findings:
        yield f'<tr><td class="short">{_word(finding)}<th class="short">{escape(finding.check)}'
        yield f'<td class="long">{escape(finding.found)}</td>'
    yield "</table></div>"


def _seen(report: Report) -> Iterator[str]:
    rows = [(report.host, answer, server) for answer, server in dns_seen(report.facts)]
    if known := report.known:
        rows.append(("certificate", report.certificate, f"until {known.not_after}"))
    if not rows:
        return
    yield "<h2>What was found</h2>"
    yield '<div class="card"><table><tbody>'
    for what, answer, whose in rows:
        yield f'<tr><th>{_breakable(what)}<td class="long">{escape(answer)}'
        yield f'<td class="long">{escape(whose)}</td>'
    yield "</table></div>"


def _word(finding: Finding) -> str:
    return f'<span class="word {finding.severity}">{WORDS[finding.severity]}</span>'


def _breakable(text: str) -> str:
    """A name that may break after its dots, and not in the middle of a word."""
    return escape(text).replace(".", ".<wbr>")


def _prose(text: str) -> str:
    """A text in which what is between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
