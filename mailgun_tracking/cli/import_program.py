"""The Python program that goes with an import, as a person would have written it.

Domains that are alike share a loop; the others stand one by one. What is Mailgun's default, or the
default of the configuration, is not mentioned. The code is laid out as `ruff format` does it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .._api.target import Target
from .import_file import PARENT_TYPE
from .import_plan import Home, Names, PlannedDomain, counted

LINE = 88
LONGEST_INLINE_FOOTER = 40


@dataclass(frozen=True)
class _Nested:
    """An expression with brackets, which takes one line, or a line for each item."""

    opening: str
    items: Sequence[tuple[str, _Nested | str]]
    """What precedes a value, such as ``open=``, and the value."""
    closing: str


_Code = _Nested | str


@dataclass(frozen=True)
class _Block:
    """Alike domains, and the statements for one of them."""

    domains: list[PlannedDomain]
    in_loop: str
    """With the variable ``domain``."""


def program(domains: Sequence[PlannedDomain], names: Names, home: Home) -> str:
    """The program's text.

    Args:
        domains: the domains, those of a place together.
        names: how the resources are called.
        home: where domains are by default.
    """
    return _Program(domains, names, home).text()


class _Program:
    def __init__(self, domains: Sequence[PlannedDomain], names: Names, home: Home) -> None:
        self.names = names
        self.home = home
        self.footers = _footer_names(domains)
        parents = [names.parent(planned.target) for planned in domains]
        self.parents = list(dict.fromkeys(filter(None, parents)))
        blocks: dict[str, _Block] = {}
        for planned in domains:
            code = self.statements(planned, in_loop=True)
            blocks.setdefault(code, _Block([], code)).domains.append(planned)
        places = list(dict.fromkeys(_place(planned.target) for planned in domains))
        self.blocks = sorted(
            blocks.values(),
            key=lambda block: (
                places.index(_place(block.domains[0].target)),
                len(block.domains) == 1,
            ),
        )

    def text(self) -> str:
        """The whole program."""
        count = sum(len(block.domains) for block in self.blocks)
        has_certificates = any(planned.host for block in self.blocks for planned in block.domains)
        imported = ["DomainTracking", *["TrackingCertificate"] * has_certificates]
        imports = ["import pulumi"] if has_certificates or self.parents else []
        imports.append(f"from mailgun_tracking import {', '.join(imported)}")
        docstring = f'"""Mailgun\'s tracking of {counted(count)}, as imported."""'
        return "\n\n".join([docstring, "\n".join(imports), self.body()]) + "\n"

    def body(self) -> str:
        """Everything after the imports."""
        parts = []
        if self.footers:
            parts.append("\n".join(map(_assign, self.footers.values(), self.footers)))
        if self.parents:
            parts.append(self.parent_components())
        taken: set[str] = set()
        one_liners = False
        for block in self.blocks:
            code = self.loop(block, taken) if len(block.domains) > 1 else self.single(block)
            is_one_line = "\n" not in code
            if is_one_line and one_liners:
                parts[-1] += f"\n{code}"
            else:
                parts.append(code)
            one_liners = is_one_line
        return "\n\n".join(parts)

    def parent_components(self) -> str:
        """The components that are the resources' parents."""
        if len(self.parents) == 1:
            items = [("", _string(PARENT_TYPE)), ("", _string(self.parents[0]))]
            return "parent = " + _layout(
                _Nested("pulumi.ComponentResource(", items, ")"), 0, len("parent = ")
            )
        listed = _Nested("(", [("", _string(name)) for name in self.parents], ")")
        component = f"pulumi.ComponentResource({_string(PARENT_TYPE)}, name)"
        head = _layout(listed, 4, len("    for name in "))
        return f"parents = {{\n    name: {component}\n    for name in {head}\n}}"

    def single(self, block: _Block) -> str:
        """The statements for one domain."""
        return self.statements(block.domains[0], in_loop=False)

    def loop(self, block: _Block, taken: set[str]) -> str:
        """A loop over domains that are alike; a long list of them gets a name."""
        items = [("", _string(planned.target.domain)) for planned in block.domains]
        flat = _flat(_Nested("(", items, ")"))
        body = re.sub(r"^(?=.)", "    ", block.in_loop, flags=re.MULTILINE)
        if _width(f"for domain in {flat}:") <= LINE:
            return f"for domain in {flat}:\n{body}"
        name = self.list_name(block.domains[0], taken)
        listed = _layout(_Nested("[", items, "]"), 0, len(f"{name} = "))
        return f"{name} = {listed}\n\nfor domain in {name}:\n{body}"

    def list_name(self, planned: PlannedDomain, taken: set[str]) -> str:
        """A name for a list of domains: by what they have in common and others do not."""
        parts = [planned.target.region] if planned.target.region != self.home.region else []
        for section in ("open", "click", "unsubscribe"):
            value = planned.settings.get(section)
            active = value.get("active") if isinstance(value, dict) else value
            if active:
                parts.append(active if isinstance(active, str) else section)
        if planned.settings.get("web_scheme") == "https":
            parts.append("https")
        base = "_".join([*parts, "domains"]).upper() if len(self.blocks) > 1 else "DOMAINS"
        name, number = base, 2
        while name in taken:
            name, number = f"{base}_{number}", number + 1
        taken.add(name)
        return name

    def statements(self, planned: PlannedDomain, *, in_loop: bool) -> str:
        """The resources of a domain.

        Args:
            planned: the domain.
            in_loop: whether the variable ``domain`` holds its name.
        """
        indent = 4 if in_loop else 0
        target = planned.target
        domain = "domain" if in_loop else _string(target.domain)
        name = self.name(self.names.pattern, target, in_loop=in_loop)
        options: list[tuple[str, _Code]] = []
        if self.names.parent(target):
            parent = self.name(self.names.parent_pattern, target, in_loop=in_loop)
            is_only_one = len(self.parents) == 1
            options.append(("parent=", "parent" if is_only_one else f"parents[{parent}]"))
        place = [(f"{key}=", _string(text)) for key, text in self.home.place_of(target).items()]
        lines = []
        if planned.host:
            host = _string(planned.host)
            if in_loop and planned.host.endswith(f".{target.domain}"):
                host = f'f"{planned.host.removesuffix(target.domain)}{{domain}}"'
            items = [("", name), ("", host), *place, *_options(options)]
            call = _Nested("TrackingCertificate(", items, ")")
            used = indent + len("certificate = ")
            lines.append("certificate = " + _layout(call, 0, used, shift=indent))
            options.append(("depends_on=", _Nested("[", [("", "certificate")], "]")))
        settings = [(f"{key}=", self.value(value)) for key, value in planned.settings.items()]
        items = [("", name), ("", domain), *settings, *place, *_options(options)]
        lines.append(_layout(_Nested("DomainTracking(", items, ")"), 0, indent, shift=indent))
        return "\n".join(lines)

    def name(self, pattern: str, target: Target, *, in_loop: bool) -> str:
        """An expression for a name."""
        if not in_loop or "{domain}" not in pattern:
            return _string(pattern.format_map(vars(target)))
        if pattern == "{domain}":
            return "domain"
        text = pattern.format_map({**vars(target), "domain": "{domain}"})
        return f"f{_string(text)}"

    def value(self, value: Any) -> _Code:
        """An expression for a setting."""
        if isinstance(value, dict):
            return _Nested(
                "{", [(f"{_string(key)}: ", self.value(item)) for key, item in value.items()], "}"
            )
        if isinstance(value, str):
            return self.footers.get(value) or _string(value)
        return repr(value)


