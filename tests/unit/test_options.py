"""Options that a dynamic resource cannot honour, and keys that stand in clear."""

from __future__ import annotations

from collections.abc import Callable

import pulumi
import pytest
from pulumi import CustomTimeouts, ResourceOptions

from mailgun_tracking import ConfigurationError, DomainTracking, InvalidInput, TrackingCertificate
from mailgun_tracking import provider as provider_module
from mailgun_tracking.provider import id_option, prepare_options


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the program was warned of."""
    lines: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lines.append)
    return lines


@pytest.mark.parametrize(
    ("declare", "sentence"),
    [
        (
            lambda opts: DomainTracking("a", "mg.example.com", opts=opts),
            "DomainTracking cannot be imported by the option import_: Pulumi does not hand dynamic "
            "resources what that needs; run `mailgun-tracking import DOMAIN > import.json` and "
            "`pulumi import --file import.json --generate-code=false`; or declare it without "
            "import_: up adopts what Mailgun has",
        ),
        (
            lambda opts: TrackingCertificate("a", "email.mg.example.com", opts=opts),
            "TrackingCertificate cannot be imported by the option import_: Pulumi does not hand "
            "dynamic resources what that needs; run `mailgun-tracking import --certificate "
            "TRACKING_DOMAIN > import.json` and `pulumi import --file import.json "
            "--generate-code=false`; or declare it without import_: up adopts what Mailgun has",
        ),
    ],
)
def test_import_is_refused(declare: Callable[[ResourceOptions], object], sentence: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        declare(ResourceOptions(import_="mg.example.com"))
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        ("TrackingCertificate", "use timeout="),
        ("DomainTracking", "each call has its own limit"),
    ],
)
def test_custom_timeouts_are_warned_of(kind: str, hint: str, warnings: list[str]) -> None:
    opts = ResourceOptions(custom_timeouts=CustomTimeouts(create="5m"))
    prepare_options(opts, kind, "ID")
    assert warnings == [f"{kind}: Pulumi's SDK drops custom_timeouts of dynamic resources; {hint}"]


def test_other_options_pass(warnings: list[str]) -> None:
    opts = ResourceOptions(protect=True, ignore_changes=["click.active"], retain_on_delete=True)
    prepared = prepare_options(opts, "DomainTracking", "ID")
    assert prepared is not opts
    for option in ("protect", "ignore_changes", "retain_on_delete"):
        assert getattr(prepared, option) == getattr(opts, option)
    assert isinstance(prepare_options(None, "DomainTracking", "ID"), ResourceOptions)
    assert warnings == []


def test_a_key_in_clear_is_refused_in_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = {"mailgun:apiKey": "key-0123456789"}
    monkeypatch.setattr(provider_module, "get_config", configuration.get)
    monkeypatch.setattr(provider_module, "is_config_secret", lambda _name: False)
    for declare in (
        lambda: DomainTracking("a", "mg.example.com"),
        lambda: TrackingCertificate("a", "email.mg.example.com"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            declare()
        assert "pulumi config set --secret mailgun:apiKey" in str(caught.value)
        assert "key-0123456789" not in str(caught.value)
    monkeypatch.setattr(provider_module, "is_config_secret", lambda _name: True)
    prepare_options(None, "DomainTracking", "ID")


def test_the_id_option_keeps_the_others() -> None:
    merged = id_option(ResourceOptions(protect=True), "mg.example.com")
    assert merged.id == "mg.example.com"
    assert merged.protect is True
    assert id_option(None, "x").id == "x"
