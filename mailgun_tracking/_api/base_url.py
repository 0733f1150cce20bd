"""Where Mailgun's API is, and which base URLs may stand in for it.

Not in `transport`, whose import of requests would make a preview without requests slower.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from ..errors import ConfigurationError
from .models import is_host, normalize_domain
from .setting_names import IN_STACK, SettingNames

BASE_URLS: Mapping[str, str] = {
    "us": "https://api.mailgun.net",
    "eu": "https://api.eu.mailgun.net",
}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:%/-]*")


def region_of(base_url: str) -> str | None:
    """The region that one of Mailgun's own base URLs belongs to, however it is written."""
    try:
        host = urlsplit(base_url).hostname
    except ValueError:
        return None
    for region, official in BASE_URLS.items():
        if host == urlsplit(official).hostname:
            return region
    return None


def is_host_or_address(host: str) -> bool:
    """Whether a string is an IP address, or a name that can be looked up in DNS."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return is_host(normalize_domain(host))
    return True


def check_base_url(url: str, names: SettingNames = IN_STACK) -> str:
    """A base URL without its trailing slash: https, or http on the loopback interface.

    Args:
        url: the base URL.
        names: where it can be set.

    Raises:
        ConfigurationError: it cannot be used, or the key would be sent unencrypted. The text does
            not show the URL, which may hold a key.
    """
    example = f"write it like {BASE_URLS['us']}, in {names.base_url}"
    if "@" in url:
        advice = f"remove them from {names.base_url} (the key is configured separately)"
        raise _refused("it contains credentials", advice)
    if "?" in url or "#" in url:
        raise _refused("it contains a query or a fragment", example)
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        is_valid = (
            parts.scheme in ("https", "http")
            and parts.port != 0
            and is_host_or_address(host)
            and ("[" in parts.netloc) == (":" in host)
            and _PATH.fullmatch(parts.path) is not None
            # `urlsplit` leaves out line ends and tabs.
            and url.isprintable()
        )
    except ValueError:
        is_valid = False
    if not is_valid:
        raise _refused("it is not a valid URL", example)
    if parts.scheme != "https" and host not in LOOPBACK:
        advice = f"use https in {names.base_url}; plain http is only allowed for localhost"
        raise _refused("the API key would be sent unencrypted", advice)
    return url.rstrip("/")


def _refused(reason: str, advice: str) -> ConfigurationError:
    return ConfigurationError("the base URL cannot be used", reason, advice=advice)
