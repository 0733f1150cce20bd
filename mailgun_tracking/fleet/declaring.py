"""The program of every stack of a fleet."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi

from ..domain_tracking import DomainTracking
from ..https_tracking import CnameFactory, HttpsTracking
from .project import read_project

MakeDomain = Callable[[str, dict[str, Any]], object]
"""Declares the resources of a domain with the settings that the file gives it."""


def make_domain(domain: str, settings: dict[str, Any], cname: CnameFactory | None = None) -> None:
    """Declare a domain: an ``HttpsTracking`` where the settings have ``https: true``, else a
    ``DomainTracking``. Either is named after the domain.

    Args:
        domain: the domain.
        settings: its arguments.
        cname: with ``https: true``, creates the DNS resource, as for ``HttpsTracking``.
    """
    arguments = {name: value for name, value in settings.items() if name != "https"}
    if settings.get("https"):
        HttpsTracking(domain, domain, cname=cname, **arguments)
    else:
        DomainTracking(domain, domain, **arguments)


def declare(make: MakeDomain = make_domain) -> None:
    """Declare the domains that ``stacks.csv`` gives to the current stack.

    The files are those of the folder that the program runs in.

    Args:
        make: declares one domain.

    Raises:
        FleetError: a file is missing, something in it cannot be used, or a domain has no stack.
    """
    stack = pulumi.get_stack()
    project = read_project(Path.cwd(), stack)
    project.require_assigned()
    if stack not in project.stacks:
        pulumi.log.warn(f"stacks.csv gives no domain to the stack {stack}")
    for domain in project.stacks.get(stack, ()):
        make(domain, copy.deepcopy(dict(project.domains[domain])))
