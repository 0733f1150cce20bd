"""Domains as stack configuration, for a program such as the one in this repository's root."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from .import_plan import Home, PlannedDomain


class _Quoted(str):
    """A string value, which is quoted, so that no reader of YAML takes it for something else."""


class _Dumper(yaml.SafeDumper):
    pass


def _represent(dumper: yaml.SafeDumper, text: _Quoted) -> yaml.ScalarNode:
    style = "|" if "\n" in text else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style=style)


_Dumper.add_representer(_Quoted, _represent)


def configuration(domains: Sequence[PlannedDomain], home: Home) -> str:
    """The setting ``mail:domains``, as a stack's configuration file has it."""
    listed = {}
    for planned in domains:
        settings = dict(planned.settings)
        if planned.host:
            settings["https"] = True
            del settings["web_scheme"]
        listed[planned.target.domain] = _quoted(settings | home.place_of(planned.target))
    content = {"config": {"mail:domains": listed}}
    text = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    assert isinstance(text, str)
    return text


def _quoted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _quoted(item) for key, item in value.items()}
    return _Quoted(value) if isinstance(value, str) else value
