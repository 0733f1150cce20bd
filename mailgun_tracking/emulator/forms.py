"""Reads the bodies that Mailgun takes: multipart and urlencoded forms, nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Message, Receive, Scope

from .domains import FieldReader


class BadForm(Exception):
    """A body or a field that Mailgun refuses; the text is the answer's message."""


async def read_body(receive: Receive) -> bytes | None:
    """Read a request's whole body; None if the client went away before its end."""
    parts = []
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            return None
        parts.append(event.get("body", b""))
        if not event.get("more_body", False):
            return b"".join(parts)


async def read_form(scope: Scope, body: bytes) -> dict[str, str]:
    """Give a form's fields; of a repeated field the first, as Go's `FormValue` does.

    Raises:
        BadForm: it is no form, or a malformed one.
    """
    if not body:
        return {}
    request = Request(scope, _replaying(body))
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        try:
            pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict")
        except ValueError:
            raise BadForm("the form is not UTF-8, percent-encoded") from None
    elif kind == "multipart/form-data":
        try:
            async with request.form() as form:
                pairs = [
                    (name, value) for name, value in form.multi_items() if isinstance(value, str)
                ]
        except (HTTPException, MultiPartException, KeyError):
            raise BadForm("the multipart form is malformed") from None
    else:
        raise BadForm("the body is not multipart/form-data or application/x-www-form-urlencoded")
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields.setdefault(name, value)
    return fields


def parse_fields(form: Mapping[str, str], readers: Mapping[str, FieldReader]) -> dict[str, Any]:
    """Give the values of the fields that are known; others are ignored, as Mailgun does.

    Raises:
        BadForm: a known field has a value that cannot be; nothing may then be changed.
    """
    values: dict[str, Any] = {}
    for name, reader in readers.items():
        if name in form:
            try:
                values[name] = reader(form[name])
            except ValueError:
                raise BadForm(f"Invalid value {form[name]!r} for parameter {name}") from None
    return values


def _replaying(body: bytes) -> Callable[[], Awaitable[Message]]:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
