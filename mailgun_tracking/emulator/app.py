"""The emulator as an ASGI application: region, record, faults, latency, key, endpoint."""

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

from . import answers
from .accounts import Caller
from .control import PREFIX as CONTROL_PREFIX
from .control import Control
from .domains import REGIONS, Region
from .endpoints import ROUTES, Call, Endpoint
from .faults import Fault, Faults
from .forms import BadForm, read_body, read_form
from .history import SECRET_FIELDS, History, RecordedRequest
from .store import Store

_CALL = "mailgun_emulator.call"


class Application:
    """Mailgun's API and, apart from its paths, the control surface."""

    def __init__(
        self,
        store: Store,
        history: History,
        faults: Faults,
        on_answer: Callable[[RecordedRequest], None] | None = None,
    ) -> None:
        """Put the application together.

        Args:
            store: the state.
            history: where requests are recorded.
            faults: what goes wrong on request.
            on_answer: is called for each request to the API once it was answered or dropped.
        """
        self.closing = asyncio.Event()
        """Set when the server ends: requests that are held back are then dropped."""
        self._store = store
        self._history = history
        self._faults = faults
        self._on_answer = on_answer
        self._api = _api(store)
        self._control = Control(store, history, faults).application()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            if scope["path"].startswith(CONTROL_PREFIX):
                await self._control(scope, receive, send)
            else:
                await self._answer(scope, receive, send)
        except Exception as error:
            self._store.errors.append(error)
            traceback.print_exception(error, file=sys.stderr)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        region, path = _split_region(scope["path"], self._store.region)
        body = await read_body(receive)
        if body is None:
            return
        # Faults hide nothing: what they befall is recorded too.
        scope = {**scope, "path": path, "raw_path": path.encode()}
        headers = Headers(scope=scope)
        form, bad_form = await _form(scope, body)
        key = _key(headers.get("authorization", ""))
        record = RecordedRequest(
            method=scope["method"],
            path=path,
            region=region,
            status=None,
            form={name: "***" if name in SECRET_FIELDS else form[name] for name in form},
            at=datetime.now(timezone.utc),
            account=None if key is None else self._store.accounts.owner_of(key),
            on_behalf_of=headers.get("x-mailgun-on-behalf-of"),
            user_agent=headers.get("user-agent"),
            query=dict(parse_qsl(scope["query_string"].decode("latin-1"))),
        )
        self._history.add(record)
        scope[_CALL] = (region, record, form, bad_form)
        try:
            await self._carry_out(scope, receive, send, record)
        finally:
            if self._on_answer is not None:
                self._on_answer(record)

    async def _carry_out(
        self, scope: Scope, receive: Receive, send: Send, record: RecordedRequest
    ) -> None:
        fault = self._faults.befalling(record.method, record.path)
        pause = self._store.settings.latency_seconds + (fault.delay_seconds if fault else 0)
        if pause and not await self._pause(pause):
            await _drop(scope, receive)
            return
        if fault is None:
            await self._api(scope, receive, _noting(send, record))
            return
        if fault.carried_out or not fault.replaces_answer:
            swallow = fault.replaces_answer
            await self._api(
                scope,
                receive,
                _nowhere if swallow else _noting(send, record, fault.headers),
            )
        if fault.drop_connection:
            await _drop(scope, receive)
        elif fault.replaces_answer:
            await _fault_answer(fault)(scope, receive, _noting(send, record))

    async def _pause(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self.closing.wait(), seconds)
        except asyncio.TimeoutError:
            return True
        return False


def _api(store: Store) -> Starlette:
    async def lost(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException) and error.status_code == 405:
            return answers.message(405, "Method Not Allowed", error.headers)
        return answers.message(404, "Not Found")

    async def broken(request: Request, error: Exception) -> Response:
        return answers.message(500, "Internal Server Error")

    routes = []
    for path, endpoints in ROUTES.items():
        route = Route(path, _endpoint(store, endpoints), methods=list(endpoints))
        if route.methods is not None:
            route.methods.intersection_update(endpoints)
        routes.append(route)
    application = Starlette(
        routes=routes, exception_handlers={404: lost, 405: lost, Exception: broken}
    )
    application.router.redirect_slashes = False
    return application


def _endpoint(store: Store, endpoints: Mapping[str, Endpoint]) -> Callable[[Request], object]:
    async def answer(request: Request) -> Response:
        region, record, form, bad_form = request.scope[_CALL]
        if record.account is None:
            return answers.unauthorized(store.dials)
        subaccount = record.on_behalf_of or None
        if subaccount is not None and subaccount not in store.accounts.subaccounts:
            return answers.message(403, "Subaccount not found")
        if bad_form is not None and not request.url.path.startswith("/v2/x509/"):
            return answers.message(400, bad_form)
        caller = Caller(region, record.account, subaccount)
        call = Call(store, caller, request.path_params, record.query, form)
        endpoint = endpoints[request.method]
        try:
            if store.cname_records.may_take_time:
                return await run_in_threadpool(endpoint, call)
            return endpoint(call)
        except BadForm as error:
            return answers.message(400, str(error))

    return answer


async def _form(scope: Scope, body: bytes) -> tuple[dict[str, str], str | None]:
    if scope["method"] not in ("PUT", "POST"):
        return {}, None
    try:
        return await read_form(scope, body), None
    except BadForm as error:
        return {}, str(error)


def _split_region(path: str, default: Region) -> tuple[Region, str]:
    for region in REGIONS:
        if path.startswith(f"/{region}/"):
            return region, path[len(region) + 1 :]
    return default, path


def _key(authorization: str) -> str | None:
    """Give the key of HTTP basic authentication with the user `api`."""
    kind, _, encoded = authorization.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        user, _, key = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return None
    return key if user == "api" else None


def _noting(
    send: Send, record: RecordedRequest, extra_headers: Mapping[str, str] | None = None
) -> Send:
    async def note_and_send(message: Message) -> None:
        if message["type"] == "http.response.start":
            record.status = message["status"]
            if extra_headers:
                kept = [
                    (name, value)
                    for name, value in message["headers"]
                    if name.decode("latin-1") not in {header.lower() for header in extra_headers}
                ]
                message = {**message, "headers": kept + _raw(extra_headers)}
        await send(message)

    return note_and_send


async def _nowhere(message: Message) -> None:
    return


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [
        (name.lower().encode("latin-1"), str(value).encode("latin-1"))
        for name, value in headers.items()
    ]


def _fault_answer(fault: Fault) -> Response:
    content, kind = fault.content()
    status = fault.status or 500
    headers = {
        "content-type": kind,
        **{k.lower(): str(v) for k, v in fault.headers.items()},
    }
    return Response(content, status, headers=headers)


async def _drop(scope: Scope, receive: Receive) -> None:
    """Close the connection without an answer; the server puts its transport into the state."""
    scope["state"]["transport"].abort()
    while (await receive())["type"] != "http.disconnect":
        pass
