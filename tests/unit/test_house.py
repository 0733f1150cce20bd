"""The house: who may import whom, who may touch what, and what the front door shows."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mailgun_tracking
from mailgun_tracking import errors

PACKAGE = Path(mailgun_tracking.__file__).parent

FLOORS: list[set[str]] = [
    {"errors", "_version"},
    {"models"},
    {"client", "issuance"},
    {"settings", "plugin_process", "reads"},
    {"provider", "arguments", "declared"},
    {"tracking_changes", "tracking_problems"},
    {"domain_tracking", "tracking_certificate", "lookups"},
    {"https_tracking"},
    {"__init__"},
    {"cli", "pytest_plugin"},
]
"""Low to high: a module imports from lower floors alone."""
APART = {"emulator", "policies"}
"""What stands beside the house and shares nothing with it but the version."""
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}
WITHOUT_PULUMI = {name for names in FLOORS[: FLOOR["provider"]] for name in names}


def room_of(path: Path) -> str:
    """The part of the house that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = sorted(PACKAGE.rglob("*.py"))
LIBRARY = [path for path in FILES if room_of(path) not in APART]


def imported(path: Path, *, at_import_time: bool = False) -> Iterator[str]:
    """The full names that a file imports, as in ``urllib.parse.quote``."""
    package = ["mailgun_tracking", *path.relative_to(PACKAGE).parent.parts]
    tree = ast.parse(path.read_text())
    for node in _run_at_import(tree) if at_import_time else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = [*base, *([node.module] if node.module else [])]
            yield from (".".join([*module, alias.name]) for alias in node.names)


