"""What each endpoint of the API does for an authenticated caller."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from starlette.responses import JSONResponse, Response

from . import responses
from .accounts import Caller
from .certificates import Certificate
from .domains import (
    OPTION_FIELDS,
    SECTIONS,
    WEB_FIELDS,
    Domain,
    is_domain_name,
    section_parsers,
)
from .errors import DomainTaken
from .forms import BadForm, parse_fields
from .store import Store

MAX_PAGE_SIZE = 1000


@dataclasses.dataclass(frozen=True)
class Call:
    """A request, with everything that an endpoint needs to handle it."""

    store: Store
    caller: Caller
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]

    def domain(self) -> Domain:
        """Return the domain in the path, or reject the request if the caller cannot see it."""
        domain = self.store.visible_domain(self.caller, self.path["name"])
        if domain is None:
            raise Rejected(responses.message(404, "Domain not found"))
        return domain

    @property
    def host(self) -> str:
        """The tracking host in the path."""
        return self.path["host"].lower()

    def domain_of_host(self) -> Domain:
        """Return the domain of the tracking host in the path, or reject the request."""
        domain = self.store.visible_domain_by_host(self.caller, self.host)
        if domain is None:
            raise Rejected(responses.description(404, "x509 cert not found"))
        return domain


class Rejected(Exception):
    """The request is rejected; `response` is what the caller gets."""

    def __init__(self, response: Response) -> None:
        """Store the response."""
        super().__init__()
        self.response = response


Endpoint = Callable[[Call], Response]


# --- tracking settings ---


def get_tracking(call: Call) -> Response:
    """GET /v3/domains/{name}/tracking."""
    with call.store.lock:
        return JSONResponse(responses.tracking(call.domain(), call.store.dials))


def put_section(name: str) -> Endpoint:
    """Return the endpoint PUT /v3/domains/{name}/tracking/SECTION."""
    parsers = section_parsers(name)

    def put(call: Call) -> Response:
        store = call.store
        with store.lock:
            domain = call.domain()
            changes = parse_fields(call.form, parsers)
            if changes:
                domain.section(name).update(changes)
                store.save()
            return JSONResponse(responses.tracking_updated(domain, name, store.dials))

    return put


# --- domains ---


def get_domain(call: Call) -> Response:
    """GET /v4/domains/{name}."""
    with call.store.lock:
        domain = call.domain()
    return JSONResponse(_details(call.store, domain))


def put_domain(call: Call) -> Response:
    """PUT /v4/domains/{name}; like Mailgun, accepts https without a certificate."""
    with call.store.lock:
        domain = call.domain()
        _apply(domain, call.form)
        call.store.save()
    return JSONResponse({"message": "Domain has been updated", **_details(call.store, domain)})


def list_domains(call: Call) -> Response:
    """GET /v4/domains."""
    limit = _number(call.query, "limit", default=100, minimum=1, maximum=MAX_PAGE_SIZE)
    skip = _number(call.query, "skip", default=0, minimum=0, maximum=None)
    store = call.store
    with store.lock:
        found = store.visible_domains(call.caller)
        page = found[skip : skip + limit]
        items = [responses.domain_item(domain, store.dials) for domain in page]
    return JSONResponse({"total_count": len(found), "items": items})


def post_domain(call: Call) -> Response:
    """POST /v4/domains."""
    name = call.form.get("name", "")
    if not is_domain_name(name):
        raise BadForm(f"Invalid value {name!r} for parameter name")
    parse_fields(call.form, {**WEB_FIELDS, **OPTION_FIELDS})
    store = call.store
    with store.lock:
        try:
            domain = store.add(name, call.caller)
        except DomainTaken:
            raise BadForm("This domain name is already taken") from None
        _apply(domain, call.form)
        store.save()
    return JSONResponse({"message": "Domain has been created", **_details(store, domain)})


def delete_domain(call: Call) -> Response:
    """DELETE /v3/domains/{name}."""
    with call.store.lock:
        call.store.remove(call.domain())
    return responses.message(200, "Domain will be deleted in the background")


def _apply(domain: Domain, form: Mapping[str, str]) -> None:
    web = parse_fields(form, WEB_FIELDS)
    options = parse_fields(form, OPTION_FIELDS)
    for name, value in web.items():
        setattr(domain, name, value)
    domain.options.update(options)


def _details(store: Store, domain: Domain) -> dict[str, Any]:
    # Without the lock, since a DNS lookup may take long.
    cname_is_valid = store.cname_records.is_valid(domain.tracking_host)
    with store.lock:
        return responses.domain_details(
            domain, store.dials, cname_is_valid, store.settings.cname_target
        )


def _number(
    query: Mapping[str, str], name: str, *, default: int, minimum: int, maximum: int | None
) -> int:
    text = query.get(name)
    if text is None:
        return default
    try:
        number = int(text)
    except ValueError:
        number = None
    if number is None or number < minimum or (maximum is not None and number > maximum):
        raise BadForm(f"Invalid value {text!r} for parameter {name}")
    return number


# --- certificates ---


def get_certificate(call: Call) -> Response:
    """GET /v2/x509/{host}/status."""
    with call.store.lock:
        certificate = call.store.certificate(call.domain_of_host(), call.host)
        if certificate is None:
            return responses.description(
                404, f"Please initiate x509 key pair generation at POST /v2/x509/{call.host}"
            )
        now = datetime.now(timezone.utc)
        return JSONResponse(responses.certificate_status(certificate, now))


def post_certificate(call: Call) -> Response:
    """POST /v2/x509/{host}: issues the first certificate."""

    def check(certificate: Certificate | None) -> None:
        if certificate is None:
            return
        failed = certificate.status(datetime.now(timezone.utc)) == "error"
        if failed and call.store.dials.post_after_error == "accepted":
            return
        text = f"x509 key pair generation has already been initiated for {call.host}"
        raise Rejected(responses.description(409, text))

    return _start_issuing(call, check)


def put_certificate(call: Call) -> Response:
    """PUT /v2/x509/{host}: replaces a certificate that expired, or that could not be issued."""

    def check(certificate: Certificate | None) -> None:
        if certificate is None:
            raise Rejected(responses.description(404, "x509 cert not found"))
        status = certificate.status(datetime.now(timezone.utc))
        if status == "processing":
            text = f"x509 key pair generation job is already in progress for {call.host}"
            raise Rejected(responses.description(429, text))
        if status == "active" and certificate.not_after is not None:
            until = responses.go_time(certificate.not_after)
            text = f"x509 certificate is still valid until {until}"
            raise Rejected(responses.description(409, text))

    return _start_issuing(call, check)


def _start_issuing(call: Call, check: Callable[[Certificate | None], None]) -> Response:
    store, host = call.store, call.host

    def checked_domain() -> Domain:
        domain = call.domain_of_host()
        if not store.settings.plan_has_certificates:
            raise Rejected(responses.reason(402, "upgrade your account to enable this feature"))
        check(store.certificate(domain, host))
        return domain

    with store.lock:
        checked_domain()
    # A DNS lookup may take long, so it runs without the lock; then everything is checked again.
    if not store.cname_records.is_valid(host):
        raise Rejected(responses.reason(400, "invalid CNAME record"))
    with store.lock:
        store.start_issuing(checked_domain(), host)
    return JSONResponse(
        {
            "message": "Initiated x509 key pair generation",
            "location": f"/v2/x509/{host}/status",
        },
        202,
    )


_DOMAINS: dict[str, Endpoint] = {"GET": list_domains, "POST": post_domain}
_DOMAIN: dict[str, Endpoint] = {"GET": get_domain, "PUT": put_domain, "DELETE": delete_domain}

ROUTES: dict[str, dict[str, Endpoint]] = {
    "/v3/domains/{name}/tracking": {"GET": get_tracking},
    **{f"/v3/domains/{{name}}/tracking/{name}": {"PUT": put_section(name)} for name in SECTIONS},
    "/v2/x509/{host}/status": {"GET": get_certificate},
    "/v2/x509/{host}": {"POST": post_certificate, "PUT": put_certificate},
    "/v4/domains": _DOMAINS,
    "/v4/domains/{name}": _DOMAIN,
    # DELETE is only documented under /v3. Mailgun's own clients still use /v3 for the rest too.
    "/v3/domains": _DOMAINS,
    "/v3/domains/{name}": _DOMAIN,
}
