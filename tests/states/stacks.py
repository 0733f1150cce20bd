"""The stacks whose states are kept, and what Mailgun has when they are created.

Together they hold every kind of thing that this package puts into a state. A program here must not
change once a state of it is kept: what a later release adds goes into another stack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mailgun_tracking.emulator import Dials, Emulator
from tests.behaviour.conftest import KEYS
from tests.behaviour.mail import MailStack, mail_stack
from tests.engine.stack import StackFactory

KEY, KEY_OF_BRAND_B = KEYS
BOTH_KEYS = {"MAILGUN_API_KEY": KEY, "MAILGUN_API_KEY_BRAND_B": KEY_OF_BRAND_B}
SUBACCOUNT = "sub-1"
HUNDRED_YEARS = 100 * 365 * 86400
"""Certificates last this long, so that they are active whenever the tests run."""
FOLDER = Path(__file__).parent
"""Holds a folder for each release, with the states that it wrote."""


@dataclass(frozen=True)
class KeptStack:
    """How a kept state is made."""

    program: str
    """Without the imports, which `MailStack` adds."""
    before: Callable[[Emulator], None]
    """Gives Mailgun what the program expects."""
    after: Callable[[Emulator], None] | None = None
    """Changes Mailgun after the up; a refresh then brings that into the state."""
    dials: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, str] = field(default_factory=dict)
    """The stack's configuration; keys are set as secrets."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What all commands have in the environment, besides the base URL."""

    def emulator(self, state_file: Path) -> Emulator:
        """Mailgun, as a state file of the emulator has it; changes are written to that file."""
        return Emulator(
            keys=KEYS,
            subaccounts=[SUBACCOUNT],
            dials=Dials(**self.dials),  # type: ignore[arg-type]
            certificate_lifetime_seconds=HUNDRED_YEARS,
            state_file=state_file,
        )

    def stack(self, new_stack: StackFactory, emulator: Emulator) -> MailStack:
        """The stack, with its program, and nothing deployed."""
        stack = mail_stack(new_stack(""), emulator)
        del stack.environment["MAILGUN_API_KEY"]
        stack.environment |= self.environment
        for name, value in self.config.items():
            stack.config_set(name, value, secret=value in KEYS)
        stack.write(self.program)
        return stack


def _domains_of_settings(emulator: Emulator) -> None:
    for name in ("full", "few", "none", "proxy", "late", "read"):
        emulator.add_domain(f"{name}.example.com", open=True)
    emulator.add_domain("eu.example.com", region="eu")
    emulator.add_domain("sub.example.com", region="eu", subaccount=SUBACCOUNT)
    emulator.add_domain("b.example.com", account="brand-b")
    # check does not find it, create does: its inputs lack web_prefix, tracking_domain and cname.
    emulator.add_fault(method="GET", path="/v4/domains/late.example.com", status=404, times=1)


SETTINGS = KeptStack(
    program="""
    full = DomainTracking(
        "full",
        "full.example.com",
        open={"active": True, "place_at_the_top": True},
        click="htmlonly",
        unsubscribe=UnsubscribeTrackingArgs(
            active=True,
            html_footer=pulumi.Output.secret('<a href="%unsubscribe_url%">Of full only</a>'),
            text_footer="<%unsubscribe_url%>",
        ),
        web_scheme="http",
        web_prefix="go",
    )
    DomainTracking("few", "Few.Example.com", click=True)
    DomainTracking("none", "none.example.com")
    DomainTracking("eu", "eu.example.com", region="eu", open=True, unsubscribe=True)
    DomainTracking(
        "sub", "sub.example.com", region="eu", subaccount="sub-1", click={"active": True}
    )
    DomainTracking("b", "b.example.com", account="brand-b", click="htmlonly")
    DomainTracking("proxy", "proxy.example.com", web_scheme="https", https_by="proxy")
    DomainTracking("late", "late.example.com", click=True)
    read = DomainTracking.get("read", "read.example.com")
    pulumi.export("cname", full.cname)
    pulumi.export("footer", full.unsubscribe.html_footer)
    pulumi.export("read", read.open.active)
    """,
    before=_domains_of_settings,
    environment=BOTH_KEYS,
)


