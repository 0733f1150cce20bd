"""What each endpoint of the API does, once it is known who asks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from starlette.responses import JSONResponse, Response

from . import answers
from .accounts import Caller
from .certificates import Certificate
from .domains import (
    ADDRESS_FIELDS,
    OPTION_FIELDS,
    SECTION_FIELDS,
    Domain,
    is_domain_name,
)
from .forms import BadForm, parse_fields
from .store import DomainTaken, Store

MOST_DOMAINS_A_PAGE = 1000


@dataclasses.dataclass(frozen=True)
class Call:
    """One request, with all that an endpoint may look at."""

    store: Store
    caller: Caller
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]


Endpoint = Callable[[Call], Response]


def domain_not_found() -> Response:
    """Answer a domain that the caller does not see."""
    return answers.message(404, "Domain not found")


# --- tracking settings ---


def get_tracking(call: Call) -> Response:
    """GET /v3/domains/{name}/tracking."""
    store = call.store
    with store.lock:
        domain = store.visible(call.caller, call.path["name"])
        if domain is None:
            return domain_not_found()
        return JSONResponse(answers.tracking(domain, store.dials))


def put_section(name: str) -> Endpoint:
    """Make PUT /v3/domains/{name}/tracking/SECTION."""

    def put(call: Call) -> Response:
        store = call.store
        with store.lock:
            domain = store.visible(call.caller, call.path["name"])
            if domain is None:
                return domain_not_found()
            changes = parse_fields(call.form, SECTION_FIELDS[name])
            if changes:
                domain.section(name).update(changes)
                store.save()
            return JSONResponse(answers.tracking_updated(domain, name, store.dials))

    return put


# --- domains ---


def get_domain(call: Call) -> Response:
    """GET /v4/domains/{name}."""
    store = call.store
    with store.lock:
        domain = store.visible(call.caller, call.path["name"])
    return domain_not_found() if domain is None else JSONResponse(_details(store, domain))


def put_domain(call: Call) -> Response:
    """PUT /v4/domains/{name}; https needs no certificate here, which is the trap."""
    store = call.store
    with store.lock:
        domain = store.visible(call.caller, call.path["name"])
        if domain is None:
            return domain_not_found()
        _apply(domain, call.form)
        store.save()
    return JSONResponse({"message": "Domain has been updated", **_details(store, domain)})


def list_domains(call: Call) -> Response:
    """GET /v4/domains."""
    limit = _number(call.query, "limit", default=100, least=1, most=MOST_DOMAINS_A_PAGE)
    skip = _number(call.query, "skip", default=0, least=0, most=None)
    store = call.store
    with store.lock:
        found = store.visible_domains(call.caller)
        items = [answers.domain_item(domain, store.dials) for domain in found[skip : skip + limit]]
    return JSONResponse({"total_count": len(found), "items": items})


def post_domain(call: Call) -> Response:
    """POST /v4/domains."""
    name = call.form.get("name", "")
    if not is_domain_name(name):
        raise BadForm(f"Invalid value {name!r} for parameter name")
    parse_fields(call.form, {**ADDRESS_FIELDS, **OPTION_FIELDS})
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
    store = call.store
    with store.lock:
        domain = store.visible(call.caller, call.path["name"])
        if domain is None:
            return domain_not_found()
        store.remove(domain)
    return answers.message(200, "Domain will be deleted in the background")


def _apply(domain: Domain, form: Mapping[str, str]) -> None:
    addresses = parse_fields(form, ADDRESS_FIELDS)
    options = parse_fields(form, OPTION_FIELDS)
    for name, value in addresses.items():
        setattr(domain, name, value)
    domain.options.update(options)


def _details(store: Store, domain: Domain) -> dict[str, Any]:
    cname_is_valid = store.cname_records.is_valid(domain.tracking_host)
    with store.lock:
        return answers.domain_details(
            domain, store.dials, cname_is_valid, store.settings.cname_target
        )


def _number(
    query: Mapping[str, str], name: str, *, default: int, least: int, most: int | None
) -> int:
    text = query.get(name)
    if text is None:
        return default
    try:
        number = int(text)
    except ValueError:
        raise BadForm(f"Invalid value {text!r} for parameter {name}") from None
    if number < least or (most is not None and number > most):
        raise BadForm(f"Invalid value {text!r} for parameter {name}")
    return number


# --- certificates ---


def get_certificate(call: Call) -> Response:
    """GET /v2/x509/{host}/status."""
    store, host = call.store, call.path["host"].lower()
    with store.lock:
        domain = store.domain_of_host(call.caller, host)
        if domain is None:
            return answers.description(404, "x509 cert not found")
        certificate = store.certificate(domain, host)
        if certificate is None:
            return answers.description(
                404, f"Please initiate x509 key pair generation at POST /v2/x509/{host}"
            )
        now = datetime.now(timezone.utc)
        return JSONResponse(answers.certificate_status(certificate, now))


def post_certificate(call: Call) -> Response:
    """POST /v2/x509/{host}: makes the first certificate."""

    def refusal(certificate: Certificate | None) -> Response | None:
        if certificate is None:
            return None
        failed = certificate.status(datetime.now(timezone.utc)) == "error"
        if failed and call.store.dials.post_after_error == "accepted":
            return None
        return answers.description(
            409,
            f"x509 key pair generation has already been initiated for {certificate.host}",
        )

    return _start_generation(call, refusal)


def put_certificate(call: Call) -> Response:
    """PUT /v2/x509/{host}: makes another one in place of one that expired or failed."""

    def refusal(certificate: Certificate | None) -> Response | None:
        if certificate is None:
            return answers.description(404, "x509 cert not found")
        status = certificate.status(datetime.now(timezone.utc))
        if status == "processing":
            return answers.description(
                429,
                "x509 key pair generation job is already in progress for " + certificate.host,
            )
        if status == "active" and certificate.not_after is not None:
            until = answers.go_time(certificate.not_after)
            return answers.description(409, f"x509 certificate is still valid until {until}")
        return None

    return _start_generation(call, refusal)


def _start_generation(
    call: Call, refusal: Callable[[Certificate | None], Response | None]
) -> Response:
    store, host = call.store, call.path["host"].lower()

    def refused() -> Response | Domain:
        domain = store.domain_of_host(call.caller, host)
        if domain is None:
            return answers.description(404, "x509 cert not found")
        if not store.settings.plan_has_certificates:
            return answers.reason(402, "upgrade your account to enable this feature")
        return refusal(store.certificate(domain, host)) or domain

    with store.lock:
        found = refused()
    if isinstance(found, Response):
        return found
    # Asking DNS may take long, so the lock is not held; all is then looked at once more.
    if not store.cname_records.is_valid(host):
        return answers.reason(400, "invalid CNAME record")
    with store.lock:
        found = refused()
        if isinstance(found, Response):
            return found
        store.generate(found, host)
    return JSONResponse(
        {
            "message": "Initiated x509 key pair generation",
            "location": f"/v2/x509/{host}/status",
        },
        202,
    )


ROUTES: dict[str, dict[str, Endpoint]] = {
    "/v3/domains/{name}/tracking": {"GET": get_tracking},
    "/v3/domains/{name}/tracking/click": {"PUT": put_section("click")},
    "/v3/domains/{name}/tracking/open": {"PUT": put_section("open")},
    "/v3/domains/{name}/tracking/unsubscribe": {"PUT": put_section("unsubscribe")},
    "/v2/x509/{host}/status": {"GET": get_certificate},
    "/v2/x509/{host}": {"POST": post_certificate, "PUT": put_certificate},
    "/v4/domains": {"GET": list_domains, "POST": post_domain},
    "/v4/domains/{name}": {
        "GET": get_domain,
        "PUT": put_domain,
        "DELETE": delete_domain,
    },
    # Mailgun's delete stands here alone; its own clients still read and write here too.
    "/v3/domains": {"GET": list_domains, "POST": post_domain},
    "/v3/domains/{name}": {
        "GET": get_domain,
        "PUT": put_domain,
        "DELETE": delete_domain,
    },
}
