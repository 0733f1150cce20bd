"""Domains, tracking settings and certificates as values, and how Mailgun writes them.

Responses are read liberally (booleans as ``yes``, missing fields); requests are strict.
Nothing here does I/O.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ..errors import InvalidInput
from .fields import ClickActive, Section, fields_of

UNSUBSCRIBE_URLS = (
    "%unsubscribe_url%",
    "%tag_unsubscribe_url%",
    "%mailing_list_unsubscribe_url%",
)
"""What Mailgun replaces with a link: to unsubscribe from everything, from a tag, from a list."""
DEFAULT_WEB_PREFIX = "email"
CNAME_VALUES: Mapping[str, str] = {"us": "mailgun.org", "eu": "eu.mailgun.org"}
"""What a tracking CNAME points to where a response does not say so itself."""

SectionSettings = dict[str, Any]
"""The known fields of one section, by Mailgun's names."""

_SPELLED_TRUE = ("true", "yes")
_DISABLED = "disabled at Mailgun"
_TRUTHS: Mapping[object, bool] = {"true": True, "yes": True, "false": False, "no": False}
_CLOSING = re.compile(r"[\s.]+\Z")
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_STATUS = re.compile(r"[\w -]{1,30}", re.ASCII)
_HOST_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


def normalize_domain(name: str) -> str:
    """The canonical spelling of a domain: lower case, no trailing dot, IDN as punycode."""
    name = name.strip().lower()
    if not name.isascii():
        import idna  # takes 5 ms to import, and few domains need it

        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except UnicodeError:
            reason = "it has a character that no domain can have"
            raise InvalidInput("the name is not a domain name", reason) from None
    return _CLOSING.sub("", name)


def is_domain(name: str) -> bool:
    """Whether a normalized name is a fully qualified domain name: two or more valid labels."""
    labels = name.split(".")
    return len(labels) > 1 and is_host(name) and not labels[-1].isdigit()


def is_host(name: str) -> bool:
    """Whether a normalized name can be looked up: one or more valid labels."""
    return len(name) <= 253 and all(map(_is_label, name.split(".")))


def _is_label(label: str) -> bool:
    if not _HOST_LABEL.fullmatch(label):
        return False
    if not label.startswith("xn--"):
        return True
    try:
        text = label[4:].encode().decode("punycode")
    except (ValueError, OverflowError):
        return False
    return not text.isascii() and not {"Cc", "Cs"} & set(map(unicodedata.category, text))


def domain_problem(domain: str) -> str:
    """Why a string is not a domain name, without the string; empty where it is one."""
    try:
        name = normalize_domain(domain)
    except InvalidInput as error:
        return error.reason
    if is_domain(name):
        return ""
    if not name:
        return "it is empty"
    labels = name.split(".")
    if len(name) > 253:
        return "it is longer than 253 characters"
    if "" in labels:
        return "there is nothing between two dots"
    if any(len(label) > 63 for label in labels):
        return "a label is longer than 63 characters"
    if not all(map(_HOST_LABEL.fullmatch, labels)):
        return "labels may have letters, digits and hyphens, and no hyphen at either end"
    if not all(map(_is_label, labels)):
        return "an xn-- label is not valid Punycode"
    return "it has no dot" if len(labels) == 1 else "its last label is a number"


def is_web_prefix(prefix: str) -> bool:
    """Whether a string can be a web prefix: one DNS label."""
    return _LABEL.fullmatch(prefix) is not None


def sending_domain(tracking_domain: str) -> str:
    """The sending domain of a tracking domain: what follows its first label.

    That of a custom host only Mailgun knows: see `Operation.domain_of_host`.
    """
    return tracking_domain.partition(".")[2]


def as_bool(value: object) -> bool:
    """A boolean as Mailgun may write it: true, "true", "yes" and their opposites."""
    if isinstance(value, bool):
        return value
    truth = _TRUTHS.get(value.strip().lower()) if isinstance(value, str) else None
    if truth is None:
        raise ValueError(f"neither true nor false: {value!r}")
    return truth