def _domains_of_asked(emulator: Emulator) -> None:
    emulator.add_domain("asked.example.com", region="eu")


ASKED = KeptStack(
    program="""
    DomainTracking(
        "asked",
        "asked.example.com",
        open={"active": True, "place_at_the_top": True},
        click="htmlonly",
        unsubscribe={"active": True, "html_footer": '<p>\\n<a href="%unsubscribe_url%">x</a>\\n'},
    )
    """,
    before=_domains_of_asked,
    # Each makes a value read back differently from how it was set.
    dials={
        "htmlonly_reads_as": "true",
        "open_answer": "active_only",
        "footer_newlines": "crlf",
    },
    config={"mailgun:apiKey": KEY, "mailgun-tracking:region": "eu"},
)


def _domains_of_certificates(emulator: Emulator) -> None:
    for name in ("active", "waited", "processing", "error", "expired", "lapsed", "read"):
        emulator.add_domain(f"{name}.example.com")
    emulator.add_domain("sub.example.com", region="eu", subaccount=SUBACCOUNT)
    emulator.set_certificate("email.processing.example.com", "processing")
    emulator.set_certificate("email.read.example.com", "active")
    # Long enough for the up that adopts it; expired whenever the tests run.
    emulator.set_certificate("email.lapsed.example.com", "active", lifetime_seconds=15)


def _certificates_that_went_wrong(emulator: Emulator) -> None:
    emulator.set_certificate("email.error.example.com", "error", error="too many failures")
    emulator.set_certificate("email.expired.example.com", "expired", lifetime_seconds=86400)


CERTIFICATES = KeptStack(
    program="""
    active = TrackingCertificate("active", "Email.Active.example.com")
    DomainTracking(
        "active",
        "active.example.com",
        click=True,
        web_scheme="https",
        opts=pulumi.ResourceOptions(depends_on=active),
    )
    TrackingCertificate(
        "waited", "email.waited.example.com", wait=True, timeout=30, move_domain=True
    )
    TrackingCertificate("sub", "email.sub.example.com", region="eu", subaccount="sub-1")
    TrackingCertificate("processing", "email.processing.example.com", wait=False)
    TrackingCertificate("error", "email.error.example.com")
    TrackingCertificate("expired", "email.expired.example.com")
    TrackingCertificate("lapsed", "email.lapsed.example.com")
    read = TrackingCertificate.get("read", "email.read.example.com")
    pulumi.export("read", read.status)
    """,
    before=_domains_of_certificates,
    after=_certificates_that_went_wrong,
    environment=BOTH_KEYS,
)


def _domains_of_https(emulator: Emulator) -> None:
    for name in ("alone", "record"):
        emulator.add_domain(f"{name}.example.com")
    emulator.add_domain("moved.example.com", region="eu")


HTTPS = KeptStack(
    program="""
    from tests.states.record import Record

    HttpsTracking("alone", "alone.example.com", click="htmlonly")
    HttpsTracking(
        "record",
        "record.example.com",
        cname=lambda record, opts: Record("record", record, opts),
        open=True,
        unsubscribe=True,
    )
    moved = HttpsTracking(
        "moved",
        "moved.example.com",
        cname=lambda record, opts: Record("moved", record, opts),
        click=True,
        web_prefix="links",
        delete_record=True,
        region="eu",
    )
    pulumi.export("scheme", moved.web_scheme)
    """,
    before=_domains_of_https,
    environment=BOTH_KEYS,
)

STACKS = {
    "settings": SETTINGS,
    "asked": ASKED,
    "certificates": CERTIFICATES,
    "https": HTTPS,
}
