"""What answers for a host on the web: its port 80, and the certificate at its port 443."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

from .._api.models import parse_certificate
from .._version import __version__
from .facts import HttpAnswer, NoCertificate, NotSeen, Served, ServedCertificate

LOOK_SECONDS = 5.0
"""How long a server may take to connect, and then to answer."""
CHALLENGE_PATH = "/.well-known/acme-challenge/mailgun-tracking-doctor"
"""Where Let's Encrypt looks for a challenge, of a name that nothing has."""

Trust = Callable[[], ssl.SSLContext]


def system_trust() -> ssl.SSLContext:
    """A context that trusts what the machine trusts."""
    import truststore

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def look_at_port_80(host: str, address: str, port: int) -> HttpAnswer | NotSeen:
    """GET where a challenge of Let's Encrypt would be; a redirect is not followed."""
    try:
        with _connected(address, port) as connection:
            return _get(connection, host, CHALLENGE_PATH)
    except (OSError, http.client.HTTPException) as error:
        return _not_seen(80, address, error)


def look_at_certificate(host: str, address: str, port: int, trust: Trust) -> Served:
    """The certificate that a server presents for a host, trusted or not."""
    try:
        return _handshake(host, address, port, trust())
    except ssl.SSLCertVerificationError as error:
        problem = getattr(error, "verify_message", "") or str(error)
    except ssl.SSLError as error:
        return NoCertificate((error.reason or "handshake failed").replace("_", " ").lower())
    except (OSError, http.client.HTTPException) as error:
        return _not_seen(443, address, error)
    untrusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    untrusting.check_hostname = False
    untrusting.verify_mode = ssl.CERT_NONE
    try:
        return _handshake(host, address, port, untrusting, problem)
    except (OSError, http.client.HTTPException) as error:
        return _not_seen(443, address, error)


@contextlib.contextmanager
def _connected(address: str, port: int) -> Iterator[socket.socket]:
    """A connection that is cut after a while, however slowly the server answers."""
    with socket.create_connection((address, port), LOOK_SECONDS) as connection:
        is_over = threading.Event()

        def cut() -> None:
            is_over.set()
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(LOOK_SECONDS, cut)
        timer.daemon = True
        timer.start()
        try:
            yield connection
        except (OSError, http.client.HTTPException) as error:
            raise (TimeoutError() if is_over.is_set() else error) from None
        finally:
            timer.cancel()


def _handshake(
    host: str, address: str, port: int, context: ssl.SSLContext, problem: str = ""
) -> ServedCertificate:
    with (
        _connected(address, port) as connection,
        context.wrap_socket(connection, server_hostname=host) as tls,
    ):
        der = tls.getpeercert(binary_form=True)
        assert der is not None, "the client always asks for the server's certificate"
        hsts = _get(tls, host, "/").headers.get("strict-transport-security", "")
    return ServedCertificate(parse_certificate(ssl.DER_cert_to_PEM_cert(der)), problem, hsts)


def _get(connected: socket.socket, host: str, path: str) -> HttpAnswer:
    connection = http.client.HTTPConnection(host)
    # Already connected, to the address that DNS named; it would look the host up itself.
    connection.sock = connected
    connection.request("GET", path, headers={"User-Agent": f"mailgun-tracking/{__version__}"})
    response = connection.getresponse()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return HttpAnswer(response.status, headers.get("location", ""), headers)


def _not_seen(port: int, address: str, error: Exception) -> NotSeen:
    if isinstance(error, TimeoutError):
        reason = "no answer in time"
    elif isinstance(error, OSError):
        reason = (error.strerror or str(error)).lower()
    else:
        reason = "that is not HTTP"
    return NotSeen(f"port {port} of {address} does not answer from here: {reason}")
