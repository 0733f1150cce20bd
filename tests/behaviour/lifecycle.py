"""The lifecycle of a domain's tracking, for the tests of the dials and the live suite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.behaviour.mail import HEADER
from tests.engine.result import Result
from tests.engine.stack import Stack

HTML_FOOTER = '<hr>\n<p><a href="%unsubscribe_url%">No more of this</a></p>\n'
TEXT_FOOTER = "--\nNo more of this: <%unsubscribe_url%>\n\n"
OTHER_FOOTER = '<p>\n<a href="%unsubscribe_url%">Stop</a>\n</p>'

PROGRAM = """
tracking = DomainTracking(
    "tracking",
    {domain!r},
    click={click!r},
    open={{"active": {open!r}, "place_at_the_top": {top!r}}},
    unsubscribe={{"active": True, "html_footer": {html_footer!r}, "text_footer": {text_footer!r}}},
    web_prefix={web_prefix!r},
)
if {certificate!r}:
    certificate = TrackingCertificate("certificate", tracking.tracking_domain)
    pulumi.export("certificate", certificate.status)
pulumi.export("tracking_domain", tracking.tracking_domain)
"""


def program(domain: str, web_prefix: str, *, certificate: bool, **settings: Any) -> str:
    """The program of one stage."""
    stage = {
        "click": "htmlonly",
        "open": True,
        "top": True,
        "html_footer": HTML_FOOTER,
        "text_footer": TEXT_FOOTER,
        **settings,
    }
    return HEADER + PROGRAM.format(
        domain=domain, web_prefix=web_prefix, certificate=certificate, **stage
    )


def ignore(_stage: str, _result: Result) -> None:
    """Looks at nothing."""


def run_lifecycle(
    stack: Stack,
    domain: str,
    web_prefix: str,
    *,
    certificate: bool = True,
    look: Callable[[str, Result], None] = ignore,
) -> None:
    """Create, see no difference, update, see none again, destroy: six commands.

    Fails where a preview or a refresh shows a difference that nobody made.

    :param stack: an empty stack; its program is replaced.
    :param domain: a domain that exists at Mailgun; the default account's, region's, subaccount's.
    :param web_prefix: the prefix that it is given.
    :param certificate: whether a certificate of the tracking domain is part of it.
    :param look: is called after each command with the stage's name and what the command did:
        "create", "unchanged", "preview", "update", "refresh", "destroy".
    """
    stack.write_program(program(domain, web_prefix, certificate=certificate))
    look("create", stack.up())

    # An up without changes, and a preview that first asks what Mailgun has now.
    unchanged = stack.up()
    assert set(unchanged.changes) == {"same"}, unchanged.output
    look("unchanged", unchanged)
    look("preview", stack.preview("--refresh", "--expect-no-changes"))

    # Every section changes, and back to a bare true.
    stack.write_program(
        program(
            domain,
            web_prefix,
            certificate=certificate,
            click=True,
            open=False,
            top=False,
            html_footer=OTHER_FOOTER,
            text_footer="",
        )
    )
    updated = stack.up()
    assert updated.step("tracking") == "update", updated.output
    look("update", updated)

    refreshed = stack.refresh("--expect-no-changes")
    assert refreshed.step("tracking") == "same", refreshed.output
    look("refresh", refreshed)
    look("destroy", stack.destroy())
