"""The control surface: JSON under `/_emulator/`, apart from every path of the API.

It needs no key, tells none, and is never slowed down or broken by latency and faults.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from .accounts import Caller
from .certificates import STATUSES, Status
from .dials import allowed_settings
from .domains import Domain, Region, region_named
from .faults import Fault, Faults
from .history import History
from .problems import InvalidSetting
from .store import Store, UnknownDomain

PREFIX = "/_emulator/"

Handler = Callable[[Request], Awaitable[Any]]


class Control:
    """What tests set and ask over HTTP; `Emulator` offers the same to Python."""

    def __init__(self, store: Store, history: History, faults: Faults) -> None:
        """Take what is controlled."""
        self._store = store
        self._history = history
        self._faults = faults

    def application(self) -> Starlette:
        """Give it as an ASGI application."""
        table: list[tuple[str, str, Handler]] = [
            ("GET", "requests", self._get_requests),
            ("DELETE", "requests", self._forget_requests),
            ("GET", "state", self._get_state),
            ("POST", "domains", self._add_domain),
            ("PATCH", "domains/{region}/{name}", self._drift),
            ("DELETE", "domains/{region}/{name}", self._remove_domain),
            ("GET", "dials", self._get_dials),
            ("PATCH", "dials", self._change_dials),
            ("GET", "settings", self._get_settings),
            ("PATCH", "settings", self._change_settings),
            ("GET", "faults", self._get_faults),
            ("POST", "faults", self._add_fault),
            ("DELETE", "faults", self._clear_faults),
            ("POST", "certificates/{host}", self._put_certificate),
            ("POST", "reset", self._reset),
        ]
        return Starlette(
            routes=[
                Route(PREFIX + path, _answering(handler), methods=[method])
                for method, path, handler in table
            ]
        )

    async def _get_requests(self, request: Request) -> Any:
        return [recorded.as_json() for recorded in self._history.all()]

    async def _forget_requests(self, request: Request) -> Any:
        self._history.forget()
        return {}

    async def _get_state(self, request: Request) -> Any:
        return {
            "region": self._store.region,
            "domains": [_shown(domain) for domain in self._store.domains()],
        }

    async def _add_domain(self, request: Request) -> Any:
        given = await _json(request)
        name = given.pop("name", "")
        region = region_named(given.pop("region", self._store.region))
        account = given.pop("account", self._store.accounts.default)
        caller = Caller(region, account, given.pop("subaccount", None))
        return _shown(self._store.add(str(name), caller, given))

    async def _drift(self, request: Request) -> Any:
        changes = await _json(request)
        with self._store.lock:
            domain = self._store.find(request.path_params["name"], _region(request))
            domain.set_by_hand(changes)
            self._store.save()
            return _shown(domain)

    async def _remove_domain(self, request: Request) -> Any:
        with self._store.lock:
            self._store.remove(self._store.find(request.path_params["name"], _region(request)))
        return {}

    async def _get_dials(self, request: Request) -> Any:
        return {name: getattr(self._store.dials, name) for name in allowed_settings()}

    async def _change_dials(self, request: Request) -> Any:
        self._store.change_dials(await _json(request))
        return await self._get_dials(request)

    async def _get_settings(self, request: Request) -> Any:
        return self._store.settings.as_json()

    async def _change_settings(self, request: Request) -> Any:
        self._store.change_settings(await _json(request))
        return await self._get_settings(request)

    async def _get_faults(self, request: Request) -> Any:
        return self._faults.as_json()

    async def _add_fault(self, request: Request) -> Any:
        self._faults.add(Fault.from_json(await _json(request)))
        return await self._get_faults(request)

    async def _clear_faults(self, request: Request) -> Any:
        self._faults.clear()
        return {}

    async def _put_certificate(self, request: Request) -> Any:
        given = await _json(request)
        region = region_named(given.pop("region", self._store.region))
        status = status_named(given.pop("status", None))
        values: dict[str, Any] = {
            "error": _optional(given, "error", str),
            "lifetime_seconds": _optional(given, "lifetime_seconds", float, int),
            "age_seconds": _optional(given, "age_seconds", float, int) or 0,
            "ready_after_seconds": _optional(given, "ready_after_seconds", float, int),
        }
        if given:
            raise InvalidSetting(f"a certificate has no field {next(iter(given))!r}")
        host = request.path_params["host"]
        with self._store.lock:
            domain = domain_above(self._store, host, region)
            self._store.put_certificate(domain, host, status, **values)
            return _shown(domain)

    async def _reset(self, request: Request) -> Any:
        self._store.reset()
        self._faults.clear()
        self._history.forget()
        return {}


def domain_above(store: Store, host: str, region: Region) -> Domain:
    """Give the domain that a tracking host belongs to, whatever its web prefix is now.

    Raises:
        UnknownDomain: there is none one label above `host`.
    """
    return store.find(host.partition(".")[2], region)


def status_named(text: object) -> Status | None:
    """Give the status of that name; None, or "none", is no certificate at all.

    Raises:
        InvalidSetting: there is no such status.
    """
    if text is None or text == "none":
        return None
    for status in STATUSES:
        if text == status:
            return status
    raise InvalidSetting(f"a certificate is {', '.join(STATUSES)} or none, not {text!r}")


def _answering(handler: Handler) -> Callable[[Request], Awaitable[JSONResponse]]:
    async def answer(request: Request) -> JSONResponse:
        try:
            return JSONResponse(await handler(request))
        except UnknownDomain as error:
            return JSONResponse({"message": str(error)}, 404)
        except ValueError as error:
            return JSONResponse({"message": str(error)}, 400)

    return answer


async def _json(request: Request) -> dict[str, Any]:
    try:
        given = json.loads(await request.body())
    except ValueError as error:
        raise InvalidSetting(f"the body is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise InvalidSetting("the body is not a JSON object")
    return given


def _region(request: Request) -> Region:
    return region_named(request.path_params["region"])


def _optional(given: dict[str, Any], name: str, *kinds: type) -> Any:
    value = given.pop(name, None)
    if value is not None and (not isinstance(value, kinds) or isinstance(value, bool)):
        raise InvalidSetting(f"{name} cannot be {value!r}")
    return value


def _shown(domain: Domain) -> dict[str, Any]:
    now = datetime.now(timezone.utc)
    shown = domain.as_json()
    for host, certificate in domain.certificates.items():
        snapshot = certificate.snapshot(now)
        shown["certificates"][host] = {
            "status": snapshot.status,
            "error": snapshot.error,
            "pem": snapshot.pem,
            "not_before": snapshot.not_before.isoformat() if snapshot.not_before else None,
            "not_after": snapshot.not_after.isoformat() if snapshot.not_after else None,
            "generation": snapshot.generation,
        }
    return shown
