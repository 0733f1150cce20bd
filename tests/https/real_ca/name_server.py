"""DNS lookups: where the CNAME of a tracking host leads, and which CAs may issue for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.CAA import CAA

MAX_CNAMES = 8
TIMEOUT_SECONDS = 5.0

_CRITICAL = 128
_KNOWN_TAGS = {"issue", "issuewild", "iodef", "issuemail", "contactemail", "contactphone"}


class DnsError(Exception):
    """A query was not answered, as opposed to the answer that there is no such record."""


@dataclasses.dataclass(frozen=True)
class NameServer:
    """A recursive DNS server.

    Attributes:
        address: its IP address.
        port: its port, for UDP and TCP.
    """

    address: str
    port: int

    def leads_to(self, host: str, target: str) -> bool:
        """Return whether CNAME records lead from a host to a target.

        An address record in their place, as a proxy has, does not count. Nor does a server that
        does not answer.
        """
        name = dns.name.from_text(host)
        for _ in range(MAX_CNAMES):
            try:
                found = self._resolver().resolve(name, "CNAME", search=False)
            except dns.exception.DNSException:
                return False
            name = found[0].target
            if name == dns.name.from_text(target):
                return True
        return False

    def caa(self, host: str) -> tuple[str, list[CAA]]:
        """Find the CAA records that apply to a host, by climbing the tree as in RFC 8659.

        Returns:
            The name that has the records, and the records; the root and none if there are none.

        Raises:
            DnsError: a query was not answered, so it is unknown which CAs may issue.
        """
        name = dns.name.from_text(host)
        while name != dns.name.root:
            records = self._caa_at(name)
            if records:
                return name.to_text(omit_final_dot=True), records
            name = name.parent()
        return ".", []

    def _caa_at(self, name: dns.name.Name) -> list[CAA]:
        try:
            answer = self._resolver().resolve(name, "CAA", raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN:
            return []
        except dns.exception.DNSException as error:
            text = name.to_text(omit_final_dot=True)
            reason = "query timed out" if isinstance(error, dns.exception.Timeout) else "SERVFAIL"
            raise DnsError(f"DNS problem: {reason} looking up CAA for {text}") from error
        return [record for record in answer.rrset or () if isinstance(record, CAA)]

    def _resolver(self) -> dns.resolver.Resolver:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = [self.address]
        resolver.port = self.port
        resolver.lifetime = TIMEOUT_SECONDS
        return resolver


def caa_allows(records: Collection[CAA], identities: Collection[str]) -> bool:
    """Return whether CAA records allow a CA to issue for a name that is not a wildcard.

    Args:
        records: the records that apply to the name.
        identities: the names that identify the CA.
    """
    tags = {record.tag.decode("ascii").lower() for record in records if record.flags & _CRITICAL}
    if not tags <= _KNOWN_TAGS:
        return False
    issuers = [
        record.value.decode("ascii", "replace").partition(";")[0].strip().lower()
        for record in records
        if record.tag.lower() == b"issue"
    ]
    return not issuers or any(issuer in identities for issuer in issuers)
