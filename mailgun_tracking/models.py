"""Domains, tracking settings and certificates as values, and their form on the wire.

Mailgun is read liberally (booleans as ``yes``, missing fields) and written strictly.
Nothing here does I/O.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal, Union

from .errors import InvalidInput

ClickActive = Union[bool, Literal["htmlonly"]]
"""How clicks are tracked: not at all, in all links, or in the HTML part alone."""

Region = Literal["us", "eu"]
REGIONS: tuple[Region, ...] = ("us", "eu")

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "open": ("active", "place_at_the_top"),
    "click": ("active",),
    "unsubscribe": ("active", "html_footer", "text_footer"),
}
"""The kinds of tracking and the fields of each, as Mailgun names them."""

FOOTERS = ("html_footer", "text_footer")
UNSUBSCRIBE_URL = "%unsubscribe_url%"
DEFAULT_WEB_PREFIX = "email"
CNAME_VALUES: Mapping[str, str] = {"us": "mailgun.org", "eu": "eu.mailgun.org"}
"""What a tracking CNAME points at, where an answer does not say so itself."""

Section = dict[str, Any]
"""The fields of one kind of tracking that are known, by Mailgun's names."""

_TRUTHS: Mapping[object, bool] = {"true": True, "yes": True, "false": False, "no": False}
_CLOSING = re.compile(r"[\s.]+\Z")
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_HOST_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


def normalize_domain(name: str) -> str:
    """The one spelling of a domain: lower case, no trailing dot, IDN as punycode."""
    name = name.strip().lower()
    if not name.isascii():
        import idna

        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise InvalidInput(f"{name} is not a domain name", str(error), domain=name) from None
    return _CLOSING.sub("", name)


