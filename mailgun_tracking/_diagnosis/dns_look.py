"""What DNS says about a host: at the servers of its zone, and at a resolver.

Each query has a limit of `LOOK_SECONDS`. A server that does not answer is a fact (`NotSeen`), never
an error.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from .._api.resolving import LOOK_SECONDS, NameServer, resolver_for
from .caa import CaaRecord, CaaSet, relevant_set
from .facts import CaaFailed, DnsAnswer, NotSeen, Record

if TYPE_CHECKING:
    import dns.message
    import dns.name
    import dns.resolver

DNS_PORT = 53
_BESIDE = ("A", "AAAA", "MX", "TXT")
"""What often stands where a CNAME should be, and cannot stand beside one."""


@dataclass(frozen=True)
class Dns:
    """The resolver to ask; authoritative servers are asked directly.

    Args:
        server: the resolver; the machine's own by default.
        zone_port: where authoritative servers listen; a test gives its own.
    """

    server: NameServer | None = None
    zone_port: int = DNS_PORT
    _seen: dict[str, frozenset[str]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The resolver, for people."""
        if self.server is None:
            return "the resolver"
        port = f":{self.server.port}" if self.server.port != DNS_PORT else ""
        return f"the resolver {self.server.host}{port}"

    def ask_zone(self, host: str) -> tuple[DnsAnswer | NotSeen, ...] | NotSeen:
        """What each authoritative server of a host's zone says about the host.

        The first one that answers is also asked for records beside the CNAME.
        """
        import dns.exception
        import dns.resolver

        try:
            resolver = resolver_for(self.server)
            zone = self._zone_of(resolver, host)
            servers = sorted(str(record.target) for record in resolver.resolve(zone, "NS"))
        except dns.exception.DNSException as error:
            return NotSeen(f"{self.name} does not say who serves the zone: {_reason(error)}")
        answers: list[DnsAnswer | NotSeen] = []
        for server in servers:
            is_first = not any(isinstance(answer, DnsAnswer) for answer in answers)
            answers.append(self._ask_server(server, host, is_first=is_first))
        return tuple(answers)

    def _zone_of(self, resolver: dns.resolver.Resolver, host: str) -> str:
        """The zone that a host is in.

        Unlike dnspython's `zone_for_name`, this does not take the zone of a CNAME's target for it.
        """
        import dns.exception
        import dns.name
        import dns.resolver

        labels = host.split(".")
        for start in range(len(labels)):
            name = dns.name.from_text(".".join(labels[start:]))
            try:
                answer = resolver.resolve(name, "SOA", raise_on_no_answer=False, search=False)
            except dns.resolver.NXDOMAIN:
                continue
            except dns.exception.Timeout:
                raise
            except dns.exception.DNSException:
                # What fails may be the target of the host's CNAME record, or a loop.
                if start:
                    raise
                continue
            if answer.rrset and answer.rrset.name == name:
                return name.to_text()
        return "."

    def ask_resolver(self, host: str) -> DnsAnswer | NotSeen:
        """What the resolver says about a host, down to the addresses."""
        import dns.exception
        import dns.resolver

        found = DnsAnswer(self.name)
        for kind in ("A", "AAAA"):
            try:
                resolver = resolver_for(self.server)
                answer = resolver.resolve(host, kind, raise_on_no_answer=False, search=False)
            except dns.resolver.NXDOMAIN as error:
                response = next(iter(error.kwargs["responses"].values()))
                # The name that does not exist may be the target of the host's CNAME record.
                missing = _read(found, host, response)
                return missing if missing.cnames else replace(missing, outcome="nxdomain")
            except dns.resolver.NoNameservers:
                return replace(found, outcome="servfail", is_bogus=self._is_bogus(host, kind))
            except dns.exception.DNSException as error:
                return NotSeen(f"{self.name} does not answer: {_reason(error)}")
            found = _read(found, host, answer.response)
            if found.addresses:
                break
        return found

    def addresses(self, host: str) -> frozenset[str]:
        """The addresses of a host, looked up once; none where that fails."""
        if host not in self._seen:
            answer = self.ask_resolver(host)
            self._seen[host] = frozenset(answer.addresses if isinstance(answer, DnsAnswer) else ())
        return self._seen[host]

    def caa(self, host: str) -> CaaSet | CaaFailed | NotSeen:
        """The CAA records that count for a host."""
        try:
            return relevant_set(host, self._caa_at)
        except _NoAnswer as error:
            return error.fact

    def _caa_at(self, name: str) -> list[CaaRecord]:
        import dns.exception
        import dns.resolver
        from dns.rdtypes.ANY.CAA import CAA

        try:
            answer = resolver_for(self.server).resolve(
                name, "CAA", raise_on_no_answer=False, search=False
            )
        except dns.resolver.NXDOMAIN:
            return []
        except dns.resolver.NoNameservers:
            raise _NoAnswer(CaaFailed(name, self._is_bogus(name, "CAA"))) from None
        except dns.exception.DNSException as error:
            raise _NoAnswer(NotSeen(f"{self.name} does not answer: {_reason(error)}")) from None
        return [
            CaaRecord(
                record.flags,
                record.tag.decode("ascii", "replace").lower(),
                record.value.decode("ascii", "replace"),
            )
            for record in answer.rrset or ()
            if isinstance(record, CAA)
        ]

    def _ask_server(self, server: str, host: str, *, is_first: bool) -> DnsAnswer | NotSeen:
        import dns.exception

        name = server.rstrip(".")
        addresses = sorted(self.addresses(server))
        if not addresses:
            return NotSeen(f"{name} has no address")
        try:
            found = self._query(DnsAnswer(name), addresses[0], host, "CNAME")
            if found.outcome == "found" and (is_first or not found.cnames):
                for kind in _BESIDE:
                    found = self._query(found, addresses[0], host, kind)
        except (dns.exception.DNSException, OSError) as error:
            return NotSeen(f"{name} does not answer: {_reason(error)}")
        return found

    def _query(self, found: DnsAnswer, address: str, host: str, kind: str) -> DnsAnswer:
        import dns.message
        import dns.query
        import dns.rcode

        # What is the resolver and authoritative for the zone in one listens on one port.
        is_same = self.server is not None and self.server.host == address
        is_same = is_same and self.zone_port == DNS_PORT
        port = self.server.port if self.server and is_same else self.zone_port
        query = dns.message.make_query(host, kind)
        response, _ = dns.query.udp_with_fallback(query, address, timeout=LOOK_SECONDS, port=port)
        outcomes: dict[int, Literal["nxdomain", "servfail", "refused"]] = {
            dns.rcode.NXDOMAIN: "nxdomain",
            dns.rcode.SERVFAIL: "servfail",
            dns.rcode.REFUSED: "refused",
        }
        read = _read(found, host, response)
        code = response.rcode()
        if code in outcomes and not read.cnames:
            return replace(read, outcome=outcomes[code])
        return read

    def _is_bogus(self, host: str, kind: str) -> bool:
        """Whether a resolver that failed has an answer once it does not check signatures."""
        import dns.exception
        import dns.flags
        import dns.resolver

        resolver = resolver_for(self.server)
        resolver.flags = dns.flags.RD | dns.flags.CD
        try:
            resolver.resolve(host, kind, raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN:
            return True
        except dns.exception.DNSException:
            return False
        return True


def _read(found: DnsAnswer, host: str, response: dns.message.Message) -> DnsAnswer:
    """An answer with what a response says in addition."""
    import dns.name
    import dns.rdatatype
    from dns.rdtypes.ANY.CNAME import CNAME
    from dns.rdtypes.IN.A import A
    from dns.rdtypes.IN.AAAA import AAAA

    name = dns.name.from_text(host)
    cnames, records = list(found.cnames), list(found.records)
    addresses, ttl = list(found.addresses), found.ttl
    for rrset in response.answer:
        for item in rrset:
            ttl = ttl or rrset.ttl
            if isinstance(item, CNAME):
                cname = item.target.to_text(omit_final_dot=True).lower()
                cnames += [cname] if cname not in cnames else []
                continue
            if isinstance(item, (A, AAAA)):
                addresses.append(item.address)
            if rrset.name == name:
                text = item.to_text()
                records.append(Record(dns.rdatatype.to_text(rrset.rdtype), text))
    return replace(
        found,
        cnames=tuple(cnames),
        records=tuple(dict.fromkeys(records)),
        addresses=tuple(dict.fromkeys(addresses)),
        ttl=ttl,
    )


class _NoAnswer(Exception):
    """A lookup of CAA records without an answer."""

    def __init__(self, fact: CaaFailed | NotSeen) -> None:
        self.fact = fact


def _reason(error: Exception) -> str:
    import dns.exception
    import dns.resolver

    if isinstance(error, dns.exception.Timeout):
        return "no answer in time"
    if isinstance(error, dns.resolver.NoNameservers):
        return "SERVFAIL"
    if isinstance(error, (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer)):
        return "no such record"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"an answer that is not valid ({type(error).__name__})"
