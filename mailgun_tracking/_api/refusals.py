"""What an HTTP status means, and what to do about it."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from .. import errors
from .base_url import region_of
from .models import UNSUBSCRIBE_URLS
from .setting_names import IN_STACK, SettingNames
from .transport import Answer, Transport, shorten

_UNCLEAR = (408, 425, 499)
"""Statuses other than 5xx that do not tell whether a request was carried out."""
X509_PATH = "/v2/x509/"
LIST_PATH = "/v4/domains"
SUBACCOUNTS_PATH = "/v5/accounts/subaccounts"
_AUTHORITY = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//([^/?#\\]*)", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,12}")
_REASONS = ("message", "Reason", "Description", "error")
NO_REASON = "no reason given"
PART = 12
"""How many characters of a footer in a row an error may not repeat."""
CONTACT_SUPPORT = "try again; if it persists, contact Mailgun support"


def refusal(
    response: Answer,
    transport: Transport,
    method: str,
    path: str,
    what: str,
    domain: str,
    form: Mapping[str, str] | None = None,
    names: SettingNames = IN_STACK,
) -> errors.MailgunError:
    """The error that a response other than 2xx stands for.

    Args:
        response: the response.
        transport: what it came through.
        method: the request's method.
        path: the request's path.
        what: what the request was for.
        domain: the domain it was about.
        form: what was sent.
        names: where settings can be set.
    """
    status = response.status
    is_x509 = path.startswith(X509_PATH)
    if status == 429 and not (is_x509 and method == "PUT" and _is_in_progress(response)):
        wait = _retry_after(response)
        wait = _until_reset(response) if wait is None else wait
        return rate_limited(what, wait, domain, names)
    type_, advice = _meaning(status, is_x509=is_x509)
    reason = shorten(_reason(response))
    if any(_has_part_of(text, reason) for text in _footers(form or {})):
        reason = response.reason or NO_REASON
    if 300 <= status < 400:
        host = shorten(_host(response.headers.get("Location", "")))
        reason = f"{transport.base_url} redirects to {host or 'another address'}"
    if status == 404 and region_of(transport.base_url) is None and not _is_from_mailgun(response):
        type_, advice = errors.UnexpectedResponse, advise_base_url(names)
        reason = f"the server at {transport.base_url} is not Mailgun: {reason}"
    if status == 407 or (status == 403 and _is_from_proxy(response)):
        type_, advice = errors.UnexpectedResponse, "check the proxy; the key is not the cause"
        proxy = transport.proxy or f"in front of {transport.base_url}"
        reason = f"the proxy {proxy} refused the request: {reason}"
    error = type_(what, reason, status=status, advice=advice, domain=domain)
    error.retry_after = _retry_after(response)
    if error.retry_after and isinstance(error, errors.ServerError):
        error.advise(f"the response asks to wait {error.retry_after:.0f} s")
    if isinstance(error, errors.Unauthorized):
        error.access = access_of(method, path)
    return error


def _footers(form: Mapping[str, str]) -> list[str]:
    """The footers in a form, which may be secret, without what is none of a footer's own."""
    texts = [value for name, value in form.items() if name.endswith("_footer")]
    for variable in UNSUBSCRIBE_URLS:
        texts = [text.replace(variable, "") for text in texts]
    return [" ".join(text.split()) for text in texts]


def _has_part_of(text: str, reason: str) -> bool:
    """Whether a reason repeats a part of a text."""
    parts = (reason[start : start + PART] for start in range(len(reason) - PART + 1))
    return any(part in text for part in parts)


def advise_base_url(names: SettingNames) -> str:
    """What to do where the server is not Mailgun."""
    return f"check the base URL, {names.base_url}"


def rate_limited(
    what: str, seconds: float | None, domain: str, names: SettingNames = IN_STACK
) -> errors.RateLimited:
    """The error of a call that the rate limit holds up, for that many seconds if known."""
    error = errors.RateLimited(
        what,
        "Mailgun's rate limit is reached" + (f" and resets in {seconds:.0f} s" if seconds else ""),
        status=429,
        advice=f"try again later, or set {names.budget} to stay below it",
        domain=domain,
    )
    error.retry_after = seconds
    return error


def access_of(method: str, path: str) -> errors.Access:
    """What a key needs to be allowed for a request."""
    if method != "GET":
        return "write"
    return "list" if path.startswith((f"{LIST_PATH}?", f"{SUBACCOUNTS_PATH}?")) else "read"


def _meaning(status: int, *, is_x509: bool) -> tuple[type[errors.MailgunError], str]:
    """The error type of a status, and the advice that goes with it."""
    if status in (401, 403):
        return errors.Unauthorized, ""
    if status >= 500 or status < 200 or status in _UNCLEAR:
        return errors.ServerError, "Mailgun or a proxy in front of it failed; try again later"
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


def _reason(response: Answer) -> str:
    """Mailgun's message, in any of the forms it comes in, or else the status's own phrase."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, Mapping):
        for name in _REASONS:
            if body.get(name):
                # One that is nested too deeply cannot be shown.
                with contextlib.suppress(RecursionError):
                    return str(body[name])
    text = response.text.strip()
    if text and body is None and not text.startswith("<"):
        return text
    return response.reason or NO_REASON


def _is_from_mailgun(response: Answer) -> bool:
    """Whether a 404 is Mailgun's: JSON that mentions a domain, or has x509's `Description`."""
    try:
        body = response.json()
    except ValueError:
        return False
    return isinstance(body, Mapping) and (
        "Description" in body or "domain" in str(body.get("message")).casefold()
    )


def _is_from_proxy(response: Answer) -> bool:
    """Whether a 403 is a proxy's: Mailgun's is JSON or plain text."""
    return "Proxy-Authenticate" in response.headers or response.text.lstrip().startswith("<")


def _is_in_progress(response: Answer) -> bool:
    """Whether a 429 of a PUT of a certificate is about that certificate, and no rate limit."""
    headers = response.headers
    is_rate_limit = headers.get("X-RateLimit-Remaining") == "0" or "Retry-After" in headers
    return not is_rate_limit and "in progress" in _reason(response).casefold()


def _until_reset(response: Answer) -> float | None:
    """Seconds until the time in ``X-RateLimit-Reset``, by the server's own clock."""
    reset = response.headers.get("X-RateLimit-Reset", "")
    if not _NUMBER.fullmatch(reset):
        return None
    now = _timestamp(response.headers.get("Date", ""))
    return max(0.0, int(reset) - (time.time() if now is None else now))


def _host(location: str) -> str:
    """The host and port in a URL, whether or not it is a valid one."""
    found = _AUTHORITY.match(location)
    return found[1].rpartition("@")[2] if found else ""


def _retry_after(response: Answer) -> float | None:
    """Seconds until the time in ``Retry-After``, which is a number of seconds or a date."""
    value = response.headers.get("Retry-After", "").strip()
    if _NUMBER.fullmatch(value):
        return float(value)
    date = _timestamp(value)
    return None if date is None else max(0.0, date - time.time())


def _timestamp(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return None
