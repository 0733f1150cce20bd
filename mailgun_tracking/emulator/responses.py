"""The bodies of Mailgun's responses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import format_datetime
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

from .certificates import Certificate
from .dials import Dials
from .domains import CNAME_VALUES, SECTIONS, Domain

TRACKING_UPDATED = "Domain tracking settings have been updated"
WAITING = "Waiting for x509 key pair generation"
EXPIRED = "x509 certificate has expired"


def message(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return an error, or a short confirmation, as most of the API formats it."""
    return JSONResponse({"message": text}, status, headers=headers)


def reason(status: int, text: str) -> Response:
    """Return an error as x509 formats a 400 or 402."""
    return JSONResponse({"Reason": text}, status)


def description(status: int, text: str) -> Response:
    """Return an error as x509 formats a 404, 409 or 429."""
    return JSONResponse({"Description": text}, status)


def unauthorized(dials: Dials) -> Response:
    """Return the response to a wrong or missing key."""
    headers = {"WWW-Authenticate": 'Basic realm="MG API"'}
    if dials.unauthorized_body == "text":
        return PlainTextResponse("Forbidden", 401, headers=headers)
    return message(401, "Invalid private key", headers)


def forbidden(dials: Dials) -> Response:
    """Return the response to a key whose role does not allow the request."""
    if dials.role_refusal == "unauthorized":
        return PlainTextResponse("Forbidden", 401)
    return message(403, "Forbidden")


def section(domain: Domain, name: str, dials: Dials) -> dict[str, Any]:
    """Return a section of the tracking settings, as modified by the dials."""
    shown: dict[str, Any] = {}
    for field, value in domain.section(name).items():
        if name == "open" and field != "active" and dials.open_answer == "active_only":
            continue
        if value == "htmlonly" and dials.htmlonly_reads_as == "true":
            value = True
        if isinstance(value, bool) and dials.booleans == "yes_no":
            value = "yes" if value else "no"
        if field.endswith("_footer"):
            value = _footer(value, dials)
            if not value and dials.empty_footer == "missing":
                continue
        shown[field] = value
    return shown


def tracking(domain: Domain, dials: Dials) -> dict[str, Any]:
    """Return all tracking settings."""
    shown: dict[str, Any] = {name: section(domain, name, dials) for name in SECTIONS}
    if dials.tracking_web_scheme == "present":
        shown["web_scheme"] = domain.web_scheme
    return {"tracking": shown}


def tracking_updated(domain: Domain, name: str, dials: Dials) -> dict[str, Any]:
    """Return the response to a PUT of a section."""
    shown: dict[str, Any] = {"message": TRACKING_UPDATED}
    if dials.put_answers == "section":
        shown[name] = section(domain, name, dials)
    return shown


def domain_item(domain: Domain, dials: Dials) -> dict[str, Any]:
    """Return a domain as lists and single responses contain it."""
    shown: dict[str, Any] = {
        "created_at": format_datetime(domain.created_at, usegmt=True),
        "is_disabled": domain.state == "disabled",
        "name": domain.name,
        "require_tls": False,
        "skip_verification": False,
        "smtp_login": f"postmaster@{domain.name}",
        "spam_action": "disabled",
        "state": domain.state,
        "type": domain.type,
        "use_automatic_sender_security": False,
        "wildcard": False,
        "encrypt_incoming_message": False,
        "message_ttl": 259200,
        "web_scheme": domain.web_scheme,
        **{name: value for name, value in domain.options.items() if name != "mailfrom_host"},
    }
    if domain.state == "disabled":
        shown["disabled"] = {
            "code": "disabled",
            "note": "",
            "permanently": True,
            "reason": domain.disabled_reason,
        }
    if dials.domain_id == "present":
        shown["id"] = domain.id
    if dials.domain_web_prefix == "present":
        shown["web_prefix"] = domain.web_prefix
    if dials.domain_tracking_host != "missing" or domain.custom_host:
        shown["tracking_host"] = domain.tracking_host
    if domain.subaccount is not None:
        shown["subaccount_id"] = domain.subaccount
    return shown


def subaccount(id_: str) -> dict[str, Any]:
    """Return a subaccount as lists contain it."""
    moment = format_datetime(datetime(2024, 11, 6, 19, 48, 29, tzinfo=timezone.utc), usegmt=True)
    return {
        "id": id_,
        "name": id_,
        "created_at": moment,
        "updated_at": moment,
        "status": "open",
    }


def extended_fields(domain: Domain) -> dict[str, Any]:
    """Return what the domain contains in addition with `h:extended`."""
    return {
        "dkim_host": f"mx._domainkey.{domain.name}",
        "mailfrom_host": domain.options.get("mailfrom_host", domain.name),
        "pod": "emulated",
    }


def domain_details(
    domain: Domain, dials: Dials, cname_is_valid: bool, cname_target: str | None = None
) -> dict[str, Any]:
    """Return a domain and its DNS records."""
    value = CNAME_VALUES[domain.region]
    mail_servers = [f"mx{letter}.{value}" for letter in "ab"]
    spf = f"v=spf1 include:{value} ~all"
    dkim = "k=rsa; p=emulated"
    return {
        "domain": domain_item(domain, dials),
        "receiving_dns_records": [
            {
                "is_active": True,
                "cached": [f"10 {mail_server}" for mail_server in mail_servers],
                "priority": "10",
                "record_type": "MX",
                "valid": "valid",
                "value": mail_server,
            }
            for mail_server in mail_servers
        ],
        "sending_dns_records": [
            _record("TXT", domain.name, spf),
            _record("TXT", f"mx._domainkey.{domain.name}", dkim),
            _record("CNAME", domain.tracking_host, cname_target or value, cname_is_valid),
        ],
    }


def certificate_status(certificate: Certificate, now: datetime) -> dict[str, Any]:
    """Return the status of a certificate, with its PEM unless it is still being issued."""
    status = certificate.status(now)
    texts = {"processing": WAITING, "active": None, "expired": EXPIRED}
    shown: dict[str, Any] = {"status": status, "error": texts.get(status, certificate.error)}
    if status != "processing" and certificate.pem is not None:
        shown["certificate"] = certificate.pem
    return shown


def go_time(moment: datetime) -> str:
    """Format a time as Go does: `2009-11-10 23:00:00 +0000 UTC`."""
    return moment.strftime("%Y-%m-%d %H:%M:%S +0000 UTC")


def _footer(text: str, dials: Dials) -> str:
    if dials.footer_newlines == "stripped":
        return text.strip()
    if dials.footer_newlines == "crlf":
        return text.replace("\r\n", "\n").replace("\n", "\r\n")
    return text


def _record(record_type: str, name: str, value: str, valid: bool = True) -> dict[str, Any]:
    return {
        "is_active": True,
        "cached": [value] if valid else [],
        "name": name,
        "record_type": record_type,
        "valid": "valid" if valid else "unknown",
        "value": value,
    }
