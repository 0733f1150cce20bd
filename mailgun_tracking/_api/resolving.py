"""Whether a host points to Mailgun in DNS yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dns.resolver

LOOK_SECONDS = 3.0
"""How long one query may take, so that Ctrl-C need not wait for longer."""


@dataclass(frozen=True)
class NameServer:
    """A recursive name server to ask instead of the machine's own.

    Attributes:
        host: its address or name.
        port: its port.
    """

    host: str
    port: int = 53


def what_is_missing(host: str, target: str, server: NameServer | None = None) -> str | None:
    """Why a host does not point to a target in DNS, or None where it does.

    It does if its CNAME records lead to the target, or if both have an address in common: some
    DNS providers answer with addresses instead of a CNAME record.

    Args:
        host: the host.
        target: what it has to point to.
        server: the name server to ask; the machine's own by default.
    """
    # Takes 20 ms to import, and few commands look at DNS.
    import dns.exception

    try:
        resolver = resolver_for(server)
        names, addresses = _follow(resolver, host)
        if target in names or addresses & _follow(resolver, target)[1]:
            return None
    except dns.exception.DNSException:
        return (
            f"the DNS lookup of {host} failed "
            "(mailgun-tracking:nameserver sets the name server to ask)"
        )
    if not names and not addresses:
        return f"{host} has no record in DNS"
    return f"{host} points to {', '.join(names or sorted(addresses))} in DNS, not to {target}"


def resolver_for(server: NameServer | None) -> dns.resolver.Resolver:
    """A resolver that asks a name server, or, without one, what the machine is set to ask."""
    import dns.inet
    import dns.resolver

    if server is None:
        resolver = dns.resolver.Resolver()
    else:
        # Only a server given by its name needs the machine's own to find it.
        own = dns.resolver.Resolver(configure=not dns.inet.is_address(server.host))
        resolver = dns.resolver.make_resolver_at(server.host, server.port, resolver=own)
    resolver.lifetime = LOOK_SECONDS
    return resolver


def _follow(resolver: dns.resolver.Resolver, host: str) -> tuple[list[str], set[str]]:
    """The names that CNAME records lead a host to, and the addresses at their end."""
    import dns.name
    import dns.resolver
    from dns.rdtypes.ANY.CNAME import CNAME
    from dns.rdtypes.IN.A import A

    name = dns.name.from_text(host)
    try:
        answer = resolver.resolve(name, "A", raise_on_no_answer=False, search=False)
        records = [record for rrset in answer.response.answer for record in rrset]
    except dns.resolver.NXDOMAIN as error:
        # The name that does not exist may be the target of a CNAME record.
        records = [record for rrset in error.kwargs["responses"][name].answer for record in rrset]
    names = [r.target.to_text(omit_final_dot=True).lower() for r in records if isinstance(r, CNAME)]
    return names, {record.address for record in records if isinstance(record, A)}
