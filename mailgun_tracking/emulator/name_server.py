"""A DNS server with the CNAME records that the emulator takes to be valid."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

_LARGEST_QUERY = 4096
_SERVER = "a.ns"
"""Where a zone's name server is: two labels below, where no tracking host can be."""


class NameServer:
    """Answers over UDP; whatever it does not have does not exist.

    Each domain is a zone, which the server itself serves.
    """

    def __init__(
        self,
        host: str,
        port: int,
        cname_value: Callable[[str], str | None],
        is_domain: Callable[[str], bool],
    ) -> None:
        """Listen, and answer in a thread until `close`.

        Args:
            host: the address to listen on.
            port: 0 picks a free one.
            cname_value: returns what the CNAME record of a host points to, or None.
            is_domain: returns whether there is a domain of that name.

        Raises:
            OSError: the port is in use.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]
        self._host = host
        self._cname_value = cname_value
        self._is_domain = is_domain
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="mailgun-dns", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering, and return once the port is free."""
        self._closing.set()
        # Ends the thread's wait for a query.
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            data, client = self._socket.recvfrom(_LARGEST_QUERY)
            if self._closing.is_set():
                return
            try:
                query = dns.message.from_wire(data)
            except dns.exception.DNSException:
                continue
            self._socket.sendto(self._answer(query).to_wire(), client)

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        answer = dns.message.make_response(query, recursion_available=True)
        for question in query.question:
            name = question.name.to_text(omit_final_dot=True).lower()
            records = self._records(name)
            if not records:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            kind = dns.rdatatype.to_text(question.rdtype)
            for own in records.keys() & {kind, "CNAME"}:
                answer.answer.append(dns.rrset.from_text(question.name, 1, "IN", own, records[own]))
        return answer

    def _records(self, name: str) -> dict[str, str]:
        """The records of a name, by type."""
        value = self._cname_value(name)
        if value is not None:
            return {"CNAME": f"{value}."}
        if self._is_domain(name):
            server = f"{_SERVER}.{name}."
            return {"NS": server, "SOA": f"{server} hostmaster.{name}. 1 3600 600 86400 1"}
        if name.startswith(f"{_SERVER}.") and self._is_domain(name.removeprefix(f"{_SERVER}.")):
            return {"AAAA" if ":" in self._host else "A": self._host}
        return {}
