"""The file of a fleet's domains, `domains.yaml` or `domains.csv`, and what can be wrong with it."""

from __future__ import annotations

import csv
import functools
import inspect
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .._api.fields import FIELDS, SECTIONS
from .._api.models import normalize_domain
from .._provider.validation import (
    failure_text,
    type_name,
    unknown_inputs,
    validate_boolean,
    validate_domain,
    validate_seconds,
)
from ..arguments import normalize_section
from ..domain_tracking import INPUTS, DomainTracking, DomainTrackingProvider
from ..errors import FleetError
from ..https_tracking import HttpsTracking

YAML_FILE, CSV_FILE = "domains.yaml", "domains.csv"
CONFIG_KEY = "mail:domains"
"""Where `mailgun-tracking import --yaml` writes the domains."""


def _arguments(resource: type) -> frozenset[str]:
    """What a domain can have in the file: the resource's arguments, as far as a file can say them.

    Args:
        resource: `DomainTracking` or `HttpsTracking`.
    """
    not_in_files = {"self", "resource_name", "domain", "cname", "opts"}
    return frozenset(inspect.signature(resource).parameters) - not_in_files | {"https"}


ARGUMENTS = {False: _arguments(DomainTracking), True: _arguments(HttpsTracking)}
"""By whether the domain has `https`."""
_FOOTERS = {field.path for field in FIELDS if field.type == "footer"}
COLUMNS = {
    "domain",
    *(argument for arguments in ARGUMENTS.values() for argument in arguments),
    *(field.path for field in FIELDS),
}


@dataclass(frozen=True)
class _Entry:
    line: int
    settings: Callable[[], object]
    """As the file has them."""


class DomainFile(Mapping[str, Mapping[str, Any]]):
    """Domains with their settings. What is wrong with the settings of one is raised on access.

    A program of one stack needs few of them, and reading the settings of 10,000 takes a second.

    Attributes:
        name: the name of the file.
        text: all that is in it.
    """

    def __init__(self, name: str, text: str, entries: Mapping[str, _Entry]) -> None:
        self.name = name
        self.text = text
        self._entries = entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, domain: object) -> bool:
        return domain in self._entries

    def __getitem__(self, domain: str) -> Mapping[str, Any]:
        """The settings of a domain.

        Raises:
            FleetError: an argument does not exist, or has a value that cannot be used.
        """
        entry = self._entries[domain]
        where = f"{self.name}, line {entry.line}: {domain}"
        try:
            settings = entry.settings()
        except yaml.YAMLError as error:
            raise _unreadable(self.name, error) from None
        except ValueError as error:
            raise FleetError(where, str(error)) from None
        settings = {} if settings is None else settings
        if not isinstance(settings, Mapping):
            raise FleetError(where, f"its settings must be an object, not {type_name(settings)}")
        if problems := _problems(domain, settings):
            raise FleetError(where, "; ".join(problems))
        return settings


def read_domain_file(folder: Path) -> DomainFile:
    """Read the domains of a fleet.

    Raises:
        FleetError: there is no file, or two; it cannot be read; a domain stands in it twice.
    """
    found = [name for name in (YAML_FILE, CSV_FILE) if (folder / name).exists()]
    if not found:
        raise FleetError(f"there is no {YAML_FILE} and no {CSV_FILE} in {folder}")
    if len(found) > 1:
        raise FleetError(f"{YAML_FILE} and {CSV_FILE} are both in {folder}", advice="keep one")
    (name,) = found
    text = read_text(folder / name)
    pairs = list((_yaml_entries if name == YAML_FILE else _csv_entries)(text))
    if not pairs:
        raise FleetError(name, "there are no domains in it")
    entries: dict[str, _Entry] = {}
    for domain, entry in pairs:
        where = f"{name}, line {entry.line}"
        for failure in validate_domain("domain", domain):
            raise FleetError(where, failure_text(failure))
        assert isinstance(domain, str)
        if domain != normalize_domain(domain):
            raise FleetError(where, f"write the domain as {normalize_domain(domain)}")
        if domain in entries:
            raise FleetError(where, f"{domain} is in line {entries[domain].line} already")
        entries[domain] = entry
    return DomainFile(name, text, entries)


def read_text(file: Path) -> str:
    """The text of a file in UTF-8, with or without a byte order mark.

    Raises:
        FleetError: it cannot be read.
    """
    try:
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FleetError(file.name, "it is not in UTF-8") from None
    except OSError as error:
        raise FleetError(f"cannot read {file}", str(error.strerror)) from None


# -- YAML

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _unreadable(name: str, error: yaml.YAMLError) -> FleetError:
    mark = getattr(error, "problem_mark", None)
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "it is not YAML"
    return FleetError(f"{name}, line {mark.line + 1}" if mark else name, reason)


