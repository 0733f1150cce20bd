"""Whatever a server answers, a call ends in time: with a result, or with an error of ours."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from mailgun_tracking import errors
from mailgun_tracking._api.client import CALL_DEADLINE_SECONDS, RATE_LIMIT_SECONDS, MailgunClient
from mailgun_tracking._api.transport import Transport
from tests.behaviour.leaks import forms_of
from tests.chaos.examples import examples
from tests.unit.api.calls import CALLS, DOMAIN, HOST, KEY, TRACKING
from tests.unit.fakes import Clock, Stop, make_pem

LONGEST_HOLD_SECONDS = CALL_DEADLINE_SECONDS + RATE_LIMIT_SECONDS + 60
BODIES: Sequence[Any] = (
    {"tracking": {**TRACKING, "web_scheme": "https"}},
    {"message": "Domain tracking settings have been updated", "click": {"active": True}},
    {
        "domain": {"name": DOMAIN, "web_scheme": "http", "web_prefix": "email", "id": "1"},
        "sending_dns_records": [
            {"record_type": "CNAME", "name": HOST, "value": "mailgun.org", "valid": "valid"}
        ],
    },
    {"items": [{"name": DOMAIN, "web_scheme": "http", "web_prefix": "email"}]},
    {"status": "active", "error": None, "certificate": make_pem(HOST)},
    {"message": "please try again"},
    {"Description": "x509 key pair generation is in progress"},
)
"""What Mailgun answers; other answers are made from these."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@dataclass(frozen=True)
class Answer:
    """One response, or an error in its place.

    Attributes:
        status: its status.
        headers: its headers.
        body: its body.
        times: how many times the body is repeated.
        error: what happens instead; None where there is a response.
    """

    status: int = 200
    headers: Mapping[str, str] | None = None
    body: bytes = b""
    times: int = 1
    error: Exception | None = None


def spoiled(value: Any, path: Sequence[int], by: Any) -> Any:
    """A body in which something deep inside is something else."""
    if not path or not isinstance(value, (dict, list)) or not value:
        return by
    keys: list[Any] = list(value) if isinstance(value, dict) else [*range(len(value))]
    key = keys[path[0] % len(keys)]
    copy = value.copy()
    copy[key] = spoiled(value[key], path[1:], by)
    return copy


def bodies() -> st.SearchStrategy[bytes]:
    """What Mailgun answers, nearly that, any JSON, and anything at all; some with the key in it."""
    known = st.sampled_from(BODIES)
    paths = st.lists(st.integers(0, 5), min_size=1, max_size=4)
    as_json = known | st.builds(spoiled, known, paths, JSON) | JSON
    whole = as_json.map(lambda value: json.dumps(value).encode())
    cut = st.builds(lambda body, at: body[: at % (len(body) + 1)], whole, st.integers(0, 200))
    odd = st.sampled_from([b"\xff\xfe", b"\xef\xbb\xbf{}"])
    with_key = st.builds(
        lambda form, body: json.dumps({"message": f"{form} {body}"}).encode(),
        st.sampled_from([form.decode() for form in forms_of(KEY).values()]),
        st.text(max_size=20),
    )
    return whole | cut | odd | with_key | st.binary(max_size=40)


def answers() -> st.SearchStrategy[Answer]:
    """Any status with any of the headers that mean something, or no response."""
    visible = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=20)
    times = st.integers(-5, 10**12).map(str) | st.sampled_from(
        ["Mon, 01 Jan 99999 00:00:00 GMT", "Thu, 26 Nov 2026 10:00:00 GMT", "1e400", "٣", "", "-"]
    )
    headers = st.fixed_dictionaries(
        {},
        optional={
            "Retry-After": times | visible,
            "X-RateLimit-Reset": times | visible,
            "Date": times | visible,
            "Content-Type": st.sampled_from(["application/json", "text/html"]) | visible,
            "Location": st.sampled_from(["https://x.example/", "//[", f"//{KEY}"]) | visible,
            "WWW-Authenticate": visible,
            "Via": visible,
        },
    )
    often = [200, 200, 400, 401, 402, 403, 404, 407, 408, 409, 425, 429, 499, 500, 502, 503, 524]
    statuses = st.sampled_from(often) | st.integers(100, 999)
    failures: list[Exception] = [
        requests.ConnectionError("reset"),
        requests.ConnectTimeout("no connection"),
        requests.ReadTimeout("no response"),
        requests.exceptions.ChunkedEncodingError("cut off"),
        requests.exceptions.ContentDecodingError("not gzip"),
        requests.exceptions.SSLError("a certificate"),
        requests.exceptions.ProxyError("a proxy"),
        ProtocolError("while it was read"),
        ReadTimeoutError(None, "", "while it was read"),  # type: ignore[arg-type]
    ]
    deep = st.sampled_from([b"[", b'{"a":', b"x"])
    return st.one_of(
        st.builds(Answer, statuses, headers, bodies()),
        st.builds(Answer, statuses, headers, deep, st.just(5_000)),
        st.builds(Answer, error=st.sampled_from(failures)),
    )


class Failing(io.BytesIO):
    """A body that cannot be read to its end."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def read(self, _size: int | None = -1) -> bytes:
        raise self._error


class Server:
    """Answers requests in place of the network.

    Args:
        script: the answers, one after another; the last one is repeated.
    """

    def __init__(self, script: Sequence[Answer]) -> None:
        self.script = list(script)

    def send(
        self, adapter: HTTPAdapter, request: requests.PreparedRequest, **_options: Any
    ) -> requests.Response:
        """Answer as an adapter of requests does."""
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        body: io.BytesIO = io.BytesIO(answer.body * answer.times)
        if isinstance(answer.error, HTTPError):
            body = Failing(answer.error)
        elif answer.error is not None:
            raise answer.error
        raw = HTTPResponse(
            body=body,
            headers=answer.headers,
            status=answer.status,
            reason="",
            preload_content=False,
            request_method=request.method,
        )
        return adapter.build_response(request, raw)


@pytest.mark.behaviour(86)
def test_a_call_ends_in_time_with_a_result_or_an_error_of_ours(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    """And no error shows the key, whatever a server echoes."""
    tried: Counter[str] = Counter()
    hidden = {form.decode() for form in forms_of(KEY).values()}

    @examples(150)
    @given(name=st.sampled_from(sorted(CALLS)), script=st.lists(answers(), min_size=1, max_size=6))
    def whatever(name: str, script: list[Answer]) -> None:
        tried["calls"] += 1
        server = Server(script)
        monkeypatch.setattr(HTTPAdapter, "send", lambda *args, **how: server.send(*args, **how))
        transport = Transport("http://localhost:1", KEY)
        client = MailgunClient(transport, cancelled=Stop(clock))
        began = clock.now
        try:
            CALLS[name](client)
        except errors.TrackingError as error:
            text = str(error)
            assert len(text.splitlines()) == 1
            assert not [form for form in hidden if form in text]
            assert not re.search(r"object is not|NoneType|'dict'|'list'", text)
        finally:
            transport.close()
        longest = CALL_DEADLINE_SECONDS + 60
        if any(answer.status == 429 for answer in script):
            longest = LONGEST_HOLD_SECONDS
        assert clock.now - began <= longest

    whatever()
    record_property("tried", tried["calls"])
