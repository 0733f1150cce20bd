"""Domains, tracking settings and certificates as values, and how Mailgun writes them.

Responses are read liberally (booleans as ``yes``, missing fields); requests are strict.
Nothing here does I/O.
"""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ..errors import InvalidInput
from .fields import SECTIONS, ClickActive, Section, fields_of

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
        raise ValueError(f"neither true nor false: {value!r:.80}")
    return truth


def as_click_active(value: object) -> ClickActive:
    """``click.active`` as Mailgun may write it."""
    if isinstance(value, str) and value.strip().lower() == "htmlonly":
        return "htmlonly"
    return as_bool(value)


def read_tracking(response: object) -> dict[str, Any]:
    """The sections in a response of ``/v3/domains/{name}/tracking``, and ``web_scheme`` if given.

    Raises:
        ValueError: something is missing, or not what it should be; so do all that read responses.
    """
    tracking = _object(response, "tracking")
    settings: dict[str, Any] = {}
    for section in SECTIONS:
        given = _object(tracking, section, "tracking.")
        settings[section] = read_section(section, given, "tracking.")
        if "active" not in settings[section]:
            raise ValueError(f"it has no `tracking.{section}.active`")
    scheme = _scheme(tracking, "tracking.")
    return settings | ({"web_scheme": scheme} if scheme else {})


def read_section(section: Section, given: object, path: str = "") -> SectionSettings:
    """The fields of a section in a response; absent fields stay absent.

    Args:
        section: the section's name.
        given: the section.
        path: where the response has it, for the errors.
    """
    if not isinstance(given, Mapping):
        raise ValueError(f"`{path}{section}` is not an object")
    settings: SectionSettings = {}
    for field in fields_of(section):
        value = given.get(field.name)
        if value is None:
            continue
        place = f"`{path}{section}.{field.name}`"
        if field.type == "footer":
            if not isinstance(value, str):
                raise ValueError(f"{place} is not a text")
            settings[field.name] = value
        else:
            try:
                settings[field.name] = (
                    as_click_active(value) if field.type == "click" else as_bool(value)
                )
            except ValueError as error:
                raise ValueError(f"{place} is {error}") from None
    return settings


def _object(container: object, name: str, path: str = "") -> Mapping[str, object]:
    """An object in a response."""
    value = container.get(name) if isinstance(container, Mapping) else None
    if value is None:
        raise ValueError(f"it has no `{path}{name}`")
    if not isinstance(value, Mapping):
        raise ValueError(f"`{path}{name}` is not an object")
    return value


def _text(container: Mapping[str, object], name: str, path: str) -> str:
    """A text of one line in a response; an empty string where there is none."""
    value = container.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError(f"`{path}{name}` is not a text of one line")
    return value


def _scheme(container: Mapping[str, object], path: str) -> str:
    scheme = _text(container, "web_scheme", path)
    if scheme not in ("", "http", "https"):
        raise ValueError(f"`{path}web_scheme` is neither http nor https: {scheme!r}")
    return scheme


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
    return _domain(_object(response, "domain"), response)


def read_domains(response: object) -> list[DomainDetails]:
    """The domains in a response of ``/v4/domains`` that lists them."""
    items = response.get("items") if isinstance(response, Mapping) else None
    if not isinstance(items, list):
        raise ValueError("it has no `items`")
    return [_domain(_object({"item": item}, "item"), {}) for item in items]


def _domain(domain: Mapping[str, object], response: object) -> DomainDetails:
    name = normalize_domain(_text(domain, "name", "domain."))
    if not name:
        raise ValueError("it has no `domain.name`")
    given = response.get("sending_dns_records") if isinstance(response, Mapping) else None
    records = _cname_records(given if isinstance(given, list) else ())
    cnames = {host: value for host, value, _ in records}
    shown = normalize_domain(_text(domain, "tracking_host", "domain."))
    prefix = _text(domain, "web_prefix", "domain.") or _prefix_of(name, shown, cnames)
    usual = f"{prefix}.{name}"
    if not is_domain(usual.lower()):
        raise ValueError(f"`domain.name` and `domain.web_prefix` are no host: {usual!r:.80}")
    host = shown if is_domain(shown) else usual
    identifier = domain.get("id")
    return DomainDetails(
        name=name,
        web_prefix=prefix,
        web_scheme=_scheme(domain, "domain.") or "http",
        cname=CnameRecord(host, cnames[host]) if host in cnames else None,
        custom_host="" if host == usual.lower() else host,
        is_sandbox=domain.get("type") == "sandbox",
        problem=_problem_of(domain),
        id=str(identifier) if type(identifier) is int else _text(domain, "id", "domain."),
        cname_is_valid=any(name == host and is_valid for name, _, is_valid in records),
    )


def _problem_of(domain: Mapping[str, object]) -> str:
    """What the state of a domain means for its mail."""
    state = domain.get("state")
    is_disabled = domain.get("is_disabled")
    if state == "disabled" or is_disabled is True or is_disabled in _SPELLED_TRUE:
        disabled = domain.get("disabled")
        reason = disabled.get("reason") if isinstance(disabled, Mapping) else None
        text = " ".join(reason.split()) if isinstance(reason, str) else ""
        return f"{_DISABLED}: {text}" if text else _DISABLED
    return "not verified at Mailgun yet" if state == "unverified" else ""


def _cname_records(records: Iterable[object]) -> list[tuple[str, str, bool]]:
    """Name and value of each CNAME record, and whether Mailgun has found it in DNS."""
    found = []
    for record in records:
        if isinstance(record, Mapping) and record.get("record_type") == "CNAME":
            # A record that cannot be read may be any: the tracking domain's is not the only one.
            with contextlib.suppress(ValueError):
                name, value = (
                    normalize_domain(_text(record, part, "")) for part in ("name", "value")
                )
                found.append((name, value, record.get("valid") == "valid"))
    return found


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


def read_subaccounts(response: object) -> list[Subaccount]:
    """The subaccounts in a response of ``/v5/accounts/subaccounts``."""
    items = response.get("subaccounts") if isinstance(response, Mapping) else None
    if not isinstance(items, list):
        raise ValueError("it has no `subaccounts`")
    return [_subaccount(_object({"item": item}, "item")) for item in items]


def _subaccount(item: Mapping[str, object]) -> Subaccount:
    id_, name, status = (_text(item, key, "subaccounts.") for key in ("id", "name", "status"))
    if not id_:
        raise ValueError("it has no `subaccounts.id`")
    return Subaccount(id_, name, status or "open")


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
    if not isinstance(response, Mapping) or response.get("status") is None:
        raise ValueError("it has no `status`")
    status, error, pem = (response.get(name) for name in ("status", "error", "certificate"))
    if not isinstance(status, str) or not _STATUS.fullmatch(status):
        raise ValueError(f"unknown status {status!r:.80}")
    if not isinstance(pem, (str, type(None))):
        raise ValueError("`certificate` is not a text")
    return CertificateStatus(status, str(error) if error else None, pem or None)


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

    try:
        certificate = x509.load_pem_x509_certificates(pem.encode())[0]
        try:
            extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
            names = tuple(extension.value.get_values_for_type(x509.DNSName))
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
    except Exception as error:
        # What cryptography raises for something malformed has no base class in common.
        raise ValueError(f"not a certificate: {error}") from None


def rfc3339(moment: datetime) -> str:
    """A zone-aware time as RFC 3339, in UTC and whole seconds."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_rfc3339(text: str) -> datetime:
    """Read a time that `rfc3339` wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