def _yaml_entries(text: str) -> Iterator[tuple[object, _Entry]]:
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        for key in ("config", CONFIG_KEY):
            if isinstance(root, yaml.MappingNode) and [k.value for k, _ in root.value] == [key]:
                root = root.value[0][1]
        if root is None or root.value in ("", [], "null", "~"):
            return
        if not isinstance(root, yaml.MappingNode):
            line = root.start_mark.line + 1
            raise FleetError(f"{YAML_FILE}, line {line}", "must be domains, each with its settings")
        # Here, because resolving a merge (`<<`) changes what it merges.
        for _, value in root.value:
            _refuse_keys_twice(value, set())
        for key, value in root.value:
            settings = functools.partial(loader.construct_object, value, deep=True)
            yield loader.construct_object(key, deep=True), _Entry(_line(key), settings)
    except yaml.YAMLError as error:
        raise _unreadable(YAML_FILE, error) from None


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _refuse_keys_twice(node: yaml.Node, above: set[int]) -> None:
    """Refuse a key that stands twice, of which YAML's reader would take the second.

    Args:
        node: what to look at, with all below it.
        above: the ids of the nodes above it, as one may contain itself.
    """
    if id(node) in above or isinstance(node, yaml.ScalarNode):
        return
    keys = set()
    below = node.value
    if isinstance(node, yaml.MappingNode):
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in keys:
                raise FleetError(f"{YAML_FILE}, line {_line(key)}", f"{key.value} stands twice")
            keys.add(key.value if isinstance(key, yaml.ScalarNode) else None)
        below = [value for _, value in node.value]
    for one in below:
        _refuse_keys_twice(one, above | {id(node)})


# -- CSV


def _csv_entries(text: str) -> Iterator[tuple[object, _Entry]]:
    rows = csv_rows(CSV_FILE, text)
    first, columns = next(rows, (1, ["domain"]))
    where = f"{CSV_FILE}, line {first}"
    if columns[0] != "domain":
        raise FleetError(where, "must be the names of the columns, of which domain is the first")
    for failure in unknown_inputs(columns, COLUMNS):
        raise FleetError(where, failure_text(failure).replace("input", "column"))
    if len(set(columns)) < len(columns):
        raise FleetError(where, "a column stands twice")
    for line, (domain, *cells) in rows:
        settings = functools.partial(_settings, dict(zip(columns[1:], cells, strict=True)))
        yield domain.strip(), _Entry(line, settings)


def csv_rows(name: str, text: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a file that are not empty, with their lines.

    Raises:
        FleetError: it is not CSV, or a row has more or fewer cells than the first.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns = None
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise FleetError(f"{name}, line {line}", str(error)) from None
        if row is None:
            return
        if any(row):
            columns = columns or len(row)
            if len(row) != columns:
                reason = f"has {len(row)} cells, and the first row has {columns}"
                raise FleetError(f"{name}, line {line}", reason)
            yield line, row


def _settings(cells: Mapping[str, str]) -> dict[str, Any]:
    """The settings in a row.

    Raises:
        ValueError: a section is given as a whole and in parts.
    """
    settings: dict[str, Any] = {}
    for column, text in cells.items():
        if not text.strip():
            continue
        value = text if column in _FOOTERS else _value(text.strip())
        section, _, field = column.partition(".")
        if section in settings and (not field or not isinstance(settings[section], dict)):
            raise ValueError(f"give either {section} or {section}.active")
        if field:
            settings.setdefault(section, {})[field] = value
        else:
            settings[section] = value
    return settings


def _value(text: str) -> object:
    """What a cell means: true and false however they are written, a number, or a string."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return float(text)
    except ValueError:
        return text


def _problems(domain: str, settings: Mapping[str, Any]) -> list[str]:
    """What is wrong with the settings of a domain."""
    sections = [value for value in settings.values() if isinstance(value, Mapping)]
    if not all(isinstance(key, str) for object_ in (settings, *sections) for key in object_):
        return ["the names of settings must be strings"]
    failures = unknown_inputs(settings, ARGUMENTS[settings.get("https") is True])
    for name in ("https", "delete_record"):
        failures += validate_boolean(name, settings.get(name))
    failures += validate_seconds("timeout", settings.get("timeout"))
    inputs = {name: value for name, value in settings.items() if name in INPUTS}
    for section in SECTIONS:
        inputs[section] = normalize_section(section, inputs.get(section))
    failures += DomainTrackingProvider().validate({**inputs, "domain": domain})
    return [failure_text(failure) for failure in failures]
