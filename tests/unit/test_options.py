"""Resource options that a dynamic resource cannot support, and keys in plain text."""

from __future__ import annotations

from collections.abc import Callable

import pulumi
import pytest
from pulumi import CustomTimeouts, ResourceOptions

from mailgun_tracking import ConfigurationError, DomainTracking, InvalidInput, TrackingCertificate
from mailgun_tracking._provider import options
from mailgun_tracking._provider.options import options_for_get, prepare_options
from mailgun_tracking._provider.validation import Properties

PROPERTIES = Properties(("click",), ("cname",))
Declare = Callable[[ResourceOptions | None], object]


def declare_tracking(opts: ResourceOptions | None) -> object:
    """Declare a `DomainTracking`."""
    return DomainTracking("a", "mg.example.com", opts=opts)


def declare_certificate(opts: ResourceOptions | None) -> object:
    """Declare a `TrackingCertificate`."""
    return TrackingCertificate("a", "email.mg.example.com", opts=opts)


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the program was warned of."""
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    return warnings


@pytest.mark.parametrize("declare", [declare_tracking, declare_certificate])
def test_import_is_refused_with_the_way_that_works(declare: Declare) -> None:
    with pytest.raises(InvalidInput, match="import_") as caught:
        declare(ResourceOptions(import_="mg.example.com"))
    assert "mailgun-tracking import DOMAIN --out imported" in caught.value.advice


@pytest.mark.parametrize(
    ("resource", "hint"),
    [("TrackingCertificate", "its timeout"), ("DomainTracking", "its own limit")],
)
def test_custom_timeouts_are_warned_about(resource: str, hint: str, warnings: list[str]) -> None:
    opts = ResourceOptions(custom_timeouts=CustomTimeouts(create="5m"))
    prepare_options(opts, resource, "mg", PROPERTIES)
    [warning] = warnings
    for word in (resource, "custom_timeouts", hint):
        assert word in warning


def test_other_options_are_kept(warnings: list[str]) -> None:
    opts = ResourceOptions(protect=True, ignore_changes=["click.active"], retain_on_delete=True)
    prepared = prepare_options(opts, "DomainTracking", "mg", PROPERTIES)
    assert prepared is not opts
    for option in ("protect", "ignore_changes", "retain_on_delete"):
        assert getattr(prepared, option) == getattr(opts, option)
    none = prepare_options(None, "DomainTracking", "mg", PROPERTIES)
    assert isinstance(none, ResourceOptions)
    assert warnings == []


def test_paths_that_do_not_exist_are_warned_of_and_not_ignored(warnings: list[str]) -> None:
    """The provider then need only warn of those that a transform adds."""
    opts = ResourceOptions(ignore_changes=["clicks", "click.active", "colour"])
    prepared = prepare_options(opts, "DomainTracking", "mg", PROPERTIES)
    assert prepared.ignore_changes == ["click.active"]
    assert opts.ignore_changes == ["clicks", "click.active", "colour"]
    assert warnings == [
        "DomainTracking mg: ignore_changes has 'clicks'; did you mean click?",
        "DomainTracking mg: ignore_changes has 'colour'; this resource has no such property",
    ]


class TestPlainTextKeys:
    """A key that is no secret of the stack would be in the state too."""

    @pytest.fixture(autouse=True)
    def _configure(self, monkeypatch: pytest.MonkeyPatch) -> None:
        configuration = {"mailgun:apiKey": "key-0123456789"}
        monkeypatch.setattr(options, "get_config", configuration.get)

    @pytest.mark.parametrize("declare", [declare_tracking, declare_certificate])
    def test_are_refused(self, declare: Declare, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(options, "is_config_secret", lambda _name: False)
        with pytest.raises(ConfigurationError) as caught:
            declare(None)
        assert "pulumi config set --secret mailgun:apiKey" in caught.value.advice
        assert "key-0123456789" not in str(caught.value)

    def test_secrets_are_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(options, "is_config_secret", lambda _name: True)
        prepare_options(None, "DomainTracking", "mg", PROPERTIES)


class TestGet:
    """The option by which the engine reads a resource."""

    def test_is_the_id_beside_the_others(self) -> None:
        opts = options_for_get(ResourceOptions(protect=True), "mg.example.com", "DomainTracking")
        assert (opts.id, opts.protect) == ("mg.example.com", True)
        assert options_for_get(None, "x", "DomainTracking").id == "x"

    @pytest.mark.parametrize("installed", ["3.271.0", "3.99.1", "2.300.0"])
    def test_is_refused_on_an_sdk_that_cannot_read(
        self, installed: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(options, "version", lambda _package: installed)
        with pytest.raises(InvalidInput, match=installed) as caught:
            options_for_get(None, "x", "DomainTracking")
        assert "pulumi>=3.272" in caught.value.advice

    @pytest.mark.parametrize("installed", ["3.272.0", "3.300.1a1698243", "4.0.0"])
    def test_is_given_on_one_that_can(
        self, installed: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(options, "version", lambda _package: installed)
        assert options_for_get(None, "x", "DomainTracking").id == "x"
