"""On PYTHONPATH, makes the library give up at the first failure: for tests of what it says then.

Nothing depends on how fast the machine is: only the PUTs of the domain ``silence.example.com``,
which are never answered, time out, and the key counts as one that was seen to read.
"""

from typing import Any

from mailgun_tracking._api import client
from mailgun_tracking._api.client import MailgunClient
from mailgun_tracking._api.transport import Answer, Transport
from mailgun_tracking._provider import operation

MailgunClient._is_too_late = lambda *_: True  # type: ignore[method-assign]
MailgunClient.allowed = {"read"}  # type: ignore[assignment,method-assign]
client.RATE_LIMIT_SECONDS = 0.0
operation.MISSING_SECONDS = 0.0

_send = Transport.send


def send(self: Transport, method: str, path: str, what: str, **options: Any) -> Answer:
    """Send a request, as `Transport.send` does."""
    if method == "PUT" and "/silence.example.com/" in path:
        options["timeout"] = 0.5
    return _send(self, method, path, what, **options)


Transport.send = send  # type: ignore[method-assign]
