"""Reading `domains.yaml` and `domains.csv`, and what can be wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mailgun_tracking._api.target import Target
from mailgun_tracking.cli.import_config import configuration
from mailgun_tracking.cli.import_plan import Home, PlannedDomain
from mailgun_tracking.errors import FleetError
from mailgun_tracking.fleet.domain_file import read_domain_file

YAML = """
mg.example.com: &usual
  click: htmlonly
  open: {active: true, place_at_the_top: false}
  unsubscribe:
    active: true
    html_footer: "<%unsubscribe_url%>\\n"
b.example.com: {<<: *usual, click: false, region: eu}
c.example.com: {<<: *usual, https: true, timeout: 900}
d.example.com:
"""
CSV = """\
domain,click,open.active,open.place_at_the_top,unsubscribe.active,unsubscribe.html_footer,https,\
timeout,region
mg.example.com,htmlonly,TRUE,false,true,"<%unsubscribe_url%>
",,,

b.example.com,false,true,False,true,"<%unsubscribe_url%>
",,,eu
c.example.com, htmlonly ,true,false,true,"<%unsubscribe_url%>
",true,900,
d.example.com,,,,,,,,
"""
USUAL = {
    "click": "htmlonly",
    "open": {"active": True, "place_at_the_top": False},
    "unsubscribe": {"active": True, "html_footer": "<%unsubscribe_url%>\n"},
}


def read(folder: Path, file: str, text: str | bytes) -> dict[str, Mapping[str, Any]]:
    """Read all of a file with this content."""
    content = text.encode() if isinstance(text, str) else text
    (folder / file).write_bytes(content)
    return dict(read_domain_file(folder))


@pytest.mark.behaviour(117)
@pytest.mark.parametrize(("file", "text"), [("domains.yaml", YAML), ("domains.csv", CSV)])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["", "byte order mark"])
def test_both_forms_say_the_same(tmp_path: Path, file: str, text: str, mark: bytes) -> None:
    assert read(tmp_path, file, mark + text.encode()) == {
        "mg.example.com": USUAL,
        "b.example.com": {**USUAL, "click": False, "region": "eu"},
        "c.example.com": {**USUAL, "https": True, "timeout": 900},
        "d.example.com": {},
    }


@pytest.mark.behaviour(117)
def test_what_import_writes(tmp_path: Path) -> None:
    """The file of `mailgun-tracking import --yaml`, as it is."""
    settings = {"click": "htmlonly", "web_scheme": "https"}
    planned = PlannedDomain(
        Target("default", "eu", "", "mg.example.com"), settings, {}, "email.mg.example.com", {}
    )
    text = configuration([planned], Home("us", ""))
    assert text.startswith("config:\n  mail:domains:\n")
    assert read(tmp_path, "domains.yaml", text) == {
        "mg.example.com": {"click": "htmlonly", "https": True, "region": "eu"}
    }


WRONG_YAML = {
    "": "domains.yaml: there are no domains in it",
    "# nothing yet\n": "domains.yaml: there are no domains in it",
    "{}": "domains.yaml: there are no domains in it",
    "config:\n  mail:domains:\n": "domains.yaml: there are no domains in it",
    "- mg.example.com": "domains.yaml, line 1: must be domains, each with its settings",
    "a.example: {}\nb.example: {}\na.example: {}": (
        "domains.yaml, line 3: a.example is in line 1 already"
    ),
    "a.example:\n  click: true\n  open: true\n  click: false": (
        "domains.yaml, line 4: click stands twice"
    ),
    "a.example:\n  open:\n    active: true\n    active: false": (
        "domains.yaml, line 4: active stands twice"
    ),
    "A.Example: {}": "domains.yaml, line 1: write the domain as a.example",
    "bücher.example: {}": "domains.yaml, line 1: write the domain as xn--bcher-kva.example",
    "example: {}": "domains.yaml, line 1: domain: not a valid domain name (it has no dot)",
    "1.5: {}": "domains.yaml, line 1: domain: must be a string, not a number",
    "? [a.example]\n: {}": "domains.yaml, line 1: domain: must be a string, not a list",
    "a.example: {}\nb.example: true": (
        "domains.yaml, line 2: b.example: its settings must be an object, not a boolean"
    ),
    "a.example: {clicks: true}": (
        "domains.yaml, line 1: a.example: clicks: unknown input; did you mean click?"
    ),
    "a.example: {domain: b.example}": "domains.yaml, line 1: a.example: domain: unknown input;",
    "a.example: {opts: {}}": "domains.yaml, line 1: a.example: opts: unknown input;",
    "a.example: {on: true}": "domains.yaml, line 1: a.example: the names of settings must be",
    "a.example: {open: {1: true}}": "domains.yaml, line 1: a.example: the names of settings must",
    "a.example: {https: true, web_scheme: https}": (
        "domains.yaml, line 1: a.example: web_scheme: unknown input; "
    ),
    "a.example: {timeout: 600}": "domains.yaml, line 1: a.example: timeout: unknown input; ",
    "a.example: {https: true, timeout: soon}": (
        "domains.yaml, line 1: a.example: timeout: must be a number of seconds greater than 0"
    ),
    "a.example: {https: 'no'}": (
        "domains.yaml, line 1: a.example: https: must be true or false, not a string"
    ),
    "a.example: {https: true, delete_record: 1}": (
        "domains.yaml, line 1: a.example: delete_record: must be true or false, not a number"
    ),
    "a.example:\n  click: sometimes\n  region: asia": (
        'domains.yaml, line 1: a.example: region: must be "us" or "eu"; click: must be true, false'
    ),
    "a.example: {open: {active: 1}}": (
        "domains.yaml, line 1: a.example: open.active: must be true or false, not a number"
    ),
    "a.example: {unsubscribe: {html_footer: [x]}}": (
        "domains.yaml, line 1: a.example: unsubscribe.html_footer: must be a string, not a list"
    ),
    "a.example: {click: !!python/name:os.system ''}": (
        "domains.yaml, line 1: could not determine a constructor for the tag"
    ),
    "a.example: {}\nb.example: }": "domains.yaml, line 2: ",
    "a.example: {click: *usual}": "domains.yaml, line 1: found undefined alias",
    "a.example: &a {open: *a}": "domains.yaml, line 1: found unconstructable recursive node",
    "a.example: \x01": "domains.yaml: control characters are not allowed",
}
WRONG_CSV = {
    "": "domains.csv: there are no domains in it",
    "domain,click\n": "domains.csv: there are no domains in it",
    "a.example,true\n": "domains.csv, line 1: must be the names of the columns, of which domain",
    "domain;click\na.example;true\n": "domains.csv, line 1: must be the names of the columns",
    "domain,clicks\n": "domains.csv, line 1: clicks: unknown column; did you mean click?",
    "domain,open.top\n": "domains.csv, line 1: open.top: unknown column",
    "domain,click,click\n": "domains.csv, line 1: a column stands twice",
    "domain,click\na.example\n": ("domains.csv, line 2: has 1 cells, and the first row has 2"),
    'domain,click\na.example,"true\n': "domains.csv, line 2: unexpected end of data",
    'domain,click\n\na.example,"1"2\n': "domains.csv, line 3: ',' expected after '\"'",
    "domain,click\na.example,true\n\na.example,true\n": (
        "domains.csv, line 4: a.example is in line 2 already"
    ),
    "domain,click\n,true\n": "domains.csv, line 2: domain: not a valid domain name (it is empty)",
    "domain,click,click.active\na.example,true,true\n": (
        "domains.csv, line 2: a.example: give either click or click.active"
    ),
    "domain,open.place_at_the_top,open\na.example,true,true\n": (
        "domains.csv, line 2: a.example: give either open or open.active"
    ),
    'domain,open,click\na.example,"yes",2\n': (
        "domains.csv, line 2: a.example: open: must be true, false or an object"
    ),
    "domain,https,timeout\na.example,,600\n": (
        "domains.csv, line 2: a.example: timeout: unknown input; "
    ),
}


@pytest.mark.behaviour(117)
@pytest.mark.parametrize(
    ("file", "text", "error"),
    [("domains.yaml", *one) for one in WRONG_YAML.items()]
    + [("domains.csv", *one) for one in WRONG_CSV.items()],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, file: str, text: str, error: str) -> None:
    """With the file, the line, and the domain as far as there is one."""
    with pytest.raises(FleetError) as raised:
        read(tmp_path, file, text)
    assert str(raised.value).startswith(error)
    assert "\n" not in str(raised.value)


@pytest.mark.behaviour(117)
def test_which_file(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match=r"there is no domains.yaml and no domains.csv in "):
        read_domain_file(tmp_path)
    with pytest.raises(FleetError, match=r"domains.csv: it is not in UTF-8"):
        read(tmp_path, "domains.csv", b"domain\n\xff")
    with pytest.raises(FleetError, match=r"are both in .*; keep one"):
        read(tmp_path, "domains.yaml", YAML)
    (tmp_path / "domains.csv").unlink()
    (tmp_path / "domains.yaml").unlink()
    (tmp_path / "domains.yaml").mkdir()
    with pytest.raises(FleetError, match=r"cannot read .*: Is a directory"):
        read_domain_file(tmp_path)
