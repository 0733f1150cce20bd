"""Mailgun with real DNS and a real authority behind it, and stacks of the example for RFC 2136."""

from __future__ import annotations

import shutil

from mailgun_tracking.emulator.acme_emulator import Acme, AcmeEmulator
from tests.behaviour.mail import MailStack
from tests.engine.stack import StackFactory
from tests.https.servers import MAILGUN, ROOT, ZONE, Bind, Pebble

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
"""Stands before each program that a test puts in the place of the example's."""


class ExampleStack(MailStack):
    """A stack of the example for RFC 2136, whose program may be replaced."""

    def write(self, body: str) -> None:
        """Replace the program; `HEADER` is put before it."""
        self.write_program(HEADER + body)


def emulated_mailgun(bind: Bind, pebble: Pebble, http_port: int) -> AcmeEmulator:
    """A Mailgun with an account at the authority that is new.

    :param http_port: where `pebble` looks for challenges.
    """
    acme = Acme(
        pebble.directory,
        bind.address,
        root=pebble.tls_root,
        cname_target=MAILGUN,
        profile="default",
        http_port=http_port,
    )
    return AcmeEmulator(acme, domains=[f"mg.{ZONE}", f"two.{ZONE}", f"three.{ZONE}"])


def example_stack(new_stack: StackFactory, mailgun: AcmeEmulator, bind: Bind) -> ExampleStack:
    """A new stack of the example as it stands, configured for these servers."""
    made = new_stack("", project=PROJECT)
    stack = ExampleStack(made.directory, made.home, "", made.project)
    for file in EXAMPLE.glob("*.py"):
        shutil.copy(file, stack.directory)
    stack.environment["MAILGUN_BASE_URL"] = f"{mailgun.url}/{{region}}"
    stack.environment["MAILGUN_API_KEY"] = mailgun.key
    stack.config_set("zone", ZONE)
    stack.config_set("domain", f"mg.{ZONE}")
    stack.config_set("server", bind.address)
    return stack