def as_click_active(value: object) -> ClickActive:
    """``click.active`` as Mailgun may write it."""
    if isinstance(value, str) and value.strip().lower() == "htmlonly":
        return "htmlonly"
    return as_bool(value)


def read_section(section: Section, response: object) -> SectionSettings:
    """The fields of a section in a response; absent fields stay absent."""
    if not isinstance(response, Mapping):
        raise ValueError(f"{section} is not an object")
    settings: SectionSettings = {}
    for field in fields_of(section):
        value = response.get(field.name)
        if value is None:
            continue
        if field.type == "footer":
            settings[field.name] = str(value)
        elif field.type == "click":
            settings[field.name] = as_click_active(value)
        else:
            settings[field.name] = as_bool(value)
    return settings


def write_form(fields: Mapping[str, object]) -> dict[str, str]:
    """Fields as Mailgun's forms take them; only the given ones are sent."""
    return {
        name: ("true" if value else "false") if isinstance(value, bool) else str(value)
        for name, value in fields.items()
    }


@dataclass(frozen=True)
class CnameRecord:
    """The DNS record that Mailgun expects for a tracking domain.

    Attributes:
        name: the record's full name, the tracking domain (``email.mg.example.com``).
        value: what it must point to (``mailgun.org``).
    """

    name: str
    value: str


@dataclass(frozen=True)
class DomainDetails:
    """What ``GET /v4/domains/{name}`` says about a domain's tracking.

    Attributes:
        name: the sending domain.
        web_prefix: the first label of its tracking domain, unless that is a custom host.
        web_scheme: ``http`` or ``https``.
        cname: the record that Mailgun expects, or None where the response lists none.
        custom_host: the custom tracking host that links use, or an empty string.
        is_sandbox: whether it is a sandbox domain, for testing.
        problem: what keeps it from sending mail, in a few words, or an empty string.
        id: Mailgun's id of the domain; a domain that is recreated gets a new one.
        cname_is_valid: whether Mailgun has found that record in DNS.
    """

    name: str
    web_prefix: str
    web_scheme: str
    cname: CnameRecord | None
    custom_host: str = ""
    is_sandbox: bool = False
    problem: str = ""
    id: str = ""
    cname_is_valid: bool = False

    @property
    def tracking_domain(self) -> str:
        """The host of rewritten links: ``web_prefix.name``, or the custom host."""
        return self.custom_host or f"{self.web_prefix}.{self.name}"

    @property
    def is_disabled(self) -> bool:
        """Whether Mailgun has disabled the domain."""
        return self.problem.startswith(_DISABLED)


def read_domain(response: object) -> DomainDetails:
    """The domain in a response of ``/v4/domains``."""
    if not isinstance(response, Mapping) or not isinstance(response.get("domain"), Mapping):
        raise ValueError("the response has no domain")
    domain: Mapping[str, object] = response["domain"]
    if not domain.get("name"):
        raise ValueError("the domain has no name")
    name = normalize_domain(str(domain["name"]))
    records = response.get("sending_dns_records")
    cnames = _cnames(records if isinstance(records, list) else ())
    shown = normalize_domain(str(domain.get("tracking_host") or ""))
    prefix = domain.get("web_prefix") or _prefix_of(name, shown, cnames)
    usual = f"{prefix}.{name}"
    host = shown if is_domain(shown) else usual
    return DomainDetails(
        name=name,
        web_prefix=str(prefix),
        web_scheme=str(domain.get("web_scheme") or "http"),
        cname=CnameRecord(host, cnames[host]) if host in cnames else None,
        custom_host="" if host == usual.lower() else host,
        is_sandbox=domain.get("type") == "sandbox",
        problem=_problem_of(domain),
        id=str(domain.get("id") or ""),
        cname_is_valid=_is_valid(host, records if isinstance(records, list) else ()),
    )


