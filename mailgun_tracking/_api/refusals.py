"""What an HTTP status means, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from urllib3 import Retry
from urllib3.exceptions import InvalidHeader

from .. import errors
from .transport import Transport, shorten

if TYPE_CHECKING:
    from requests import Response

SERVER_ERRORS = (500, 502, 503, 504)
X509_PATH = "/v2/x509/"
CONTACT_SUPPORT = "try again; if it persists, contact Mailgun support"


def refusal(
    response: Response, transport: Transport, method: str, path: str, what: str, domain: str
) -> errors.MailgunError:
    """The error that a response other than 2xx stands for.

    Args:
        response: the response.
        transport: what it came through; the key is redacted from the response's text.
        method: the request's method.
        path: the request's path.
        what: what the request was for.
        domain: the domain it was about.
    """
    status = response.status_code
    type_, advice = _meaning(status, method, is_x509=path.startswith(X509_PATH))
    # Redacted before it is shortened: half a key is still a secret.
    reason = shorten(transport.redact(_reason(response)))
    if 300 <= status < 400:
        host = transport.redact(_host(response.headers.get("Location", "")))
        reason = f"{transport.base_url} redirects to {host or 'another address'}"
    error = type_(what, reason, status=status, advice=advice, domain=domain)
    error.retry_after = _retry_after(response)
    return error


def _meaning(status: int, method: str, *, is_x509: bool) -> tuple[type[errors.MailgunError], str]:
    """The error type of a status, and the advice that goes with it."""
    if status in (401, 403):
        return errors.Unauthorized, ""
    if status in SERVER_ERRORS:
        return errors.ServerError, "Mailgun returned a server error; try again later"
    # Mailgun answers a PUT of a certificate with 429 while it is issuing one.
    if status == 429 and not (is_x509 and method == "PUT"):
        return errors.RateLimited, "try again with a lower --parallel"
    if status == 404 and not is_x509:
        return errors.DomainNotFound, ""
    if 300 <= status < 400:
        return errors.UnexpectedResponse, "set the base URL to the final address"
    if is_x509:
        return {
            400: (errors.CnameNotValid, ""),
            402: (errors.CertificatesNotInPlan, ""),
            404: (errors.CertificateNotFound, ""),
            409: (errors.CertificateConflict, ""),
            429: (errors.CertificateInProgress, ""),
        }.get(status, (errors.UnexpectedResponse, CONTACT_SUPPORT))
    if status == 402:
        return (
            errors.MailgunError,
            "your Mailgun plan does not include this; upgrade it, or stop managing this setting",
        )
    if status == 400:
        return errors.MailgunError, "Mailgun rejected a value; correct it and try again"
    return errors.MailgunError, CONTACT_SUPPORT


def _reason(response: Response) -> str:
    """Mailgun's message, in any of the forms it comes in, or else the status's own phrase."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, Mapping):
        for name in ("message", "Reason", "Description", "error"):
            if body.get(name):
                return str(body[name])
    text = response.content.decode(errors="replace").strip()
    if text and body is None and not text.startswith("<"):
        return text
    return response.reason or "no reason given"


def _host(location: str) -> str:
    try:
        return urlsplit(location).netloc.rpartition("@")[2]
    except ValueError:
        return ""


def _retry_after(response: Response) -> float | None:
    value = response.headers.get("Retry-After")
    if value is None:
        return None
    try:
        return Retry().parse_retry_after(value)
    except (InvalidHeader, ValueError, OverflowError):
        return None
