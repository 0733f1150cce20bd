"""Rules about the settings of open, click and unsubscribe tracking.

A setting that the program does not mention stays as it is at Mailgun, where it may be anything: so
that is against each of these rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import Severity

from .._api.fields import FIELDS
from .._api.models import UNSUBSCRIBE_URLS
from .reading import at
from .rule import EXCEPT, ResourceRule, Settings, Subject
from .types import DOMAIN_TRACKING


def _not_set(path: str) -> str:
    return f"{path} is not set, so it stays as it is at Mailgun"


def _set(props: Any, section: str, name: str, value: object) -> bool:
    """Set a field of a section, and have it managed as if the program had set it."""
    if at(props, section, name) == value:
        return False
    if not isinstance(at(props, section), Mapping):
        props[section] = {}
    props[section][name] = value
    managed = {*(at(props, "managed") or ()), f"{section}.{name}"}
    props["managed"] = [field.path for field in FIELDS if field.path in managed]
    return True


def _mode(default: str, modes: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The settings of a rule that has modes.

    Args:
        default: the default one.
        modes: what each means.
    """
    return {
        "mode": {
            "type": "string",
            "enum": list(modes),
            "default": default,
            "description": "; ".join(f"{mode}: {meaning}" for mode, meaning in modes.items()) + ".",
        },
        **EXCEPT,
    }


# --- open tracking


def _open(subject: Subject, settings: Settings) -> Iterator[str]:
    active = at(subject.props, "open", "active")
    if settings.get("mode") != "pixel-at-top":
        if active is None:
            yield _not_set("open.active")
        elif active:
            yield "open tracking is on"
        return
    if active is False:
        return
    at_the_top = at(subject.props, "open", "place_at_the_top")
    if at_the_top is None:
        yield _not_set("open.place_at_the_top")
    elif not at_the_top:
        yield "the pixel is at the end of the message"


def _fix_open(props: Any, settings: Settings) -> bool:
    if settings.get("mode") == "pixel-at-top":
        return _set(props, "open", "place_at_the_top", True)
    return _set(props, "open", "active", False)


# --- click tracking


def _click(subject: Subject, settings: Settings) -> Iterator[str]:
    active = at(subject.props, "click", "active")
    mode = settings.get("mode", "htmlonly")
    if active is None:
        yield _not_set("click.active")
    elif mode == "forbidden" and active:
        yield "click tracking is on"
    elif mode == "required" and not active:
        yield "click tracking is off"
    elif mode == "htmlonly" and active is True:
        yield "click tracking rewrites the links of the text part too"


def _fix_click(props: Any, settings: Settings) -> bool:
    mode = settings.get("mode", "htmlonly")
    if mode != "htmlonly":
        return _set(props, "click", "active", mode == "required")
    # Where the program does not say whether clicks are tracked, nothing turns it on.
    return bool(at(props, "click", "active")) and _set(props, "click", "active", "htmlonly")


# --- unsubscribe tracking


def _unsubscribe(subject: Subject, _settings: Settings) -> Iterator[str]:
    active = at(subject.props, "unsubscribe", "active")
    if active is None:
        yield _not_set("unsubscribe.active")
    elif not active:
        yield "unsubscribe tracking is off"
    for name in ("html_footer", "text_footer"):
        footer = at(subject.props, "unsubscribe", name)
        if isinstance(footer, str) and not any(link in footer for link in UNSUBSCRIBE_URLS):
            yield f"unsubscribe.{name} has none of {', '.join(UNSUBSCRIBE_URLS)}"


def _fix_unsubscribe(props: Any, _settings: Settings) -> bool:
    return _set(props, "unsubscribe", "active", True)


RULES = (
    ResourceRule(
        "open-tracking",
        "Open tracking",
        "Open tracking must be off, or have its pixel at the top.",
        Severity.MEDIUM,
        "Set open=False, or in the mode pixel-at-top "
        'open={"active": True, "place_at_the_top": True}.',
        (DOMAIN_TRACKING,),
        _mode(
            "forbidden",
            {
                "forbidden": "open tracking must be off",
                "pixel-at-top": "it may be on, with the pixel at the top of the message",
            },
        ),
        {
            "forbidden": "Set open=False.",
            "pixel-at-top": 'Set open={"active": True, "place_at_the_top": True}, or open=False.',
        },
        find=_open,
        fix=_fix_open,
    ),
    ResourceRule(
        "click-tracking",
        "Click tracking",
        "Click tracking must be as the setting `mode` says.",
        Severity.MEDIUM,
        'Set click="htmlonly" in the mode htmlonly, click=True or click="htmlonly" in the mode '
        "required, and click=False in the mode forbidden.",
        (DOMAIN_TRACKING,),
        _mode(
            "htmlonly",
            {
                "htmlonly": "click tracking must not rewrite the links of the text part",
                "required": "it must be on",
                "forbidden": "it must be off",
            },
        ),
        {
            "htmlonly": 'Set click="htmlonly", or click=False.',
            "required": 'Set click=True or click="htmlonly".',
            "forbidden": "Set click=False.",
        },
        find=_click,
        fix=_fix_click,
    ),
    ResourceRule(
        "unsubscribe-tracking",
        "Unsubscribe tracking",
        "Unsubscribe tracking must be on, with the link in the footers.",
        Severity.HIGH,
        "Set unsubscribe=True, and put %unsubscribe_url% into the footers that the program sets.",
        (DOMAIN_TRACKING,),
        find=_unsubscribe,
        fix=_fix_unsubscribe,
    ),
)