def _problem_of(domain: Mapping[str, object]) -> str:
    """What the state of a domain means for its mail."""
    state = domain.get("state")
    if state == "disabled" or domain.get("is_disabled") in (True, *_SPELLED_TRUE):
        disabled = domain.get("disabled")
        reason = disabled.get("reason") if isinstance(disabled, Mapping) else None
        text = " ".join(str(reason or "").split())
        return f"{_DISABLED}: {text}" if text else _DISABLED
    return "not verified at Mailgun yet" if state == "unverified" else ""


def _cnames(records: Iterable[object]) -> dict[str, str]:
    """What the CNAME records point to, by the records' names."""
    cnames = {}
    for record in records:
        if isinstance(record, Mapping) and record.get("record_type") == "CNAME":
            name = normalize_domain(str(record.get("name") or ""))
            cnames[name] = normalize_domain(str(record.get("value") or ""))
    return cnames


def _is_valid(host: str, records: Iterable[object]) -> bool:
    """Whether one of the records is a host's CNAME, and Mailgun has found it in DNS."""
    return any(
        record.get("record_type") == "CNAME"
        and normalize_domain(str(record.get("name") or "")) == host
        and record.get("valid") == "valid"
        for record in records
        if isinstance(record, Mapping)
    )


def _prefix_of(domain: str, tracking_host: str, cnames: Mapping[str, str]) -> str:
    """The web prefix of a response without one: older versions of the API leave it out."""
    hosts = [name for name, value in cnames.items() if value in CNAME_VALUES.values()]
    for host in (tracking_host, *hosts):
        if host.partition(".")[2] == domain:
            return host.partition(".")[0]
    return DEFAULT_WEB_PREFIX


@dataclass(frozen=True)
class Subaccount:
    """What ``GET /v5/accounts/subaccounts`` says about a subaccount.

    Attributes:
        id: its id.
        name: its name.
        status: ``open``, ``disabled`` or ``closed``.
    """

    id: str
    name: str
    status: str


def read_subaccount(item: object) -> Subaccount:
    """A subaccount in a response of ``/v5/accounts/subaccounts``."""
    if not isinstance(item, Mapping) or not item.get("id"):
        raise ValueError("a subaccount has no id")
    name, status = item.get("name") or "", item.get("status") or "open"
    return Subaccount(str(item["id"]), str(name), str(status))


@dataclass(frozen=True)
class CertificateStatus:
    """What ``GET /v2/x509/{host}/status`` says.

    Attributes:
        status: ``active``, ``processing``, ``expired`` or ``error``; others are not documented.
        error: Mailgun's message, or None.
        pem: the certificate, or None where there is none yet.
    """

    status: str
    error: str | None = None
    pem: str | None = None


def read_certificate_status(response: object) -> CertificateStatus:
    """The certificate's status in a response of ``/v2/x509/{host}/status``."""
    if not isinstance(response, Mapping):
        raise ValueError("the response is not an object")
    status, error, pem = (response.get(name) for name in ("status", "error", "certificate"))
    if not isinstance(status, str) or not _STATUS.fullmatch(status):
        raise ValueError(f"unknown status {status!r}")
    return CertificateStatus(status, str(error) if error else None, str(pem) if pem else None)


@dataclass(frozen=True)
class CertificateFacts:
    """What a certificate says.

    Attributes:
        names: the hosts it is valid for.
        issuer: who signed it, in RFC 4514 form (``CN=R11,O=Let's Encrypt,C=US``).
        serial: its serial number, hexadecimal.
        fingerprint: the SHA-256 of its DER encoding, hexadecimal.
        not_before: start of its validity, RFC 3339, UTC.
        not_after: when it expires, RFC 3339, UTC.
    """

    names: tuple[str, ...]
    issuer: str
    serial: str
    fingerprint: str
    not_before: str
    not_after: str


def parse_certificate(pem: str) -> CertificateFacts:
    """Read the first certificate in a PEM string; ValueError where there is none."""
    # Takes 26 ms to import: only for commands that read a certificate.
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
    """A zone-aware time as RFC 3339, in UTC and whole seconds."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_rfc3339(text: str) -> datetime:
    """Read a time that `rfc3339` wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
