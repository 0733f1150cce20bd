"""Taking a key out of texts, in whatever form a server or proxy may have echoed it."""

from __future__ import annotations

import base64
import html
import re
import string
from collections.abc import Iterator
from urllib.parse import unquote

PIECE = 8
"""How many characters of a key in a row are taken out; fewer are no secret."""
SHOWN = "[key]"

_ROUNDS = 3
"""How many encodings may be on top of each other."""
_ENCODED = re.compile(
    r"(?:%[0-9a-f]{2})+"
    r"|\\+u[0-9a-f]{4}|\\+x[0-9a-f]{2}|\\+[nrt]?"
    r"|&(?:\#[0-9]{1,7}|\#x[0-9a-f]{1,6}|[a-z]{2,8});"
    r"|=\r?\n|[\s\x00-\x1f\x7f\xad\u200b-\u200f\u2060\ufeff]+",
    re.IGNORECASE,
)
"""Escapes of URLs, JSON and HTML, and what does not show, such as line ends."""
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class Redaction:
    """Takes one key out of texts; so are pieces of it, and of it in base64.

    A key of fewer than `PIECE` characters is none of Mailgun's, and stays where it is in plain
    text: it may be a word.

    Args:
        key: the key.
    """

    def __init__(self, key: str) -> None:
        raw = key.encode()
        whole = (base64.b64encode(text).decode() for text in (raw, b"api:" + raw))
        forms = [key, *whole, *_within_base64(raw)]
        forms += [form.replace("+", "-").replace("/", "_") for form in forms[1:]]
        self._pieces = {piece for form in forms for piece in _pieces_of(form.translate(_LOWER))}

    def __call__(self, text: str) -> str:
        """The text with `SHOWN` in place of the key."""
        plain = text
        for _ in range(_ROUNDS):
            encoded, plain = plain, _ENCODED.sub(_decoded, plain)
            if plain == encoded:
                break
        lowered = plain.translate(_LOWER)
        if not any(piece in lowered for piece in self._pieces):
            return text
        parts, end = [], 0
        for start, stop in self._places(text):
            parts += [text[end:start], SHOWN]
            end = stop
        return "".join([*parts, text[end:]])

    def _places(self, text: str) -> Iterator[tuple[int, int]]:
        """Where in a text the key is, from the first to behind the last character."""
        plain, starts, ends = text, list(range(len(text))), list(range(1, len(text) + 1))
        for _ in range(_ROUNDS):
            plain, starts, ends = _decode(plain, starts, ends)
        found = [
            number
            for number, piece in enumerate(_pieces_of(plain.translate(_LOWER)))
            if piece in self._pieces
        ]
        while found:
            first = last = found.pop(0)
            while found and found[0] <= last + PIECE:
                last = found.pop(0)
            yield starts[first], ends[last + PIECE - 1]


def _pieces_of(text: str) -> Iterator[str]:
    return (text[number : number + PIECE] for number in range(len(text) - PIECE + 1))


def _within_base64(raw: bytes) -> Iterator[str]:
    """What every base64 of a text has in it that has some bytes in it, wherever they begin."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        # The first and the last character may also hold bits of what is around.
        whole = len(encoded) - bool((before + len(raw)) % 3)
        yield encoded[(0, 2, 3)[before] : whole]


def _decoded(match: re.Match[str]) -> str:
    """What an escape stands for; nothing for what does not show."""
    text = match[0]
    if text[0] == "%":
        return unquote(text)
    if text[0] == "&":
        return html.unescape(text)
    digits = text.lstrip("\\")[1:] if text[0] == "\\" else ""
    return chr(int(digits, 16)) if digits else ""


def _decode(text: str, starts: list[int], ends: list[int]) -> tuple[str, list[int], list[int]]:
    """A text with its escapes decoded, and where each character of that starts and ends."""
    parts: list[str] = []
    new_starts: list[int] = []
    new_ends: list[int] = []
    end = 0
    for match in _ENCODED.finditer(text):
        first, stop = match.span()
        shown = _decoded(match)
        parts += [text[end:first], shown]
        new_starts += [*starts[end:first], *[starts[first]] * len(shown)]
        new_ends += [*ends[end:first], *[ends[stop - 1]] * len(shown)]
        end = stop
    return (
        "".join([*parts, text[end:]]),
        [*new_starts, *starts[end:]],
        [*new_ends, *ends[end:]],
    )
