"""The key in texts: no encoding or splitting of it leaves a long piece."""

from __future__ import annotations

import base64
import html
import json
import re
import string
from collections.abc import Callable
from urllib.parse import quote, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailgun_tracking._api.redaction import PIECE, SHOWN, Redaction
from tests.unit.api.calls import KEY

pytestmark = pytest.mark.behaviour(85)

KEYS = [
    KEY,
    "0f1e2d3c4b5a69788796a5b4c3d2e1f0-a1b2c3d4-e5f60718",
    "key/with+odd=&<>signs~0123456789",
]
REDACTIONS = {key: Redaction(key) for key in KEYS}
CHARACTERS: dict[str, Callable[[str], str]] = {
    "plain": lambda c: c,
    "upper": str.upper,
    "url": lambda c: f"%{ord(c):02x}",
    "URL": lambda c: f"%{ord(c):02X}",
    "url twice": lambda c: f"%25{ord(c):02X}",
    "json": lambda c: f"\\u{ord(c):04x}",
    "json twice": lambda c: f"\\\\u{ord(c):04X}",
    "html": lambda c: f"&#{ord(c)};",
    "HTML": lambda c: f"&#x{ord(c):X};",
    "escaped": lambda c: c if c.isalnum() else f"\\{c}",
}
BETWEEN = ["", "", "", " ", "\n", "\r\n\t", "\\n", "\\\\r", "%0A", "%20", "&#10;", "\u200b", "=\n"]
AROUND = st.text(string.ascii_letters + string.digits + " ,.:<>\"'{}\n", max_size=12)


def pieces(text: str) -> set[str]:
    return {text[i : i + PIECE] for i in range(len(text) - PIECE + 1)}


def read(text: str) -> str:
    """A text as a patient reader might decode it."""
    for _ in range(4):
        text = html.unescape(unquote(text))
        text = re.sub(r"\\+[nrt](?![a-z]{8})", "", text)
        text = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text)
    return re.sub(r"=\n|[\s\\\u200b]", "", text).lower()


@given(st.data(), st.sampled_from(KEYS), AROUND, AROUND)
@settings(max_examples=25)
def test_encoded_and_split(data: st.DataObject, key: str, before: str, after: str) -> None:
    form = "".join(
        CHARACTERS[data.draw(st.sampled_from([*CHARACTERS]))](c)
        + data.draw(st.sampled_from(BETWEEN))
        for c in key
    )
    shown = REDACTIONS[key](before + form + after)
    assert SHOWN in shown
    assert pieces(key.lower()).isdisjoint(pieces(read(shown)))


@given(st.data(), st.sampled_from(KEYS), st.binary(max_size=20), st.binary(max_size=20))
def test_in_base64(data: st.DataObject, key: str, before: bytes, after: bytes) -> None:
    """Of a longer text too, in either alphabet, without padding, in lines, and in a URL."""
    encode = data.draw(st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]))
    form = encode(before + key.encode() + after).decode()
    form = form.rstrip("=") if data.draw(st.booleans()) else form
    if data.draw(st.booleans()):
        form = "\n".join(re.findall(".{1,19}", form))
    if data.draw(st.booleans()):
        form = quote(form, safe="")
    shown = read_case(REDACTIONS[key](form))
    for run in re.findall(r"[A-Za-z0-9+/]+", shown):
        for start in range(4):
            part = run[start:]
            part = part[: len(part) // 4 * 4]
            decoded = base64.b64decode(part).decode("latin-1")
            assert pieces(key).isdisjoint(pieces(decoded))


def read_case(text: str) -> str:
    return re.sub(r"\s", "", unquote(text)).replace("-", "+").replace("_", "/")


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "form",
    [
        lambda key: key,
        lambda key: key.upper(),
        lambda key: quote(key, safe="").lower(),
        lambda key: json.dumps(key).replace("/", "\\/")[1:-1],
        lambda key: html.escape(key),
        lambda key: " ".join(key),
        lambda key: f"{key[:20]}\r\n {key[20:]}",
        lambda key: base64.b64encode(f"api:{key}".encode()).decode(),
        lambda key: quote(base64.b64encode(f"api:{key}".encode()).decode()),
    ],
)
def test_what_is_around_stays(key: str, form: Callable[[str], str]) -> None:
    text = form(key)
    assert REDACTIONS[key](f"no such key: {text}!") == f"no such key: {SHOWN}!"


def test_a_piece_is_taken_out() -> None:
    assert REDACTIONS[KEY](f"({KEY[:20]}…) ({KEY[-9:]})") == f"({SHOWN}…) ({SHOWN})"


@given(st.text())
def test_other_texts_stay(text: str) -> None:
    assert REDACTIONS[KEY](text) == text


def test_a_short_key_may_be_a_word() -> None:
    assert Redaction("wrong")("a wrong key") == "a wrong key"
    assert Redaction("wrong")("Basic YXBpOndyb25n") == f"Basic {SHOWN}"
