"""The control API: JSON under `/_emulator/`, separate from the paths of Mailgun's API.

It has a token of its own, shows no key, and is not affected by latency and faults. Web pages
must not reach it: neither by a browser's requests to this machine, nor under a name that resolves
to it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from .accounts import Caller
from .certificates import CertificateSpec
from .dials import allowed_settings
from .domains import Domain, Region, parse_region
from .errors import InvalidSetting, UnknownDomain
from .faults import Fault, Faults
from .forms import BodyTooLarge, read_body
from .history import History
from .serving import is_loopback
from .spoiling import Spoil, Spoiler
from .store import Store

PREFIX = "/_emulator/"

Handler = Callable[[Request], Awaitable[Any]]


class Control:
    """Offers over HTTP what `Emulator` offers in Python."""

    def __init__(self, store: Store, history: History, faults: Faults, token: str) -> None:
        """Store what is to be controlled, and the token that requests must have."""
        self._store = store
        self._history = history
        self._faults = faults
        self._authorization = f"Bearer {token}"
        self._routes = self._application()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        application = self._refusal(Headers(scope=scope)) or self._routes
        await application(scope, receive, send)

    def _refusal(self, headers: Headers) -> JSONResponse | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if not _names_this_machine(host) or origin not in (None, f"http://{host}"):
            return JSONResponse({"message": "foreign Host or Origin"}, 403)
        given = headers.get("authorization", "").encode()
        if not secrets.compare_digest(given, self._authorization.encode()):
            text = "the control API needs its token, as `Authorization: Bearer TOKEN`"
            return JSONResponse({"message": text}, 401)
        return None

    def _application(self) -> Starlette:
        table: list[tuple[str, str, Handler]] = [
            ("GET", "requests", self._get_requests),
            ("DELETE", "requests", self._clear_requests),
            ("GET", "state", self._get_state),
            ("POST", "domains", self._add_domain),
            ("PATCH", "domains/{region}/{name}", self._change_domain),
            ("DELETE", "domains/{region}/{name}", self._remove_domain),
            ("GET", "dials", self._get_dials),
            ("PATCH", "dials", self._change_dials),
            ("GET", "settings", self._get_settings),
            ("PATCH", "settings", self._change_settings),
            ("GET", "faults", self._get_faults),
            ("POST", "faults", self._add_fault),
            ("DELETE", "faults", self._clear_faults),
            ("GET", "spoil", self._get_spoil),
            ("PUT", "spoil", self._spoil),
            ("DELETE", "spoil", self._stop_spoiling),
            ("POST", "certificates/{host}", self._set_certificate),
            ("POST", "reset", self._reset),
        ]
        return Starlette(
            routes=[
                Route(PREFIX + path, _json_route(handler), methods=[method])
                for method, path, handler in table
            ]
        )

    async def _get_requests(self, request: Request) -> Any:
        return [recorded.as_json() for recorded in self._history.all()]

    async def _clear_requests(self, request: Request) -> Any:
        self._history.clear()
        return {}

    async def _get_state(self, request: Request) -> Any:
        return {
            "region": self._store.region,
            "domains": [_domain_json(domain) for domain in self._store.domains()],
        }

    async def _add_domain(self, request: Request) -> Any:
        data = await _body(request)
        name = data.pop("name", "")
        region = parse_region(data.pop("region", self._store.region))
        account = data.pop("account", self._store.accounts.default)
        subaccount = data.pop("subaccount", None)
        if not isinstance(account, str) or not isinstance(subaccount, (str, type(None))):
            raise InvalidSetting("account and subaccount must be strings")
        return _domain_json(self._store.add(str(name), Caller(region, account, subaccount), data))

    async def _change_domain(self, request: Request) -> Any:
        changes = await _body(request)
        with self._store.lock:
            domain = self._store.find(request.path_params["name"], _region(request))
            domain.change_settings(changes)
            self._store.save()
            return _domain_json(domain)

    async def _remove_domain(self, request: Request) -> Any:
        with self._store.lock:
            self._store.remove(self._store.find(request.path_params["name"], _region(request)))
        return {}

    async def _get_dials(self, request: Request) -> Any:
        return {name: getattr(self._store.dials, name) for name in allowed_settings()}

    async def _change_dials(self, request: Request) -> Any:
        self._store.change_dials(await _body(request))
        return await self._get_dials(request)

    async def _get_settings(self, request: Request) -> Any:
        return self._store.settings.as_json()

    async def _change_settings(self, request: Request) -> Any:
        self._store.change_settings(await _body(request))
        return await self._get_settings(request)

    async def _get_faults(self, request: Request) -> Any:
        return self._faults.as_json()

    async def _add_fault(self, request: Request) -> Any:
        self._faults.add(Fault.from_json(await _body(request)))
        return await self._get_faults(request)

    async def _clear_faults(self, request: Request) -> Any:
        self._faults.clear()
        return {}

    async def _get_spoil(self, request: Request) -> Any:
        spoiler = self._faults.spoiler
        return spoiler.as_json() if spoiler else {}

    async def _spoil(self, request: Request) -> Any:
        self._faults.spoil(Spoiler(Spoil.from_json(await _body(request))))
        return await self._get_spoil(request)

    async def _stop_spoiling(self, request: Request) -> Any:
        self._faults.spoil(None)
        return {}

    async def _set_certificate(self, request: Request) -> Any:
        data = await _body(request)
        region = parse_region(data.pop("region", self._store.region))
        spec = CertificateSpec.from_json(data)
        host = request.path_params["host"]
        with self._store.lock:
            domain = self._store.find_by_host(host, region)
            self._store.set_certificate(domain, host, spec)
            return _domain_json(domain)

    async def _reset(self, request: Request) -> Any:
        self._store.reset()
        self._faults.clear()
        self._history.clear()
        return {}


def _json_route(handler: Handler) -> Callable[[Request], Awaitable[JSONResponse]]:
    async def respond(request: Request) -> JSONResponse:
        try:
            return JSONResponse(await handler(request))
        except UnknownDomain as error:
            return JSONResponse({"message": str(error)}, 404)
        except BodyTooLarge as error:
            return JSONResponse({"message": str(error)}, 413)
        except ValueError as error:
            return JSONResponse({"message": str(error)}, 400)

    return respond


async def _body(request: Request) -> dict[str, Any]:
    try:
        data = json.loads(await read_body(request.receive) or b"", parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidSetting(f"the body is not valid JSON: {error}") from error
    if not isinstance(data, dict):
        raise InvalidSetting("the body is not a JSON object")
    return data


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _names_this_machine(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    return name is not None and is_loopback(name)


def _region(request: Request) -> Region:
    return parse_region(request.path_params["region"])


def _domain_json(domain: Domain) -> dict[str, Any]:
    now = datetime.now(timezone.utc)
    data = domain.as_json()
    for host, certificate in domain.certificates.items():
        snapshot = certificate.snapshot(now)
        data["certificates"][host] = {
            "status": snapshot.status,
            "error": snapshot.error,
            "pem": snapshot.pem,
            "not_before": snapshot.not_before.isoformat() if snapshot.not_before else None,
            "not_after": snapshot.not_after.isoformat() if snapshot.not_after else None,
            "generation": snapshot.generation,
        }
    return data
