"""What was looked at. Everything here is a value; what was not looked at is None."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from .._api.models import CNAME_VALUES, CertificateFacts, CertificateStatus, DomainDetails
from .._api.target import Target
from ..errors import TrackingError
from .caa import LETS_ENCRYPT, CaaSet
from .cdn import cdn_of_addresses, cdn_of_headers, cdn_of_names


@dataclass(frozen=True)
class NotSeen:
    """A look that failed, and why."""

    reason: str


@dataclass(frozen=True)
class Record:
    """A DNS record of the host itself."""

    type: str
    value: str

    def __str__(self) -> str:
        return f"{self.type} {self.value}"


@dataclass(frozen=True)
class DnsAnswer:
    """What one name server says about a host.

    Attributes:
        server: its name or address.
        outcome: whether the name exists, does not, or the server could not say.
        cnames: where CNAME records lead, one after another.
        records: the host's own records of other types.
        addresses: the addresses at the end.
        ttl: for how many seconds the answer may be kept.
        is_bogus: whether a resolver rejects the zone's DNSSEC signatures.
    """

    server: str
    outcome: Literal["found", "nxdomain", "servfail", "refused"] = "found"
    cnames: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()
    addresses: tuple[str, ...] = ()
    ttl: int = 0
    is_bogus: bool = False

    def __str__(self) -> str:
        if self.outcome != "found":
            return {"nxdomain": "no such name", "servfail": "SERVFAIL"}.get(self.outcome, "REFUSED")
        if self.cnames:
            return f"CNAME {self.cnames[0]}"
        return ", ".join(map(str, self.records)) or "no record"


@dataclass(frozen=True)
class HttpAnswer:
    """The answer to a GET over HTTP.

    Attributes:
        status: its status.
        location: where it redirects to, or an empty string.
        headers: its headers, by their names in lower case.
    """

    status: int
    location: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ServedCertificate:
    """The certificate that a TLS server presents for a host.

    Attributes:
        certificate: what it says.
        problem: why this machine does not trust it, or an empty string.
        hsts: the header Strict-Transport-Security that came with it, or an empty string.
    """

    certificate: CertificateFacts
    problem: str = ""
    hsts: str = ""


@dataclass(frozen=True)
class NoCertificate:
    """A TLS handshake that the server refused, and why."""

    reason: str


@dataclass(frozen=True)
class CaaFailed:
    """SERVFAIL where CAA records were looked up, which a CA takes as a refusal.

    Attributes:
        name: the name that was looked up.
        is_bogus: whether a resolver rejects the zone's DNSSEC signatures.
    """

    name: str
    is_bogus: bool = False


Served = ServedCertificate | NoCertificate | NotSeen


@dataclass(frozen=True)
class Behind:
    """What is behind a host that has addresses where a CNAME to Mailgun should be.

    Attributes:
        mailgun_addresses: those of the CNAME's target.
        http: the answer over HTTP.
        served: the certificate it presents.
    """

    mailgun_addresses: frozenset[str] = frozenset()
    http: HttpAnswer | NotSeen | None = None
    served: Served | None = None


@dataclass(frozen=True)
class Facts:
    """Everything that was looked at for one domain.

    Attributes:
        target: the domain, and where it should be.
        now: when it was looked at.
        can_list: whether the key may list domains; None where that was not asked.
        found_in_region: the other region, if that has the domain.
        domain: the domain at Mailgun, or the error in its place.
        tracking: the tracking settings, or the error in their place.
        certificate: the certificate at Mailgun, or the error in its place.
        zone: what each authoritative server says about the tracking host.
        resolved: what the resolver says about it.
        behind: what is behind its addresses.
        caa: the CAA records that count for it.
        http: the answer at its port 80.
        served: the certificate at its port 443.
        issuer: the name of the CA in CAA records.
    """

    target: Target
    now: datetime
    can_list: bool | None = None
    found_in_region: str = ""
    domain: DomainDetails | TrackingError | None = None
    tracking: Mapping[str, Any] | TrackingError | None = None
    certificate: CertificateStatus | TrackingError | None = None
    zone: tuple[DnsAnswer | NotSeen, ...] | NotSeen | None = None
    resolved: DnsAnswer | NotSeen | None = None
    behind: Behind | None = None
    caa: CaaSet | CaaFailed | NotSeen | None = None
    http: HttpAnswer | NotSeen | None = None
    served: Served | None = None
    issuer: str = LETS_ENCRYPT

    @property
    def details(self) -> DomainDetails | None:
        """The domain, if Mailgun has it."""
        return self.domain if isinstance(self.domain, DomainDetails) else None

    @property
    def host(self) -> str:
        """The tracking host; an empty string where it is not known."""
        return self.details.tracking_domain if self.details else ""

    @property
    def web_scheme(self) -> str:
        """The scheme of links; an empty string where it is not known."""
        return self.details.web_scheme if self.details else ""

    @property
    def wanted(self) -> str:
        """What the host's CNAME has to point to."""
        cname = self.details.cname if self.details else None
        return cname.value if cname else CNAME_VALUES[self.target.region]

    @property
    def answer(self) -> DnsAnswer | None:
        """What DNS says: the first authoritative server that answered, else the resolver."""
        zone = self.zone if isinstance(self.zone, tuple) else ()
        answers = [answer for answer in (*zone, self.resolved) if isinstance(answer, DnsAnswer)]
        return answers[0] if answers else None

    def cdn_before(self, answer: DnsAnswer) -> str:
        """The CDN that stands between a host and Mailgun, or an empty string."""
        found = cdn_of_names(answer.cnames) or cdn_of_addresses(answer.addresses)
        http = self.behind.http if self.behind else None
        return found or (cdn_of_headers(http.headers) if isinstance(http, HttpAnswer) else "")
