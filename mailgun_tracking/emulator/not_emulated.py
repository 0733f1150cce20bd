"""What Mailgun's API has beyond the emulator, so that it can say that it does not have it.

Otherwise it would look as if Mailgun did not have it.
"""

from __future__ import annotations

_ACCOUNT = {
    "v1": "alerts analytics dkim dkim_management dynamic_pools keys thresholds webhooks",
    "v2": "bounce-classification ip_whitelist",
    "v3": "dynamic_pools forwards ip_pools ip_warmups ips lists routes stats",
    "v4": "templates",
    "v5": "accounts sandbox users",
}
"""The first names of paths, after the version."""

_BELOW_DOMAINS = {
    "v3": "connection credentials dkim_authority dkim_selector dynamic_pools ips limits messages "
    "pool sending_queues tag web_prefix webhooks",
    "v4": "keys webhooks",
}
"""The names after `/v3/domains/{name}`."""

_BELOW_NAME = (
    "aggregates bounces complaints envelopes events messages messages.mime stats tag tags "
    "templates unsubscribes whitelists"
)
"""The names after `/v3/{name}`."""


def is_not_emulated(path: str) -> bool:
    """Return whether Mailgun documents paths like this one, and the emulator has none."""
    match path.split("/")[1:]:
        case ["v3" | "v4" as version, "domains", _, part, *_]:
            return part in _BELOW_DOMAINS[version].split()
        case [version, part, *_] if part in _ACCOUNT.get(version, "").split():
            return True
        case ["v3", _, part, *_]:
            return part in _BELOW_NAME.split()
    return False