def _place(target: Target) -> tuple[str, str, str]:
    return target.account, target.subaccount, target.region


def _options(options: list[tuple[str, _Code]]) -> list[tuple[str, _Code]]:
    return [("opts=", _Nested("pulumi.ResourceOptions(", options[:], ")"))] if options else []


def _footer_names(domains: Sequence[PlannedDomain]) -> dict[str, str]:
    """Names for the footers that are too long to stand in a call, by their text."""
    names: dict[str, str] = {}
    for kind in ("html_footer", "text_footer"):
        sections = [planned.settings.get("unsubscribe") for planned in domains]
        texts = [section.get(kind) for section in sections if isinstance(section, dict)]
        long = [
            text
            for text in dict.fromkeys(texts)
            if text and text not in names and len(text) > LONGEST_INLINE_FOOTER
        ]
        for number, text in enumerate(long, 1):
            names[text] = kind.upper() + (f"_{number}" if len(long) > 1 else "")
    return names


# --- layout ---


def _layout(code: _Code, indent: int, used: int, shift: int = 0) -> str:
    """Code as it stands after `used` characters of a line that is indented by `indent`.

    Args:
        code: the code.
        indent: how far the line is indented.
        used: how much of the line is used.
        shift: how much further everything will be indented later.
    """
    flat = _flat(code)
    if isinstance(code, str) or used + _width(flat) <= LINE:
        return flat
    lines = [code.opening]
    for prefix, value in code.items:
        inner = indent + 4
        # One more for the comma.
        laid = _layout(value, inner, shift + inner + len(prefix) + 1, shift)
        lines.append(" " * inner + prefix + laid + ",")
    return "\n".join([*lines, " " * indent + code.closing])


def _flat(code: _Code) -> str:
    if isinstance(code, str):
        return code
    items = ", ".join(prefix + _flat(value) for prefix, value in code.items)
    return code.opening + items + code.closing


def _assign(name: str, text: str) -> str:
    """A constant; a long text is broken after its lines and between words."""
    literal = _string(text)
    if _width(f"{name} = {literal}") <= LINE:
        return f"{name} = {literal}"
    pieces = _pieces(text) if 4 + _width(literal) > LINE else [text]
    if len(pieces) == 1 and 4 + _width(literal) > LINE:
        return f"{name} = {literal}"
    body = "\n".join(f"    {_string(piece)}" for piece in pieces)
    return f"{name} = (\n{body}\n)"


def _pieces(text: str) -> list[str]:
    pieces: list[str] = []
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):
        piece = ""
        for word in re.findall(r"\s*\S+\s?|\s+", line):
            if piece and 4 + _width(_string(piece + word)) > LINE:
                pieces.append(piece)
                piece = ""
            piece += word
        pieces.append(piece)
    return pieces


def _string(text: str) -> str:
    """A string literal; in double quotes unless single ones save escapes."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + "".join(_escaped(character, quote) for character in text) + quote


def _escaped(character: str, quote: str) -> str:
    if character in ("\\", quote):
        return f"\\{character}"
    return character if character.isprintable() else repr(character)[1:-1]


def _width(text: str) -> int:
    """How many columns a text takes."""
    return sum(
        0
        if unicodedata.combining(character)
        else 2
        if unicodedata.east_asian_width(character) in "WF"
        else 1
        for character in text
    )
