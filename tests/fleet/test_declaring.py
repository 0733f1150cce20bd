"""What the program of a stack declares, under Pulumi's mocks, in which the stack is `test`."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailgun_tracking.errors import FleetError
from mailgun_tracking.fleet.project import DIGEST_VARIABLE, Project, read_project
from mailgun_tracking.testing import MailgunMocks

DOMAINS = """
a.example.com: {click: htmlonly, open: {active: true}}
b.example.com: {https: true, click: true, timeout: 900}
c.example.com: {https: false}
d.example.com: {}
"""
STACKS = """domain,stack
a.example.com,test
b.example.com,test
c.example.com,test
d.example.com,fleet-002
"""
PROGRAM = "from mailgun_tracking.fleet import declare, make_domain\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of a fleet."""
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    (tmp_path / "Pulumi.yaml").write_text("name: mail\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM + "declare()\n")
    (tmp_path / "domains.yaml").write_text(DOMAINS)
    (tmp_path / "stacks.csv").write_text(STACKS)
    return tmp_path


def declared(folder: Path) -> list[str]:
    """The types and names of what the program declares."""
    mocks = MailgunMocks()
    mocks.run(folder)
    return sorted(f"{one.type.rpartition(':')[2]} {one.name}" for one in mocks.resources)


@pytest.mark.behaviour(119)
def test_the_domains_of_the_stack(folder: Path) -> None:
    assert declared(folder) == [
        "DomainTracking a.example.com",
        "DomainTracking b.example.com",
        "DomainTracking c.example.com",
        "HttpsTracking b.example.com",
        "TrackingCertificate b.example.com",
        "TrackingHost b.example.com",
    ]


@pytest.mark.behaviour(119)
def test_a_function_of_the_user(folder: Path) -> None:
    """What it does to the settings of a domain is nothing to the next one."""
    (folder / "domains.yaml").write_text(
        "a.example.com: &a {open: {active: true}}\nb.example.com: *a\n"
    )
    (folder / "stacks.csv").write_text(STACKS.partition("c.example")[0])
    (folder / "__main__.py").write_text(
        PROGRAM
        + "def make(domain, settings):\n"
        + "    assert settings == {'open': {'active': True}}\n"
        + "    make_domain(domain, settings)\n"
        + "    settings['open']['active'] = None\n"
        + "declare(make)\n"
    )
    assert declared(folder) == ["DomainTracking a.example.com", "DomainTracking b.example.com"]


@pytest.mark.behaviour(119)
def test_a_stack_that_has_no_domain(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the fleet command, whose preview has shown it, empties it."""
    (folder / "stacks.csv").write_text(STACKS.replace(",test\n", ",fleet-001\n"))
    with pytest.raises(FleetError) as raised:
        declared(folder)
    assert str(raised.value) == (
        "stacks.csv gives no domain to the stack test; "
        "`mailgun-tracking fleet up --stack test` deletes what it still has"
    )
    monkeypatch.setenv(DIGEST_VARIABLE, read_project(folder).digest)
    assert declared(folder) == []


@pytest.mark.behaviour(125)
def test_files_that_change_during_a_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither file may; the order of the lines of stacks.csv says nothing."""
    monkeypatch.setenv(DIGEST_VARIABLE, read_project(folder).digest)
    header, *lines = STACKS.splitlines(keepends=True)
    (folder / "stacks.csv").write_text("".join([header, *reversed(lines)]))
    assert len(declared(folder)) == 6
    for file, text in (
        ("stacks.csv", STACKS.replace("c.example.com,test\n", "c.example.com,fleet-002\n")),
        ("domains.yaml", DOMAINS.replace("c.example.com: {https: false}\n", "")),
    ):
        before = (folder / file).read_text()
        (folder / file).write_text(text)
        with pytest.raises(FleetError) as raised:
            declared(folder)
        assert str(raised.value) == (
            "the files of the fleet have changed since the run began; run it again"
        )
        (folder / file).write_text(before)


@pytest.mark.behaviour(118)
def test_a_domain_without_a_stack(folder: Path) -> None:
    (folder / "stacks.csv").unlink()
    with pytest.raises(FleetError) as raised:
        declared(folder)
    assert str(raised.value) == (
        "a.example.com and 3 more have no stack; "
        "run `mailgun-tracking fleet assign`, and commit stacks.csv"
    )


@pytest.mark.behaviour(118)
@pytest.mark.parametrize(
    ("lost", "error"),
    [
        ("c", "c.example.com is in stacks.csv, but not in domains.yaml; run "),
        ("cd", "c.example.com and 1 more are in stacks.csv, but not in domains.yaml; run "),
    ],
)
def test_a_domain_that_the_file_has_lost(folder: Path, lost: str, error: str) -> None:
    """A file that was cut off would turn off the tracking of the rest."""
    kept = DOMAINS.splitlines(keepends=True)
    text = "".join(line for line in kept if not line.startswith(tuple(lost)))
    (folder / "domains.yaml").write_text(text)
    with pytest.raises(FleetError) as raised:
        declared(folder)
    they = "it is" if lost == "c" else "they are"
    assert str(raised.value) == (
        f"{error}`mailgun-tracking fleet assign` if {they} to go, and commit stacks.csv"
    )


def test_the_project(folder: Path) -> None:
    project = read_project(folder)
    assert project == Project(
        folder,
        "mail",
        project.domains,
        {
            "fleet-002": ("d.example.com",),
            "test": ("a.example.com", "b.example.com", "c.example.com"),
        },
        (),
        (),
        "domains.yaml",
        project.digest,
    )
    assert project.places["d.example.com"] == "fleet-002"
    assert list(project.domains) == [f"{letter}.example.com" for letter in "abcd"]


@pytest.mark.behaviour(117)
def test_a_wrong_setting_of_another_stack(folder: Path) -> None:
    """It fails what is about the whole fleet, and not the program of this stack."""
    (folder / "domains.yaml").write_text(DOMAINS.replace("d.example.com: {}", "d.example.com: 1"))
    assert len(declared(folder)) == 6
    with pytest.raises(FleetError, match=r"domains\.yaml, line 5: d\.example\.com: its settings"):
        read_project(folder)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (None, "there is no Pulumi.yaml in "),
        ("name: [", "Pulumi.yaml: it does not say the name of the project"),
        ("mail", "Pulumi.yaml: it does not say the name of the project"),
        ("runtime: python", "Pulumi.yaml: it does not say the name of the project"),
        ("name: 1", "Pulumi.yaml: it does not say the name of the project"),
    ],
)
def test_a_folder_that_is_no_project(folder: Path, text: str | None, error: str) -> None:
    (folder / "Pulumi.yaml").unlink()
    if text is not None:
        (folder / "Pulumi.yaml").write_text(text)
    with pytest.raises(FleetError) as raised:
        read_project(folder)
    assert str(raised.value).startswith(error)
