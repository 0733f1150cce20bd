"""Parses the request bodies that Mailgun accepts: multipart and urlencoded forms."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Message, Receive, Scope

from .domains import FieldParser

MAX_BODY_BYTES = 1024 * 1024
URLENCODED = "application/x-www-form-urlencoded"


class BadForm(Exception):
    """Mailgun rejects the body or one of its fields; the text is the response's message."""

    status = 400


class BodyTooLarge(BadForm):
    """The body has more than `MAX_BODY_BYTES`."""

    status = 413


async def read_body(receive: Receive) -> bytes | None:
    """Read a request's body; None if the client disconnects before it is complete.

    Raises:
        BodyTooLarge: it is too large; the rest of it is not read.
    """
    body = bytearray()
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            return None
        body += event.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLarge(f"the body has more than {MAX_BODY_BYTES} bytes")
        if not event.get("more_body", False):
            return bytes(body)


def media_type(headers: Headers) -> str:
    """Return the type of a body, without parameters such as the charset."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_form(scope: Scope, body: bytes) -> dict[str, str]:
    """Return the fields of a form; if one is repeated, the first, like Go's `FormValue`.

    Raises:
        BadForm: the body is malformed, or not a form.
    """
    if not body:
        return {}
    request = Request(scope, _replay(body))
    content_type = media_type(request.headers)
    if content_type == URLENCODED:
        try:
            pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict")
        except ValueError:
            raise BadForm("the form is not percent-encoded UTF-8") from None
    elif content_type == "multipart/form-data":
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


def parse_fields(form: Mapping[str, str], parsers: Mapping[str, FieldParser]) -> dict[str, Any]:
    """Parse the known fields of a form; like Mailgun, ignore the others.

    Raises:
        BadForm: a field has an invalid value; then none of the form must be applied.
    """
    values: dict[str, Any] = {}
    for name, parse in parsers.items():
        if name in form:
            try:
                values[name] = parse(form[name])
            except ValueError:
                raise BadForm(f"Invalid value {form[name]!r} for parameter {name}") from None
    return values


def _replay(body: bytes) -> Callable[[], Awaitable[Message]]:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
