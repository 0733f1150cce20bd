"""What answers for a host on the web: its port 80, and the certificate at its port 443."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable

from .._api.models import parse_certificate
from .._version import __version__
from .facts import HttpAnswer, NoCertificate, NotSeen, Served, ServedCertificate

LOOK_SECONDS = 5.0
"""How long a server may take to connect, and for each part of its answer."""
CHALLENGE_PATH = "/.well-known/acme-challenge/mailgun-tracking-doctor"
"""Where Let's Encrypt looks for a challenge, of a name that nothing has."""

Trust = Callable[[], ssl.SSLContext]


def system_trust() -> ssl.SSLContext:
    """A context that trusts what the machine trusts."""
    import truststore

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def look_at_port_80(host: str, address: str, port: int) -> HttpAnswer | NotSeen:
    """GET where a challenge of Let's Encrypt would be; a redirect is not followed."""
    connection = http.client.HTTPConnection(address, port, timeout=LOOK_SECONDS)
    try:
        return _get(connection, host, CHALLENGE_PATH)
    except (OSError, http.client.HTTPException) as error:
        return NotSeen(f"port 80 of {address} does not answer from here: {_reason(error)}")
    finally:
        connection.close()


def look_at_certificate(host: str, address: str, port: int, trust: Trust) -> Served:
    """The certificate that a server presents for a host, trusted or not."""
    try:
        return _handshake(host, address, port, trust())
    except ssl.SSLCertVerificationError as error:
        problem = getattr(error, "verify_message", "") or str(error)
    except ssl.SSLError as error:
        return NoCertificate((error.reason or "handshake failed").replace("_", " ").lower())
    except (OSError, http.client.HTTPException) as error:
        return NotSeen(f"port 443 of {address} does not answer from here: {_reason(error)}")
    untrusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    untrusting.check_hostname = False
    untrusting.verify_mode = ssl.CERT_NONE
    try:
        return _handshake(host, address, port, untrusting, problem)
    except (OSError, http.client.HTTPException) as error:
        return NotSeen(f"port 443 of {address} does not answer from here: {_reason(error)}")


def _handshake(
    host: str, address: str, port: int, context: ssl.SSLContext, problem: str = ""
) -> ServedCertificate:
    with (
        socket.create_connection((address, port), LOOK_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as tls,
    ):
        der = tls.getpeercert(binary_form=True)
        assert der is not None, "the client always asks for the server's certificate"
        connection = http.client.HTTPConnection(address, port)
        # Has the handshake with the host's name behind it; HTTPSConnection would use the address.
        connection.sock = tls
        hsts = _get(connection, host, "/").headers.get("strict-transport-security", "")
    return ServedCertificate(parse_certificate(ssl.DER_cert_to_PEM_cert(der)), problem, hsts)


def _get(connection: http.client.HTTPConnection, host: str, path: str) -> HttpAnswer:
    agent = f"mailgun-tracking/{__version__}"
    connection.request("GET", path, headers={"Host": host, "User-Agent": agent})
    response = connection.getresponse()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return HttpAnswer(response.status, headers.get("location", ""), headers)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    return "that is not HTTP"
