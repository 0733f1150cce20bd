"""The emulator as an ASGI application: authentication, recording, faults, latency, routing."""

from __future__ import annotations

import asyncio
import base64
import binascii
import sys
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from . import responses
from .accounts import Caller, may_call
from .control import PREFIX as CONTROL_PREFIX
from .control import Control
from .domains import REGIONS, Region
from .endpoints import ROUTES, Call, Endpoint, Rejected
from .faults import Fault, Faults
from .forms import URLENCODED, BadForm, media_type, read_body, read_form
from .history import SECRET_FIELDS, History, RecordedRequest
from .not_emulated import is_not_emulated
from .store import Store

_CALL = "mailgun_emulator.call"

PUT_SECONDS = 0.05
"""How long a PUT takes at least, where the change of a parallel one gets lost."""


class Application:
    """Mailgun's API and, under a path of its own, the control API."""

    def __init__(
        self,
        store: Store,
        history: History,
        faults: Faults,
        control_token: str,
        on_response: Callable[[RecordedRequest], None] | None = None,
    ) -> None:
        """Build the application.

        Args:
            store: the state.
            history: where requests are recorded.
            faults: the failures to inject.
            control_token: what the control API asks for.
            on_response: called for each request to the API after its response was sent, or its
                connection dropped.
        """
        self.closing = asyncio.Event()
        """Set when the server stops; delayed requests are then dropped."""
        self._store = store
        self._history = history
        self._faults = faults
        self._on_response = on_response
        self._api = _api(store)
        self._control = Control(store, history, faults, control_token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            return
        try:
            if scope["path"].startswith(CONTROL_PREFIX):
                await self._control(scope, receive, send)
            else:
                await self._record_and_handle(scope, receive, send)
        except Exception as error:
            self._store.errors.append(error)
            traceback.print_exception(error, file=sys.stderr)

    async def _record_and_handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        region, path = _split_region(scope["path"], self._store.region)
        scope = {**scope, "path": path, "raw_path": path.encode()}
        headers = Headers(scope=scope)
        key = _key(headers.get("authorization", ""))
        account = None if key is None else self._store.accounts.owner_of(key)
        form: dict[str, str] = {}
        form_error: BadForm | None = None
        # Nobody without a key can make the server hold a body.
        if account is not None and scope["method"] in ("PUT", "POST"):
            try:
                body = await read_body(receive)
                if body is None:
                    return
                form = await read_form(scope, body)
            except BadForm as error:
                form_error = error
        record = RecordedRequest(
            method=scope["method"],
            path=path,
            region=region,
            status=None,
            form={name: "***" if name in SECRET_FIELDS else form[name] for name in form},
            at=datetime.now(timezone.utc),
            account=account,
            on_behalf_of=headers.get("x-mailgun-on-behalf-of"),
            user_agent=headers.get("user-agent"),
            query=dict(parse_qsl(scope["query_string"].decode("latin-1"))),
        )
        # Requests with faults are recorded too.
        self._history.add(record)
        before = self._store.before_put(region, record.method, path)
        scope[_CALL] = (region, record, form, form_error, before)
        try:
            await self._handle(scope, receive, send, record)
        finally:
            if self._on_response is not None:
                self._on_response(record)

    async def _handle(
        self, scope: Scope, receive: Receive, send: Send, record: RecordedRequest
    ) -> None:
        fault = self._faults.next_match(record.method, record.path)
        delay = self._store.settings.latency_seconds + (fault.delay_seconds if fault else 0)
        *_, before = scope[_CALL]
        if before:
            delay += PUT_SECONDS
        if delay and not await self._delay(delay):
            await _drop(scope, receive)
            return
        if fault is None:
            await self._api(scope, receive, _recording(send, record))
            return
        if fault.cut_off or fault.drip_seconds:
            send = self._hampering(send, scope, receive, fault)
        if not fault.replaces_response:
            await self._api(scope, receive, _recording(send, record, fault.headers))
            return
        if fault.carried_out:
            await self._api(scope, receive, _discard)
        if fault.drop_connection:
            await _drop(scope, receive)
        else:
            await _fault_response(fault)(scope, receive, _recording(send, record))

    def _hampering(self, send: Send, scope: Scope, receive: Receive, fault: Fault) -> Send:
        """Return a `send` that sends a body byte by byte, or half of it and nothing after."""
        transport = scope["state"]["transport"]

        async def hamper(message: Message) -> None:
            if message["type"] != "http.response.body":
                await send(message)
                return
            body = message.get("body", b"")
            if fault.cut_off:
                body = body[: len(body) // 2]
            size = 1 if fault.drip_seconds else len(body)
            for start in range(0, len(body), max(size, 1)):
                if not await self._delay(fault.drip_seconds) or transport.is_closing():
                    break
                await send({**message, "body": body[start : start + size], "more_body": True})
            else:
                if not fault.cut_off:
                    await send({**message, "body": b""})
                    return
            transport.close()
            await _disconnected(receive)

        return hamper

    async def _delay(self, seconds: float) -> bool:
        """Wait, and return whether the server is still running."""
        try:
            await asyncio.wait_for(self.closing.wait(), seconds)
        except asyncio.TimeoutError:
            return True
        return False


def _api(store: Store) -> Starlette:
    async def not_found(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException) and error.status_code == 405:
            return responses.message(405, "Method Not Allowed", error.headers)
        if is_not_emulated(request.url.path):
            text = (
                f"The emulator does not have {request.method} {request.url.path}, only domains, "
                "their tracking settings and their certificates"
            )
            return responses.message(501, text)
        return responses.message(404, "Not Found")

    async def server_error(request: Request, error: Exception) -> Response:
        return responses.message(500, "Internal Server Error")

    routes = []
    for path, endpoints in ROUTES.items():
        route = Route(path, _route(store, endpoints), methods=list(endpoints))
        if route.methods is not None:
            # Starlette adds HEAD to GET.
            route.methods.intersection_update(endpoints)
        routes.append(route)
    application = Starlette(
        routes=routes,
        exception_handlers={404: not_found, 405: not_found, Exception: server_error},
    )
    application.router.redirect_slashes = False
    return application


def _route(store: Store, endpoints: Mapping[str, Endpoint]) -> Callable[[Request], object]:
    async def respond(request: Request) -> Response:
        region, record, form, form_error, before = request.scope[_CALL]
        if record.account is None:
            return responses.unauthorized(store.dials)
        too_many = store.rate_limit.rejection(record.account, store.settings)
        if too_many is not None:
            return too_many
        role = store.settings.roles.get(record.account, "admin")
        if not may_call(role, request.method):
            return responses.forbidden(store.dials)
        subaccount = record.on_behalf_of or None
        if subaccount is not None and subaccount not in store.subaccounts:
            return responses.message(403, "Subaccount not found")
        if form_error is not None and not request.url.path.startswith("/v2/x509/"):
            return responses.message(form_error.status, str(form_error))
        caller = Caller(region, record.account, subaccount)
        call = Call(
            store,
            caller,
            request.path_params,
            record.query,
            form,
            method=request.method,
            is_urlencoded=media_type(request.headers) == URLENCODED,
            before=before,
        )
        endpoint = endpoints[request.method]
        try:
            if store.cname_records.may_block:
                return await run_in_threadpool(endpoint, call)
            return endpoint(call)
        except Rejected as rejected:
            return rejected.response
        except BadForm as error:
            return responses.message(400, str(error))

    return respond


def _split_region(path: str, default: Region) -> tuple[Region, str]:
    for region in REGIONS:
        if path.startswith(f"/{region}/"):
            return region, path[len(region) + 1 :]
    return default, path


def _key(authorization: str) -> str | None:
    """Return the password of HTTP basic authentication, if the user is `api`."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, key = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return None
    return key if user == "api" else None


def _recording(
    send: Send, record: RecordedRequest, extra_headers: Mapping[str, str] | None = None
) -> Send:
    """Return a `send` that records the status of the response and adds headers to it."""
    extra = {name.lower(): str(value) for name, value in (extra_headers or {}).items()}

    async def record_and_send(message: Message) -> None:
        if message["type"] == "http.response.start":
            record.status = message["status"]
            kept = [
                (name, value)
                for name, value in message["headers"]
                if name.decode("latin-1") not in extra
            ]
            added = [
                (name.encode("latin-1"), value.encode("latin-1")) for name, value in extra.items()
            ]
            message = {**message, "headers": kept + added}
        await send(message)

    return record_and_send


async def _discard(message: Message) -> None:
    return


def _fault_response(fault: Fault) -> Response:
    content, content_type = fault.content()
    headers = {
        "content-type": content_type,
        **{name.lower(): str(value) for name, value in fault.headers.items()},
    }
    return Response(content, fault.status or 500, headers=headers)


async def _drop(scope: Scope, receive: Receive) -> None:
    """Close the connection without a response; the server puts the transport into the state."""
    scope["state"]["transport"].abort()
    await _disconnected(receive)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
