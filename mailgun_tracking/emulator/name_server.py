"""What the emulator asks of DNS: where a tracking host leads, and who may issue for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.CAA import CAA

from .problems import InvalidSetting

LONGEST_CHAIN = 8
SECONDS_A_QUESTION = 5.0

_CRITICAL = 128
_KNOWN_TAGS = {"issue", "issuewild", "iodef", "issuemail", "contactemail", "contactphone"}


class DnsProblem(Exception):
    """A question that got no answer, as opposed to the answer that there is no such record."""


@dataclasses.dataclass(frozen=True)
class NameServer:
    """A DNS server that resolves for its askers.

    Attributes:
        address: its IP address.
        port: its port, for UDP and TCP.
    """

    address: str
    port: int = 53

    @classmethod
    def parse(cls, text: str) -> NameServer:
        """Read `ADDRESS:PORT`, or an address alone.

        Raises:
            InvalidSetting: it is neither.
        """
        address, colon, port = text.rpartition(":")
        if not colon:
            address, port = port, "53"
        server = cls(address.strip("[]"), int(port) if port.isdigit() else 0)
        try:
            if server.port:
                server._resolver()
                return server
        except ValueError:
            pass
        raise InvalidSetting(f"a DNS server is given as ADDRESS:PORT, not {text!r}")

    def leads_to(self, host: str, targets: Collection[str]) -> bool:
        """Say whether CNAME records alone lead from a host to one of the targets.

        An address record at the host, which is what a proxy puts there, leads nowhere. Neither
        does a server that does not answer.
        """
        wanted = {dns.name.from_text(target) for target in targets}
        name = dns.name.from_text(host)
        for _ in range(LONGEST_CHAIN):
            try:
                found = self._resolver().resolve(name, "CNAME", search=False)
            except dns.exception.DNSException:
                return False
            name = found[0].target
            if name in wanted:
                return True
        return False

    def caa(self, host: str) -> tuple[str, list[CAA]]:
        """Find the CAA records that count for a host, by climbing as RFC 8659 says.

        Returns:
            The name whose records they are, and the records; none are found at the root.

        Raises:
            DnsProblem: a question got no answer, so that it is not known who may issue.
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
            shown = name.to_text(omit_final_dot=True)
            kind = "query timed out" if isinstance(error, dns.exception.Timeout) else "SERVFAIL"
            raise DnsProblem(f"DNS problem: {kind} looking up CAA for {shown}") from error
        return [record for record in answer.rrset or () if isinstance(record, CAA)]

    def _resolver(self) -> dns.resolver.Resolver:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = [self.address]
        resolver.port = self.port
        resolver.lifetime = SECONDS_A_QUESTION
        return resolver


def allow(records: Collection[CAA], identities: Collection[str]) -> bool:
    """Say whether CAA records let an authority issue for a name that is no wildcard.

    Args:
        records: those that count for the name.
        identities: the names that the authority answers to.
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
