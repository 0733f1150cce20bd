"""Mailgun with a real DNS server and a real CA behind it, and stacks of the RFC 2136 example."""

from __future__ import annotations

import shutil
from typing import Any

from tests.behaviour.mail import MailStack
from tests.engine.stack import StackFactory
from tests.https.real_ca.emulator import AcmeEmulator
from tests.https.real_ca.name_server import NameServer
from tests.https.servers import LOCALHOST, MAILGUN, ROOT, ZONE, Bind, Pebble

EXAMPLE = ROOT / "examples" / "rfc2136"
PROJECT = "tracking-rfc2136"
HEADER = """\
import pulumi
from mailgun_tracking import *
from rfc2136 import CnameRecord


def cname_of(name):
    zone = pulumi.Config().require("zone")
    return lambda record, opts: CnameRecord(name, zone, record.name, record.value, opts=opts)


cname = cname_of("record")
"""
"""Precedes each program that a test uses instead of the example's."""


class ExampleStack(MailStack):
    """A stack of the RFC 2136 example, whose program can be replaced."""

    def write(self, body: str) -> None:
        """Replace the program; `HEADER` is prepended."""
        self.write_program(HEADER + body)


def emulated_mailgun(bind: Bind, pebble: Pebble, http_port: int, **options: Any) -> AcmeEmulator:
    """Return a Mailgun with its own, new account at the CA.

    :param http_port: where `pebble` looks for challenges.
    :param options: arguments of `AcmeEmulator` to replace.
    """
    arguments: dict[str, Any] = {
        "domains": [f"mg.{ZONE}", f"two.{ZONE}", f"three.{ZONE}"],
        "directory": pebble.directory,
        "root": pebble.tls_root,
        "profile": "default",
        "name_server": NameServer(LOCALHOST, bind.port),
        "cname_target": MAILGUN,
        "http_port": http_port,
        **options,
    }
    return AcmeEmulator(**arguments)


def example_stack(new_stack: StackFactory, mailgun: AcmeEmulator, bind: Bind) -> ExampleStack:
    """Return a new stack of the unchanged example, configured for these servers."""
    new = new_stack("", project=PROJECT)
    stack = ExampleStack(new.directory, "", new.project)
    for file in EXAMPLE.glob("*.py"):
        shutil.copy(file, stack.directory)
    stack.environment |= mailgun.environment
    stack.environment["MAILGUN_TRACKING_NAMESERVER"] = bind.address
    stack.config_set("zone", ZONE)
    stack.config_set("domain", f"mg.{ZONE}")
    stack.config_set("server", bind.address)
    return stack
