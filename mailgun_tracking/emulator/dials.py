"""The dials: each sets one thing that Mailgun's documentation leaves open."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args, get_type_hints

from .problems import InvalidSetting


@dataclasses.dataclass(frozen=True)
class Dials:
    """How this emulator answers where Mailgun's own documents are silent or disagree.

    The defaults are what the official examples show, or else the less convenient reading. A
    client should work with every dial at every setting.

    Raises:
        InvalidSetting: a dial was given a setting that it does not have.
    """

    htmlonly_reads_as: Literal["htmlonly", "true"] = "htmlonly"
    """How click tracking that was set to `htmlonly` is read back. Catches a client that repeats
    its PUT for ever, because what it reads never equals what it wrote."""

    booleans: Literal["json", "yes_no"] = "json"
    """Whether tracking answers hold JSON booleans or the strings `yes` and `no`. Catches a client
    that takes the string "no" for true."""

    put_answers: Literal["section", "message_only"] = "section"
    """Whether the answer of a tracking PUT repeats the changed section. Catches a client that
    reads the section without looking whether it is there."""

    new_domain_tracking: Literal["off", "on"] = "off"
    """Whether a new domain starts with all tracking on. Catches a client that takes a new domain
    to have everything off, and so never turns it off."""

    x509_other_host: Literal["not_found", "issues"] = "not_found"
    """What is answered for a host of the domain that is not under its current web prefix. Catches
    a client that can only move a prefix on a Mailgun that issues ahead of the move, or only on
    one that does not."""

    post_after_error: Literal["accepted", "conflict"] = "accepted"
    """What POST answers after a generation has failed. Catches a client that knows only one of
    POST and PUT as the way out of an error."""

    renewal: Literal["off", "on"] = "off"
    """Whether a certificate is renewed once less than a third of its lifetime is left. Catches a
    client that reports its own, older knowledge of the certificate as a difference."""

    footer_newlines: Literal["kept", "crlf", "stripped"] = "kept"
    """How line ends of footers are read back: as written, as CR LF, or stripped at both ends.
    Catches a client that compares footers byte by byte and so sees a change for ever."""

    tracking_web_scheme: Literal["present", "missing"] = "present"
    """Whether the tracking answer holds `web_scheme`. Catches a client that fails on, or guesses
    at, an older answer without it."""

    domain_web_prefix: Literal["present", "missing"] = "present"
    """Whether the domain holds `web_prefix`. Catches a client that does not know that it is then
    `email`, or that it stands in the CNAME record."""

    domain_tracking_host: Literal["missing", "present"] = "missing"
    """Whether the domain holds `tracking_host`. Catches a client that needs it, or stumbles over
    it."""

    unauthorized_body: Literal["json", "text"] = "json"
    """Whether a 401 is JSON or the plain text `Forbidden`. Catches a client that parses every
    error as JSON."""

    open_answer: Literal["full", "active_only"] = "full"
    """Whether the section for opens holds `place_at_the_top`, or `active` alone as in the
    official examples. Catches a client that takes a missing field for false and writes it."""

    def __post_init__(self) -> None:
        """Refuse settings that do not exist."""
        for name, allowed in allowed_settings().items():
            value = getattr(self, name)
            if value not in allowed:
                raise InvalidSetting(f"dial {name} is one of {', '.join(allowed)}, not {value!r}")

    def changed(self, changes: Mapping[str, Any]) -> Dials:
        """Give these dials with some of them changed.

        Args:
            changes: the new setting by the name of the dial.

        Raises:
            InvalidSetting: there is no such dial, or no such setting.
        """
        known = allowed_settings()
        for name in changes:
            if name not in known:
                raise InvalidSetting(f"there is no dial {name!r}; the dials are {', '.join(known)}")
        return dataclasses.replace(self, **changes)

    @classmethod
    def from_pairs(cls, pairs: Iterable[str]) -> Dials:
        """Read `NAME=SETTING` pairs, as the command line gives them.

        Raises:
            InvalidSetting: a pair is malformed, or names no dial or setting.
        """
        changes: dict[str, str] = {}
        for pair in pairs:
            name, equals, value = pair.partition("=")
            if not equals:
                raise InvalidSetting(f"a dial is given as NAME=SETTING, not {pair!r}")
            changes[name.strip()] = value.strip()
        return cls().changed(changes)


def allowed_settings() -> dict[str, tuple[str, ...]]:
    """Give every dial's name with the settings that it has, the default first."""
    return dict(_ALLOWED)


_ALLOWED = {
    name: get_args(hint)
    for name, hint in get_type_hints(Dials).items()
    if name in {field.name for field in dataclasses.fields(Dials)}
}
