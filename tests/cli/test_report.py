"""Reports in each form: text, JSON and HTML, as snapshots of made-up domains."""

from __future__ import annotations

import html.parser
import json
from dataclasses import replace

import click
import pytest
from syrupy.assertion import SnapshotAssertion

from mailgun_tracking import errors
from mailgun_tracking._diagnosis.diagnose import diagnose
from mailgun_tracking._diagnosis.facts import DnsAnswer, HttpAnswer, Record
from mailgun_tracking.cli.report import Report, as_json, most_urgent_first
from mailgun_tracking.cli.report_html import doctor_page, status_page
from mailgun_tracking.cli.report_text import examined, surveyed
from tests.cli import reports
from tests.cli.reports import NOW

pytestmark = pytest.mark.behaviour(104)


@pytest.mark.parametrize("is_well", [True, False])
def test_one_domain(is_well: bool, snapshot: SnapshotAssertion) -> None:
    """What `doctor` shows: one line where all is well."""
    report = reports.examined(is_well=is_well)
    assert click.unstyle(examined(report)) == snapshot(name="text")
    assert json.dumps(as_json(report), indent=2) == snapshot(name="json")
    assert doctor_page(report) == snapshot(name="html")


def test_many_domains(snapshot: SnapshotAssertion) -> None:
    """What `status` shows: the most urgent first."""
    many = most_urgent_first(reports.surveys())
    text = surveyed(many, is_terminal=False, always_lines=False)
    assert text == snapshot(name="text")
    assert [as_json(one)["id"] for one in many] == snapshot(name="json")
    assert status_page(many, NOW) == snapshot(name="html")
    for one in many:
        # The ids of the JSON are those of the text.
        assert all(problem.id in text or problem.id == problem.check for problem in one.problems)


def test_many_domains_in_a_terminal() -> None:
    """The table fits, and colours tell what is urgent."""
    text = surveyed(reports.surveys(), is_terminal=True, always_lines=False)
    table = text.partition("\n\n")[0]
    assert "\x1b[31mfix" in table
    assert max(len(click.unstyle(line)) for line in table.splitlines()) <= 80


def test_all_is_well() -> None:
    """One line; where domains were named, their lines as well."""
    well = [reports.report(reports.facts(f"{name}.example.com")) for name in ("a", "b")]
    assert surveyed(well, is_terminal=False, always_lines=False) == "2 domains: all well"
    assert surveyed(well[:1], is_terminal=False, always_lines=False) == "1 domain: all well"
    lines = surveyed(well, is_terminal=False, always_lines=True).splitlines()
    assert [line.split()[1] for line in lines[1:3]] == ["a.example.com", "b.example.com"]
    assert lines[-1] == "2 domains: all well"
    assert surveyed([], is_terminal=False, always_lines=False) == "0 domains: nothing to look at"


def test_what_is_wrong_with_all_is_said_once() -> None:
    """The table says which domains these are."""
    away = [
        replace(
            reports.facts(f"{name}.example.com"),
            domain=errors.Unreachable(f"cannot read {name}.example.com", "no response"),
        )
        for name in "ab"
    ]
    many = [Report(one, [found for found in diagnose(one) if found.check == "key"]) for one in away]
    lines = surveyed(many, is_terminal=False, always_lines=False).splitlines()
    assert [line for line in lines if "no response" in line] == [
        "2 domains: not checked: no response"
    ]
    assert sum("example.com" in line for line in lines) == 2


def test_nothing_of_a_record_becomes_markup() -> None:
    """Anybody can put anything into a TXT record."""
    evil = "<script>alert(1)</script>[bold]"
    facts = reports.facts("mg.example.com")
    answer = DnsAnswer("the resolver", records=(Record("TXT", evil),))
    report = reports.report(replace(facts, resolved=answer))
    for page in (status_page([report], NOW), doctor_page(report)):
        assert "<script" not in page
        assert "&lt;script&gt;alert(1)" in page
    table = surveyed([report], is_terminal=False, always_lines=True).partition("\n\n")[0]
    assert f"TXT {evil}" in table


def test_nothing_that_was_seen_commands_a_terminal() -> None:
    """A server can put anything into a header."""
    facts = replace(reports.facts("mg.example.com"), http=HttpAnswer(302, "//x/\x1b]0;owned\x07"))
    report = reports.report(facts)
    assert "\\x1b]0;owned\\x07" in examined(report)
    assert "\x1b]" not in examined(report)


def test_the_page_stands_alone() -> None:
    """Nothing is loaded from elsewhere, and every element that is opened is closed."""
    page = status_page(most_urgent_first(reports.surveys()), NOW)
    for text in ("http://", "https://", "url(", "@import", "<script", "<link"):
        assert text not in page.replace("https, ", "")
    check_nesting(page)
    check_nesting(doctor_page(reports.examined(is_well=False)))


def check_nesting(page: str) -> None:
    """Fail where a `div`, `dl`, `table` or `span` is not closed in order."""
    open_: list[str] = []

    class Parser(html.parser.HTMLParser):
        def handle_starttag(self, tag: str, _attributes: object) -> None:
            if tag in ("div", "dl", "table", "span"):
                open_.append(tag)

        def handle_endtag(self, tag: str) -> None:
            if tag in ("div", "dl", "table", "span"):
                assert open_.pop() == tag

    Parser().feed(page)
    assert open_ == []


def test_certificates_with_the_same_dates() -> None:
    """A fleet's certificates are often issued together."""
    many = [
        reports.report(reports.facts(f"{name}.example.com", age=age))
        for name, age in (("b", 20), ("a", 20), ("c", 70))
    ]
    timeline = status_page(many, NOW).partition("When certificates end")[2]
    hosts = [f"email.<wbr>{name}.<wbr>example" for name in "cab"]
    assert sorted(hosts, key=timeline.index) == hosts


def test_an_expired_certificate_has_no_days_left() -> None:
    """Neither is a negative number shown."""
    report = reports.report(reports.facts("mg.example.com", age=95))
    line = surveyed([report], is_terminal=False, always_lines=True).splitlines()[1]
    assert line.split()[-2:] == ["active", "expired"]
    page = status_page([report], NOW)
    assert 'data-name="days left">expired<' in page
    assert "</time> (expired)<" in page
    assert as_json(report)["certificate"]["days_left"] == 0


def test_a_report_without_facts() -> None:
    """What was not looked at is shown as unknown, in every form."""
    facts = replace(
        reports.facts("mg.example.com"), domain=None, tracking=None, certificate=None, resolved=None
    )
    report = Report(facts, [])
    line = surveyed([report], is_terminal=False, always_lines=True).splitlines()[1]
    assert line.split() == ["ok", "mg.example.com", *["?"] * 7]
    shown = as_json(report)
    assert (shown["open"], shown["certificate"]["status"], shown["dns"]) == (None, None, [])
    assert "When certificates end" not in status_page([report], NOW)
