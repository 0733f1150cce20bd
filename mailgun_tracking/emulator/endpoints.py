"""What each endpoint of the API does for an authenticated caller."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from functools import partial
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
    FieldParser,
    is_domain_name,
    parse_boolean,
    parse_integer,
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
    method: str = "GET"
    is_urlencoded: bool = False
    before: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """What the domain is overwritten with before a PUT changes it, see `Store.before_put`."""

    def domain(self) -> Domain:
        """Return the domain in the path, or reject the request if the caller cannot see it."""
        domain = self.store.visible_domain(self.caller, self.path["name"])
        if domain is None:
            raise Rejected(responses.message(404, "Domain not found"))
        return self._claimed(domain)

    @property
    def host(self) -> str:
        """The tracking host in the path."""
        return self.path["host"].lower()

    def domain_of_host(self) -> Domain:
        """Return the domain of the tracking host in the path, or reject the request."""
        domain = self.store.visible_domain_by_host(self.caller, self.host)
        if domain is None:
            raise Rejected(responses.description(404, "x509 cert not found"))
        return self._claimed(domain)

    def _claimed(self, domain: Domain) -> Domain:
        if self.method != "GET":
            self.store.claim(domain)
        return domain

    def require_form(self) -> None:
        """Reject the request if it has no fields; Mailgun's file requires a body of every PUT."""
        if not self.form:
            raise BadForm("the form is missing")

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a boolean of the query."""
        return bool(_parsed(self.query, name, parse_boolean, default))


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
            call.require_form()
            changes = parse_fields(call.form, parsers)
            if changes:
                domain.restore(call.before)
                domain.section(name).update(changes)
                store.save()
            return JSONResponse(responses.tracking_updated(domain, name, store.dials))

    return put


# --- domains ---


def get_domain(call: Call) -> Response:
    """GET /v4/domains/{name}; `h:with_dns` and `h:extended` are what Mailgun's clients send."""
    with_dns = call.flag("h:with_dns", default=True)
    extended = call.flag("h:extended", default=False)
    with call.store.lock:
        domain = call.domain()
    details = _details(call.store, domain)
    if extended:
        details["domain"].update(responses.extended_fields(domain))
    return JSONResponse(details if with_dns else {"domain": details["domain"]})


def put_domain(call: Call) -> Response:
    """PUT /v4/domains/{name}; like Mailgun, accepts https without a certificate."""
    store = call.store
    with store.lock:
        domain = call.domain()
        call.require_form()
        if not call.is_urlencoded or store.dials.domain_put_urlencoded == "applied":
            _apply(domain, call.form, call.before)
            store.save()
    return JSONResponse({"message": "Domain has been updated", **_details(store, domain)})


def verify_domain(call: Call) -> Response:
    """PUT /v4/domains/{name}/verify: checks DNS again, as every request here does anyway."""
    with call.store.lock:
        domain = call.domain()
    text = "Domain DNS records have been updated"
    return JSONResponse({"message": text, **_details(call.store, domain)})


def list_domains(call: Call) -> Response:
    """GET /v4/domains."""
    query, store = call.query, call.store
    limit = _parsed(
        query, "limit", partial(parse_integer, minimum=1, maximum=MAX_PAGE_SIZE), default=100
    )
    skip = _parsed(query, "skip", partial(parse_integer, minimum=0), default=0)
    state = _parsed(query, "state", _one_of("active", "unverified", "disabled"), default=None)
    sort = _parsed(query, "sort", _one_of("name", "name:asc", "name:desc"), default=None)
    search = query.get("search", "").lower()
    for name in ("authority", "include_subaccounts"):
        if name in query:
            raise Rejected(responses.message(501, f"The emulator has no filter {name}"))
    with store.lock:
        found = [d for d in store.visible_domains(call.caller) if search in d.name]
        if sort is None:
            found.sort(key=lambda domain: domain.created_at, reverse=True)
        elif sort == "name:desc":
            found.reverse()
        items = [responses.domain_item(domain, store.dials) for domain in found]
    items = [item for item in items if state in (None, item["state"])]
    return JSONResponse({"total_count": len(items), "items": items[skip : skip + limit]})


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


def _apply(
    domain: Domain, form: Mapping[str, str], before: Mapping[str, Any] | None = None
) -> None:
    web = parse_fields(form, WEB_FIELDS)
    options = parse_fields(form, OPTION_FIELDS)
    domain.restore(before or {})
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


def _parsed(query: Mapping[str, str], name: str, parse: FieldParser, default: Any) -> Any:
    return parse_fields(query, {name: parse}).get(name, default)


def _one_of(*allowed: str) -> FieldParser:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(text)
        return text

    return parse


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
        if status == "error" and call.store.dials.put_after_error == "conflict":
            text = f"x509 certificate of {call.host} has not expired"
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


# --- subaccounts ---


def list_subaccounts(call: Call) -> Response:
    """GET /v5/accounts/subaccounts; every account has all of them, and each is named as its id."""
    query = call.query
    limit = _parsed(
        query, "limit", partial(parse_integer, minimum=1, maximum=MAX_PAGE_SIZE), default=10
    )
    skip = _parsed(query, "skip", partial(parse_integer, minimum=0), default=0)
    sort = _parsed(query, "sort", _one_of("asc", "desc"), default="asc")
    for name in ("closed", "enabled"):
        if name in query:
            raise Rejected(responses.message(501, f"The emulator has no filter {name}"))
    if call.caller.subaccount is not None:
        return responses.message(403, "Forbidden")
    ids = sorted(call.store.subaccounts, reverse=sort == "desc")
    found = [responses.subaccount(id_) for id_ in ids if query.get("filter", "") in id_]
    return JSONResponse({"subaccounts": found[skip : skip + limit], "total": len(found)})


_DOMAINS: dict[str, Endpoint] = {"GET": list_domains, "POST": post_domain}
_DOMAIN: dict[str, Endpoint] = {"GET": get_domain, "PUT": put_domain}

ROUTES: dict[str, dict[str, Endpoint]] = {
    "/v3/domains/{name}/tracking": {"GET": get_tracking},
    **{f"/v3/domains/{{name}}/tracking/{name}": {"PUT": put_section(name)} for name in SECTIONS},
    "/v2/x509/{host}/status": {"GET": get_certificate},
    "/v2/x509/{host}": {"POST": post_certificate, "PUT": put_certificate},
    "/v4/domains": _DOMAINS,
    "/v4/domains/{name}": _DOMAIN,
    "/v4/domains/{name}/verify": {"PUT": verify_domain},
    "/v5/accounts/subaccounts": {"GET": list_subaccounts},
    # DELETE is only documented under /v3. Mailgun's own clients still use /v3 for the rest too.
    "/v3/domains": _DOMAINS,
    "/v3/domains/{name}": {**_DOMAIN, "DELETE": delete_domain},
    "/v3/domains/{name}/verify": {"PUT": verify_domain},
}