def is_domain(name: str) -> bool:
    """Whether a normalized name is a full domain name: two labels or more, of DNS's letters."""
    labels = name.split(".")
    return (
        len(name) <= 253
        and len(labels) > 1
        and all(_HOST_LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdigit()
    )


def is_web_prefix(prefix: str) -> bool:
    """Whether a text can be a web prefix: one DNS label."""
    return _LABEL.fullmatch(prefix) is not None


def sending_domain(tracking_domain: str) -> str:
    """The sending domain under a tracking domain: all behind its first label."""
    return tracking_domain.partition(".")[2]


def as_bool(value: object) -> bool:
    """A boolean as Mailgun may spell it: true, "true", "yes" and their opposites."""
    if isinstance(value, bool):
        return value
    truth = _TRUTHS.get(value.strip().lower()) if isinstance(value, str) else None
    if truth is None:
        raise ValueError(f"neither true nor false: {value!r}")
    return truth


def as_click_active(value: object) -> ClickActive:
    """``click.active`` as Mailgun may spell it."""
    if isinstance(value, str) and value.strip().lower() == "htmlonly":
        return "htmlonly"
    return as_bool(value)


def read_section(kind: str, answer: object) -> Section:
    """The fields of one kind of tracking out of an answer; what is absent stays absent."""
    if not isinstance(answer, Mapping):
        raise ValueError(f"{kind} is not an object")
    section: Section = {}
    for field in SECTIONS[kind]:
        value = answer.get(field)
        if value is None:
            continue
        if field in FOOTERS:
            section[field] = str(value)
        elif kind == "click":
            section[field] = as_click_active(value)
        else:
            section[field] = as_bool(value)
    return section


def write_section(fields: Mapping[str, object]) -> dict[str, str]:
    """Fields as Mailgun's forms take them; only what is given is sent."""
    return {
        name: ("true" if value else "false") if isinstance(value, bool) else str(value)
        for name, value in fields.items()
    }


def same_value(field: str, one: object, other: object) -> bool:
    """Whether two values of a field mean the same to Mailgun.

    Footers compare without regard to how lines end and to white space around the text:
    Mailgun may store either otherwise than it was sent.
    """
    if field in FOOTERS and isinstance(one, str) and isinstance(other, str):
        return _footer(one) == _footer(other)
    return type(one) is type(other) and one == other


def _footer(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


@dataclass(frozen=True)
class CnameRecord:
    """The DNS record that Mailgun wants for a tracking domain.

    Attributes:
        name: the record's full name, the tracking domain (``email.mg.example.com``).
        value: what it must point at (``mailgun.org``).
    """

    name: str
    value: str


@dataclass(frozen=True)
class DomainDetails:
    """What ``GET /v4/domains/{name}`` says of a domain's tracking.

    Attributes:
        name: the sending domain.
        web_prefix: the first label of its tracking domain.
        web_scheme: ``http`` or ``https``.
        cname: the record that Mailgun wants, or None where the answer lists none.
    """

    name: str
    web_prefix: str
    web_scheme: str
    cname: CnameRecord | None

    @property
    def tracking_domain(self) -> str:
        """The host of rewritten links, ``web_prefix.name``."""
        return f"{self.web_prefix}.{self.name}"


def read_domain(answer: object) -> DomainDetails:
    """A domain out of an answer of ``/v4/domains``."""
    if not isinstance(answer, Mapping) or not isinstance(answer.get("domain"), Mapping):
        raise ValueError("the answer has no domain")
    domain: Mapping[str, object] = answer["domain"]
    if not domain.get("name"):
        raise ValueError("the domain has no name")
    name = normalize_domain(str(domain["name"]))
    records = answer.get("sending_dns_records")
    cnames = _cnames_below(name, records if isinstance(records, list) else ())
    prefix = domain.get("web_prefix") or _prefix_of(name, domain.get("tracking_host"), cnames)
    host = f"{prefix}.{name}"
    return DomainDetails(
        name=name,
        web_prefix=str(prefix),
        web_scheme=str(domain.get("web_scheme") or "http"),
        cname=CnameRecord(host, cnames[host]) if host in cnames else None,
    )


def _cnames_below(domain: str, records: Iterable[object]) -> dict[str, str]:
    """What the CNAME records one label below a domain point at, by the records' names."""
    cnames = {}
    for record in records:
        if isinstance(record, Mapping) and record.get("record_type") == "CNAME":
            name = normalize_domain(str(record.get("name") or ""))
            if name.partition(".")[2] == domain:
                cnames[name] = normalize_domain(str(record.get("value") or ""))
    return cnames


def _prefix_of(domain: str, tracking_host: object, cnames: Mapping[str, str]) -> str:
    """The web prefix of an answer without one: older Mailguns leave it out."""
    hosts = [name for name, value in cnames.items() if value in CNAME_VALUES.values()]
    for host in (normalize_domain(str(tracking_host or "")), *hosts):
        if host.partition(".")[2] == domain:
            return host.partition(".")[0]
    return DEFAULT_WEB_PREFIX


CertificateState = Literal["active", "processing", "expired", "error"]
_STATES: tuple[CertificateState, ...] = ("active", "processing", "expired", "error")


@dataclass(frozen=True)
class CertificateStatus:
    """What ``GET /v2/x509/{host}/status`` says.

    Attributes:
        status: ``active``, ``processing``, ``expired`` or ``error``.
        error: Mailgun's text, or None.
        pem: the certificate, or None where there is none yet.
    """

    status: CertificateState
    error: str | None = None
    pem: str | None = None


def read_certificate_status(answer: object) -> CertificateStatus:
    """A certificate's status out of an answer of ``/v2/x509/{host}/status``."""
    if not isinstance(answer, Mapping):
        raise ValueError("the answer is not an object")
    status = answer.get("status")
    for state in _STATES:
        if status == state:
            error, pem = answer.get("error"), answer.get("certificate")
            return CertificateStatus(
                state, str(error) if error else None, str(pem) if pem else None
            )
    raise ValueError(f"unknown status {status!r}")


@dataclass(frozen=True)
class CertificateFacts:
    """What is written in a certificate.

    Attributes:
        names: the hosts it is valid for.
        issuer: who signed it, as in RFC 4514 (``CN=R11,O=Let's Encrypt,C=US``).
        serial: its serial number, hexadecimal.
        fingerprint: the SHA-256 of its DER form, hexadecimal.
        not_before: when it begins to be valid, RFC 3339, UTC.
        not_after: when it expires, RFC 3339, UTC.
    """

    names: tuple[str, ...]
    issuer: str
    serial: str
    fingerprint: str
    not_before: str
    not_after: str


def parse_certificate(pem: str) -> CertificateFacts:
    """The facts of the first certificate in a PEM text; ValueError where there is none."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    certificate = x509.load_pem_x509_certificates(pem.encode())[0]
    try:
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = tuple(san.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        names = ()
    return CertificateFacts(
        names=names,
        issuer=certificate.issuer.rfc4514_string(),
        serial=f"{certificate.serial_number:x}",
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        not_before=rfc3339(certificate.not_valid_before_utc),
        not_after=rfc3339(certificate.not_valid_after_utc),
    )


def rfc3339(moment: datetime) -> str:
    """A zone-aware moment as RFC 3339, in UTC and whole seconds."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_rfc3339(text: str) -> datetime:
    """The moment that `rfc3339` wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


@dataclass(frozen=True)
class Target:
    """Where a domain lives: which account, region and subaccount, and its name.

    Attributes:
        account: the name of the account whose key is used; ``default`` for the default one.
        region: ``us`` or ``eu``.
        subaccount: the subaccount's id, or an empty text for the account itself.
        domain: the sending domain or tracking domain, normalized.
    """

    account: str
    region: str
    subaccount: str
    domain: str

    @property
    def id(self) -> str:
        """The resource's id: the domain alone where region and subaccount are the defaults."""
        if self.subaccount:
            return f"{self.region}/{self.subaccount}/{self.domain}"
        return self.domain if self.region == "us" else f"{self.region}/{self.domain}"


DEFAULT_ACCOUNT = "default"


def parse_id(id_: str, account: str = DEFAULT_ACCOUNT) -> Target:
    """Read an id back: ``mg.example.com``, ``eu/mg.example.com``, ``us/SUBACCOUNT/mg.example.com``.

    Raises:
        InvalidInput: the text is none of these.
    """
    parts = id_.split("/")
    region, subaccount = "us", ""
    if len(parts) > 1:
        region = parts[0].lower()
    if len(parts) > 2:
        subaccount = parts[1]
    domain = normalize_domain(parts[-1])
    if len(parts) > 3 or region not in REGIONS or not is_domain(domain):
        raise InvalidInput(
            f"{id_!r} is not an id",
            advice="write DOMAIN, REGION/DOMAIN or REGION/SUBACCOUNT/DOMAIN, "
            "as in eu/mg.example.com",
        )
    return Target(account, region, subaccount, domain)
