"""A search for a key in everything that a run left behind, in any encoding."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote, quote_plus


def forms_of(key: str) -> dict[str, bytes]:
    """The key as it may appear: plain, URL-encoded, and in base64 at any offset.

    Base64 writes three bytes as four characters, so a text looks different by where in a longer
    one it begins; the characters that hold neighbours too are left out. `api:KEY` is such a one.
    """
    raw = key.encode()
    forms = {"plain": raw}
    for name, encoded in (("quote", quote(key, safe="")), ("quote_plus", quote_plus(key))):
        forms[name] = encoded.encode()
        forms[f"{name}, lower case"] = _lower_escapes(encoded).encode()
    for before in range(3):
        text = base64.b64encode(b"x" * before + raw)
        begin = -(-before * 8 // 6)
        end = (before + len(raw)) * 8 // 6
        forms[f"base64 at {before}"] = text[begin:end]
        forms[f"base64 for URLs at {before}"] = text[begin:end].translate(
            bytes.maketrans(b"+/", b"-_")
        )
    return forms


def leaks(key: str, folders: Iterable[Path]) -> dict[str, set[str]]:
    """The files below the folders that hold the key: by path, in which forms."""
    forms = forms_of(key)
    found: dict[str, set[str]] = {}
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                content = file.read_bytes()
                hits = {name for name, form in forms.items() if form in content}
                if hits:
                    found[str(file.relative_to(folder))] = hits
    return found


def _lower_escapes(encoded: str) -> str:
    first, *rest = encoded.split("%")
    return first + "".join(f"%{part[:2].lower()}{part[2:]}" for part in rest)
