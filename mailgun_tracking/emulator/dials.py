"""The dials: each one decides a point that Mailgun's documentation leaves open."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args, get_type_hints

from .errors import InvalidSetting, reject_unknown


@dataclasses.dataclass(frozen=True)
class Dials:
    """How the emulator responds where Mailgun's documentation is silent or contradictory.

    The defaults follow the official examples or, where there are none, the less convenient
    reading. A client should work with every setting of every dial.

    Raises:
        InvalidSetting: a dial has an invalid setting.
    """

    htmlonly_reads_as: Literal["htmlonly", "true"] = "htmlonly"
    """How click tracking that was set to `htmlonly` is read back. Catches a client that repeats
    its PUT forever because what it reads never equals what it wrote."""

    booleans: Literal["json", "yes_no"] = "json"
    """Whether tracking responses contain JSON booleans or the strings `yes` and `no`. Catches a
    client that treats the string "no" as true."""

    put_answers: Literal["section", "message_only"] = "section"
    """Whether the response to a tracking PUT repeats the changed section. Catches a client that
    reads the section without checking that it is there."""

    new_domain_tracking: Literal["off", "on"] = "off"
    """Whether a new domain starts with all tracking on. Catches a client that assumes everything
    is off for a new domain, and so never turns it off."""

    x509_other_host: Literal["not_found", "issues"] = "not_found"
    """The response for a host of the domain that does not have its current web prefix. Catches a
    client that can only move a prefix if Mailgun issues the certificate before the move, or only
    if it does not."""

    post_after_error: Literal["accepted", "conflict"] = "accepted"
    """The response to POST after issuance failed. Catches a client that only knows one of POST
    and PUT as the way to retry."""

    put_after_error: Literal["accepted", "conflict"] = "accepted"
    """The response to PUT after issuance failed, while no certificate expired. Catches a client
    that only retries with PUT, and so fails with this 409 forever."""

    renewal: Literal["off", "on"] = "off"
    """Whether a certificate is renewed when less than a third of its lifetime is left. Catches a
    client that reports its own outdated copy of the certificate as a difference."""

    footer_newlines: Literal["kept", "crlf", "stripped"] = "kept"
    """How footers are read back: as written, with CR LF line endings, or with surrounding white
    space stripped. Catches a client that compares footers byte by byte and reports a change
    forever."""

    empty_footer: Literal["present", "missing"] = "present"
    """Whether responses contain a footer that is empty. Catches a client that sends an empty footer
    over and over because it is not in the response."""

    tracking_web_scheme: Literal["present", "missing"] = "present"
    """Whether the tracking response contains `web_scheme`. Catches a client that fails or guesses
    if an older response does not have it."""

    domain_web_prefix: Literal["present", "missing"] = "present"
    """Whether the domain contains `web_prefix`. Catches a client that does not know that it is
    then `email`, or that it can be read from the CNAME record."""

    domain_tracking_host: Literal["missing", "present", "custom"] = "missing"
    """Whether the domain contains `tracking_host` although no custom host is configured; with
    `custom`, a new domain has one, which a web prefix does not change. Catches a client that
    requires it, or that takes the web prefix for the host of links where it is not."""

    domain_id: Literal["present", "missing"] = "present"
    """Whether the domain contains its `id`, which is a new one when a domain is recreated.
    Catches a client that needs it to notice what such a domain has lost."""

    unauthorized_body: Literal["json", "text"] = "json"
    """Whether a 401 is JSON or the plain text `Forbidden`. Catches a client that parses every
    error as JSON."""

    role_refusal: Literal["forbidden", "unauthorized"] = "forbidden"
    """Whether the response to a key whose role does not allow the request is a 403, or a 401 with
    the plain text `Forbidden`. Catches a client that takes the latter for a wrong key."""

    open_answer: Literal["full", "active_only"] = "full"
    """Whether the section `open` has all its fields, or only `active` as in the official
    examples. Catches a client that treats a missing field as false and writes that back."""

    domain_put_urlencoded: Literal["ignored", "applied"] = "ignored"
    """Whether PUT of a domain applies a form that is urlencoded instead of multipart, or ignores
    it and responds as usual. Catches a client that sends one and trusts the 200."""

    parallel_puts: Literal["kept", "lost"] = "kept"
    """What becomes of two PUTs of one domain at once. `lost`: each one reads the whole domain when
    it arrives and writes all of it at the end, so that only the last one's change stays, though
    both respond with their own. Catches a client that does not send one after the other."""

    def __post_init__(self) -> None:
        """Validate the settings."""
        for name, allowed in allowed_settings().items():
            value = getattr(self, name)
            if value not in allowed:
                raise InvalidSetting(
                    f"dial {name} must be one of {', '.join(allowed)}, not {value!r}"
                )

    def changed(self, changes: Mapping[str, Any]) -> Dials:
        """Return a copy with some dials changed.

        Args:
            changes: the new settings by name of the dial.

        Raises:
            InvalidSetting: there is no such dial, or it has no such setting.
        """
        reject_unknown("dial", changes, allowed_settings())
        return dataclasses.replace(self, **changes)

    @classmethod
    def from_pairs(cls, pairs: Iterable[str]) -> Dials:
        """Parse `NAME=SETTING` pairs from the command line.

        Raises:
            InvalidSetting: a pair is malformed, or the dial or setting does not exist.
        """
        changes: dict[str, str] = {}
        for pair in pairs:
            name, equals, value = pair.partition("=")
            if not equals:
                raise InvalidSetting(f"a dial must be given as NAME=SETTING, not {pair!r}")
            changes[name.strip()] = value.strip()
        return cls().changed(changes)


def allowed_settings() -> dict[str, tuple[str, ...]]:
    """Return the settings of each dial by name, the default first."""
    return dict(_ALLOWED)


_ALLOWED = {
    name: get_args(hint)
    for name, hint in get_type_hints(Dials).items()
    if name in {field.name for field in dataclasses.fields(Dials)}
}
