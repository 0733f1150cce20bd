"""A DNS server with the CNAME records that the emulator takes to be valid."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import dns.exception
import dns.message
import dns.rcode
import dns.rrset

_LARGEST_QUERY = 4096


class NameServer:
    """Answers over UDP; whatever it does not have does not exist."""

    def __init__(self, host: str, port: int, cname_value: Callable[[str], str | None]) -> None:
        """Listen, and answer in a thread until `close`.

        Args:
            host: the address to listen on.
            port: 0 picks a free one.
            cname_value: returns what the CNAME record of a host points to, or None.

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
        self._cname_value = cname_value
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
            value = self._cname_value(name)
            if value is None:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            else:
                answer.answer.append(
                    dns.rrset.from_text(question.name, 1, "IN", "CNAME", f"{value}.")
                )
        return answer