def _run_at_import(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from _run_at_import(node)


def rooms_used(path: Path) -> set[str]:
    """The other parts of the house that a file imports from."""
    rooms = {
        name.split(".")[1] if name.count(".") else "__init__"
        for name in imported(path)
        if name.split(".")[0] == "mailgun_tracking"
    }
    known = FLOOR.keys() | APART
    return {room if room in known else "__init__" for room in rooms} - {room_of(path)}


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


class TestImports:
    """Who may import whom."""

    def test_every_module_has_its_place(self) -> None:
        rooms = {room_of(path) for path in FILES}
        assert rooms - FLOOR.keys() - APART == set()

    @pytest.mark.parametrize("path", LIBRARY, ids=name_of)
    def test_lower_floors_alone(self, path: Path) -> None:
        room = room_of(path)
        allowed = {other for other, floor in FLOOR.items() if floor < FLOOR[room]}
        if room in FLOORS[-1]:
            allowed.add("emulator")
        assert rooms_used(path) <= allowed

    @pytest.mark.parametrize("path", [p for p in FILES if room_of(p) in APART], ids=name_of)
    def test_what_stands_apart_shares_nothing(self, path: Path) -> None:
        assert rooms_used(path) <= {"_version"}

    def test_the_look_at_imports_finds_them(self) -> None:
        assert rooms_used(PACKAGE / "client.py") == {"errors", "_version", "models"}
        assert "urllib3" in set(imported(PACKAGE / "client.py"))
        assert "grpc" not in set(imported(PACKAGE / "plugin_process.py", at_import_time=True))
        assert "grpc" in set(imported(PACKAGE / "plugin_process.py"))

    @pytest.mark.parametrize("path", LIBRARY, ids=name_of)
    def test_pulumi_begins_with_the_provider(self, path: Path) -> None:
        if room_of(path) not in WITHOUT_PULUMI:
            return
        inside = room_of(path) == "plugin_process"
        used = set(imported(path, at_import_time=inside))
        assert not {name for name in used if name.split(".")[0] == "pulumi"}

    @pytest.mark.parametrize("path", LIBRARY, ids=name_of)
    def test_the_client_alone_speaks_http(self, path: Path) -> None:
        speakers = {"requests", "urllib3", "http", "httpx", "aiohttp", "tenacity"}
        used = {name.split(".")[0] for name in imported(path)} & speakers
        assert not used or room_of(path) in {"client", "pytest_plugin"}
        assert "urllib.request.urlopen" not in set(imported(path))

    @pytest.mark.parametrize("path", LIBRARY, ids=name_of)
    def test_settings_alone_read_the_environment(self, path: Path) -> None:
        if room_of(path) == "cli":
            return
        readers = {"environ", "environb", "getenv", "getenvb"}
        named = {
            node.attr if isinstance(node, ast.Attribute) else node.id
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, (ast.Attribute, ast.Name))
        }
        named |= {name.rpartition(".")[2] for name in imported(path)}
        assert not named & readers or room_of(path) == "settings"

    @pytest.mark.parametrize("path", LIBRARY, ids=name_of)
    def test_the_command_line_alone_prints(self, path: Path) -> None:
        calls = {
            node.func.id
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert "print" not in calls or room_of(path) in {"cli", "plugin_process"}


class TestFrontDoor:
    """What the package shows."""

    def test_names_are_sorted(self) -> None:
        assert mailgun_tracking.__all__ == sorted(mailgun_tracking.__all__)

    def test_names_are_complete(self) -> None:
        """Whether they are imported at once, or when they are named."""
        tree = ast.parse(Path(mailgun_tracking.__file__).read_text())
        shown = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.level
            for alias in node.names
        }
        assert {*mailgun_tracking.__all__} == shown

    def test_what_is_imported_late_is_there_when_it_is_named(self) -> None:
        late = {"mailgun_tracking.lookups", "mailgun_tracking.tracking_certificate"}
        program = (
            "import sys, mailgun_tracking; before = set(sys.modules); "
            "from mailgun_tracking import *; "
            f"late = {late!r}; assert not late & before; assert late <= set(sys.modules); "
            "assert {*mailgun_tracking.__all__} <= {*vars()} and dir(mailgun_tracking)"
        )
        subprocess.run([sys.executable, "-c", program], check=True)

    def test_a_name_that_is_not_there_is_an_error_as_ever(self) -> None:
        with pytest.raises(AttributeError, match="no attribute 'Lookups'"):
            mailgun_tracking.Lookups  # type: ignore[attr-defined]  # noqa: B018
        with pytest.raises(ImportError, match="cannot import name 'Lookups'"):
            exec("from mailgun_tracking import Lookups")

    @pytest.mark.parametrize("name", sorted({*mailgun_tracking.__all__} - {"__version__"}))
    def test_each_name_says_what_it_is_for(self, name: str) -> None:
        thing = getattr(mailgun_tracking, name)
        own = thing.__doc__ if inspect.isclass(thing) else inspect.getdoc(thing)
        assert own
        assert "(self" not in own
        for method_name, method in vars(thing).items() if inspect.isclass(thing) else ():
            if inspect.isroutine(method) and not method_name.startswith("_"):
                assert inspect.getdoc(getattr(thing, method_name)), method_name

    @pytest.mark.parametrize("path", LIBRARY, ids=name_of)
    def test_each_module_says_what_it_is_for(self, path: Path) -> None:
        assert ast.get_docstring(ast.parse(path.read_text()))

    def test_the_tree_of_errors_is_drawn_as_it_is(self) -> None:
        classes = {
            name: value
            for name, value in vars(errors).items()
            if inspect.isclass(value) and value.__module__ == errors.__name__
        }
        assert errors.__all__ == sorted(classes)
        drawn: list[tuple[int, str]] = []
        for line in (errors.__doc__ or "").splitlines():
            name = line.lstrip("│├└─ ").partition(" ")[0]
            if name in classes:
                drawn.append((line.index(name), name))
        assert sorted(name for _, name in drawn) == errors.__all__
        for number, (depth, name) in enumerate(drawn):
            above = [other for other_depth, other in drawn[:number] if other_depth < depth]
            nearest = above[-1] if above else "Exception"
            assert classes[name].__bases__[0].__name__ == nearest

    def test_importing_it_is_cheap(self) -> None:
        heavy = ["requests", "urllib3", "truststore", "tenacity", "cryptography", "idna"]
        heavy += ["starlette", "uvicorn", "click", "mailgun_tracking.emulator"]
        program = (
            "import json, sys, pulumi\n"
            "before = set(sys.modules)\n"
            "import mailgun_tracking\n"
            "print(json.dumps(sorted(set(sys.modules) - before)))\n"
        )
        result = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONPATH": str(PACKAGE.parent)},
        )
        loaded = json.loads(result.stdout)
        assert "mailgun_tracking.provider" in loaded
        assert [name for name in loaded if name in heavy] == []

    @pytest.mark.parametrize(
        "path",
        [
            "mailgun_tracking.domain_tracking.DomainTrackingProvider",
            "mailgun_tracking.tracking_certificate.TrackingCertificateProvider",
        ],
    )
    def test_providers_stay_where_states_look_for_them(self, path: str) -> None:
        module, _, name = path.rpartition(".")
        provider = getattr(importlib.import_module(module), name)
        assert provider.serialize_as_secret_always is False
        assert vars(provider()) == {}
