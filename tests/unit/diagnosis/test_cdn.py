"""Whose addresses, headers and names are whose."""

from __future__ import annotations

import pytest

from mailgun_tracking._diagnosis.cdn import cdn_of_addresses, cdn_of_headers, cdn_of_names


@pytest.mark.parametrize(
    ("addresses", "cdn"),
    [
        (["104.21.3.4"], "Cloudflare"),
        (["192.0.2.1", "172.67.1.1"], "Cloudflare"),
        (["2606:4700:3030::6815:304"], "Cloudflare"),
        (["151.101.1.57"], "Fastly"),
        (["2a04:4e42::81"], "Fastly"),
        (["192.0.2.1", "2001:db8::1"], ""),
        ([], ""),
    ],
)
def test_addresses(addresses: list[str], cdn: str) -> None:
    """One address in a list is enough."""
    assert cdn_of_addresses(addresses) == cdn


@pytest.mark.parametrize(
    ("headers", "cdn"),
    [
        ({"server": "cloudflare"}, "Cloudflare"),
        ({"server": "nginx", "cf-ray": "8f0-AMS"}, "Cloudflare"),
        ({"x-served-by": "cache-ams21-AMS"}, "Fastly"),
        ({"x-served-by": "node-7"}, ""),
        ({"x-amz-cf-id": "abc=="}, "CloudFront"),
        ({"server": "nginx"}, ""),
        ({}, ""),
    ],
)
def test_headers(headers: dict[str, str], cdn: str) -> None:
    """A header counts by its name, or by how its value begins."""
    assert cdn_of_headers(headers) == cdn


def test_names() -> None:
    """Only what is below a CDN's name is the CDN's."""
    assert cdn_of_names(["d1.cloudfront.net"]) == "CloudFront"
    assert cdn_of_names(["email.example.com.cdn.cloudflare.net"]) == "Cloudflare"
    assert cdn_of_names(["mailgun.org", "notcloudfront.net"]) == ""
