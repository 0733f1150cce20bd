"""Which CAs may issue for a host: CAA records, as RFC 8659 and RFC 8657 have them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

LETS_ENCRYPT = "letsencrypt.org"
METHOD = "http-01"
"""How Let's Encrypt validates a tracking host, which it reaches through the CNAME."""

Refusal = Literal["caa-refused", "caa-critical-tag", "caa-account", "caa-method"]

_KNOWN_TAGS = ("issue", "issuewild", "iodef", "issuemail")
"""What Let's Encrypt knows; another tag is only a refusal if it is critical."""
_CRITICAL = 128 | 1
"""Let's Encrypt takes the bit 1 as critical too: many records have it by mistake."""


@dataclass(frozen=True)
class CaaRecord:
    """A CAA record.

    Attributes:
        flags: 128 if a CA that does not know the tag must not issue.
        tag: what it is about, in lower case: ``issue``, ``issuewild``, ``iodef``.
        value: for ``issue``, the CA and parameters.
    """

    flags: int
    tag: str
    value: str

    def __str__(self) -> str:
        return f'CAA {self.flags} {self.tag} "{self.value}"'


@dataclass(frozen=True)
class CaaSet:
    """The records that count for a host, and the name that has them; none if nothing has any."""

    name: str = ""
    records: tuple[CaaRecord, ...] = ()


def relevant_set(host: str, lookup: Callable[[str], Sequence[CaaRecord]]) -> CaaSet:
    """Climb from a host to the first name that has CAA records.

    Where the host is a CNAME, `lookup` answers with the set of the CNAME's target, as any resolver
    does; the climb goes on with the host's own parents, and never with those of the target.
    """
    labels = host.split(".")
    for start in range(len(labels)):
        name = ".".join(labels[start:])
        if records := lookup(name):
            return CaaSet(name, tuple(records))
    return CaaSet()


def refusal(records: Sequence[CaaRecord], issuer: str = LETS_ENCRYPT) -> Refusal | None:
    """Why records do not let a CA issue for a host, or None where they do.

    Args:
        records: the relevant set.
        issuer: the name of the CA in such records.
    """
    if any(record.flags & _CRITICAL and record.tag not in _KNOWN_TAGS for record in records):
        return "caa-critical-tag"
    # `issuewild` is about wildcards only.
    issue = [_parse(record.value) for record in records if record.tag == "issue"]
    ours = [parameters for name, parameters in issue if name == issuer]
    if not issue:
        return None
    if not ours:
        return "caa-refused"
    methods = [one for one in ours if _allows_method(one)]
    if not methods:
        return "caa-method"
    # Which account Mailgun has at the CA, nobody outside knows.
    return None if any("accounturi" not in one for one in methods) else "caa-account"


def _parse(value: str) -> tuple[str, dict[str, str]]:
    name, _, rest = value.partition(";")
    pairs = (part.partition("=") for part in rest.split(";") if part.strip())
    parameters = {tag.strip().lower(): text.strip() for tag, _, text in pairs}
    return name.strip().lower().rstrip("."), parameters


def _allows_method(parameters: dict[str, str]) -> bool:
    methods = parameters.get("validationmethods")
    return methods is None or METHOD in [one.strip().lower() for one in methods.split(",")]
