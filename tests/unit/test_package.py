"""The package as a whole: exported names, docstrings, and who reads the environment or prints."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import mailgun_tracking
from mailgun_tracking import errors

PACKAGE = Path(mailgun_tracking.__file__).parent
LIBRARY = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.relative_to(PACKAGE).parts[0] not in ("emulator", "cli", "testing")
]
PROVIDERS = (
    "mailgun_tracking.domain_tracking.DomainTrackingProvider",
    "mailgun_tracking.tracking_certificate.TrackingCertificateProvider",
    "mailgun_tracking.tracking_host.TrackingHostProvider",
)


def modules_that_name(*names: str) -> set[str]:
    """The modules of the library in whose code one of these names stands."""
    found = set()
    for path in LIBRARY:
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(node, "attr", getattr(node, "id", getattr(node, "name", None)))
            if isinstance(node, (ast.Attribute, ast.Name, ast.alias)) and name in names:
                found.add(path.relative_to(PACKAGE).with_suffix("").as_posix())
    return found


def test_exported_names_are_sorted_and_complete() -> None:
    tree = ast.parse(Path(mailgun_tracking.__file__).read_text())
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert mailgun_tracking.__all__ == sorted(imported)


@pytest.mark.parametrize("name", sorted({*mailgun_tracking.__all__} - {"__version__"}))
def test_each_exported_name_has_a_docstring_and_so_do_its_methods(name: str) -> None:
    thing = getattr(mailgun_tracking, name)
    assert thing.__doc__
    assert not thing.__doc__.startswith(f"{name}("), "a dataclass without one shows its signature"
    for method_name, method in vars(thing).items() if inspect.isclass(thing) else ():
        if inspect.isroutine(method) and not method_name.startswith("_"):
            assert inspect.getdoc(getattr(thing, method_name)), method_name


def test_each_module_has_a_docstring() -> None:
    without = [path.name for path in LIBRARY if not ast.get_docstring(ast.parse(path.read_text()))]
    assert without == []


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    classes = {
        name: value
        for name, value in vars(errors).items()
        if inspect.isclass(value) and value.__module__ == errors.__name__
    }
    drawn: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        name = line.lstrip("│├└─ ").partition(" ")[0]
        if name in classes:
            drawn.append((line.index(name), name))
    assert errors.__all__ == sorted(classes) == sorted(name for _, name in drawn)
    for number, (depth, name) in enumerate(drawn):
        above = [other for other_depth, other in drawn[:number] if other_depth < depth]
        nearest = above[-1] if above else "RunError"
        assert classes[name].__bases__[0].__name__ == nearest


@pytest.mark.parametrize("path", PROVIDERS)
def test_providers_stay_where_states_refer_to_them(path: str) -> None:
    """A state has the import path of its provider, and nothing of the instance."""
    module, _, name = path.rpartition(".")
    provider = getattr(importlib.import_module(module), name)
    assert (provider.__module__, provider.__qualname__) == (module, name)
    assert provider.serialize_as_secret_always is False
    assert vars(provider()) == {}


def test_settings_alone_read_the_environment() -> None:
    """But for the transport's CA bundle and proxies, the folder of Pulumi's own files, and what
    the fleet command says to the programs that it runs.
    """
    readers = modules_that_name("environ", "environb", "getenv", "get_environ_proxies")
    assert readers == {
        "_api/settings",
        "_api/transport",
        "_provider/unfinished",
        "fleet/declaring",
    }


def test_only_messages_without_an_engine_are_printed() -> None:
    assert modules_that_name("print", "stdout") == {
        "_provider/plugin_process",
        "_provider/resource_log",
    }


def test_a_program_imports_only_what_it_needs() -> None:
    """Neither the emulator nor the command line; HTTP, cryptography and DNS take 20 ms and more."""
    program = "import json, sys, pulumi, mailgun_tracking\nprint(json.dumps(sorted(sys.modules)))\n"
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(PACKAGE.parent)},
    )
    loaded = set(json.loads(result.stdout))
    assert "mailgun_tracking._provider.operation" in loaded
    unwanted = {
        "requests",
        "cryptography",
        "dns",
        "mailgun_tracking.emulator",
        "mailgun_tracking.cli",
        "mailgun_tracking.testing",
    }
    assert not loaded & unwanted
