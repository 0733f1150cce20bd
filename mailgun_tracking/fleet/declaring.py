"""The program of every stack of a fleet."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi

from ..domain_tracking import DomainTracking
from ..errors import FleetError
from ..https_tracking import CnameFactory, HttpsTracking
from .project import DIGEST_VARIABLE, read_project

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
        FleetError: a file is missing, or something in it cannot be used; only one of the files has
            a domain; they have changed since ``mailgun-tracking fleet`` read them; or the stack has
            no domain, and it is not ``mailgun-tracking fleet`` that empties it.
    """
    stack = pulumi.get_stack()
    project = read_project(Path.cwd(), stack)
    digest = os.environ.get(DIGEST_VARIABLE)
    if digest and digest != project.digest:
        raise FleetError(
            "the files of the fleet have changed since the run began", advice="run it again"
        )
    project.require_assigned()
    if not digest and stack not in project.stacks:
        raise FleetError(
            f"stacks.csv gives no domain to the stack {stack}",
            advice=f"`mailgun-tracking fleet up --stack {stack}` deletes what it still has",
        )
    for domain in project.stacks.get(stack, ()):
        make(domain, copy.deepcopy(dict(project.domains[domain])))
