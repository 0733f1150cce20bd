"""Which proxy or CDN answers for a host, by its addresses, headers and names.

Sources: the address lists that Cloudflare (https://www.cloudflare.com/ips/) and Fastly
(https://api.fastly.com/public-ip-list) publish; the headers and host names that each CDN
documents.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable, Mapping

_RANGES: Mapping[str, tuple[str, ...]] = {
    "Cloudflare": (
        "103.21.244.0/22",
        "103.22.200.0/22",
        "103.31.4.0/22",
        "104.16.0.0/13",
        "104.24.0.0/14",
        "108.162.192.0/18",
        "131.0.72.0/22",
        "141.101.64.0/18",
        "162.158.0.0/15",
        "172.64.0.0/13",
        "173.245.48.0/20",
        "188.114.96.0/20",
        "190.93.240.0/20",
        "197.234.240.0/22",
        "198.41.128.0/17",
        "2400:cb00::/32",
        "2405:8100::/32",
        "2405:b500::/32",
        "2606:4700::/32",
        "2803:f800::/32",
        "2a06:98c0::/29",
        "2c0f:f248::/32",
    ),
    "Fastly": (
        "23.235.32.0/20",
        "43.249.72.0/22",
        "103.244.50.0/24",
        "103.245.222.0/23",
        "103.245.224.0/24",
        "104.156.80.0/20",
        "140.248.64.0/18",
        "140.248.128.0/17",
        "146.75.0.0/17",
        "151.101.0.0/16",
        "157.52.64.0/18",
        "167.82.0.0/17",
        "167.82.128.0/20",
        "167.82.160.0/20",
        "167.82.224.0/20",
        "172.111.64.0/18",
        "185.31.16.0/22",
        "199.27.72.0/21",
        "199.232.0.0/16",
        "2a04:4e40::/32",
        "2a04:4e42::/32",
    ),
}
_HEADERS: tuple[tuple[str, str, str], ...] = (
    ("cf-ray", "", "Cloudflare"),
    ("server", "cloudflare", "Cloudflare"),
    ("x-served-by", "cache-", "Fastly"),
    ("x-amz-cf-id", "", "CloudFront"),
    ("x-azure-ref", "", "Azure Front Door"),
    ("server", "akamaighost", "Akamai"),
    ("server", "bunnycdn", "bunny.net"),
)
"""A header, how its value begins (in lower case), and whose it is."""
_NAMES: Mapping[str, str] = {
    "cdn.cloudflare.net": "Cloudflare",
    "fastly.net": "Fastly",
    "cloudfront.net": "CloudFront",
    "azurefd.net": "Azure Front Door",
    "azureedge.net": "Azure Front Door",
    "edgekey.net": "Akamai",
    "edgesuite.net": "Akamai",
    "akamaiedge.net": "Akamai",
    "b-cdn.net": "bunny.net",
}


def cdn_of_addresses(addresses: Iterable[str]) -> str:
    """The CDN that one of the addresses belongs to, or an empty string."""
    for text in addresses:
        address = ipaddress.ip_address(text)
        for cdn, networks in _networks().items():
            if any(address in network for network in networks):
                return cdn
    return ""


def cdn_of_headers(headers: Mapping[str, str]) -> str:
    """The CDN that a response's headers (by lower-case name) show, or an empty string."""
    for name, start, cdn in _HEADERS:
        if headers.get(name, "\0").lower().startswith(start) and name in headers:
            return cdn
    return ""


def cdn_of_names(names: Iterable[str]) -> str:
    """The CDN that one of the hosts belongs to, or an empty string."""
    for name in names:
        for suffix, cdn in _NAMES.items():
            if name.endswith(f".{suffix}"):
                return cdn
    return ""


@functools.cache
def _networks() -> dict[str, list[ipaddress.IPv4Network | ipaddress.IPv6Network]]:
    return {
        cdn: [ipaddress.ip_network(network) for network in networks]
        for cdn, networks in _RANGES.items()
    }
