"""What reaches into the SDK's program process, as far as no engine is needed."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
from pulumi.runtime import Mocks
from pulumi.runtime.settings import SETTINGS

from mailgun_tracking import DomainTracking, TrackingCertificate
from mailgun_tracking._provider import program_process
from mailgun_tracking._provider.program_process import point_to_program
from mailgun_tracking.tracking_host import TrackingHost
from tests.unit.conftest import run_program
from tests.unit.test_pickled_provider import Recording

sdk: Any = importlib.import_module("pulumi.runtime.resource")


@pytest.fixture
def _afresh() -> Iterator[None]:
    """Reaches into the SDK anew, before and after the test."""
    point_to_program.cache_clear()
    yield
    point_to_program.cache_clear()


def declare() -> dict[str, pulumi.CustomResource]:
    """One resource of each kind."""
    return {
        "tracking": DomainTracking("tracking", "mg.example.com", click=True),
        "certificate": TrackingCertificate("certificate", "email.mg.example.com"),
        "host": TrackingHost("host", "mg.example.com", web_scheme="http"),
    }


def test_the_sdk_waits_for_the_urn_and_the_id(use_mocks: Callable[[Mocks], None]) -> None:
    """And not for each output, as it takes the square of their number."""
    use_mocks(Recording())

    def program() -> pulumi.Output[Any]:
        for resource in declare().values():
            outputs = [one for one in vars(resource).values() if isinstance(one, pulumi.Output)]
            waited_for = [one for one in outputs if one._data in SETTINGS.outputs]
            assert waited_for == [resource.urn, resource.id]
            assert len(outputs) > 10
        return resource.urn

    run_program(program)


def test_a_transformation_takes_a_property_away(use_mocks: Callable[[Mocks], None]) -> None:
    """There is no output to wait for then."""
    use_mocks(mocks := Recording())

    def without_click(
        args: pulumi.ResourceTransformationArgs,
    ) -> pulumi.ResourceTransformationResult:
        props = {name: value for name, value in args.props.items() if name != "click"}
        return pulumi.ResourceTransformationResult(props, args.opts)

    opts = pulumi.ResourceOptions(transformations=[without_click])
    run_program(lambda: DomainTracking("tracking", "mg.example.com", click=True, opts=opts).urn)
    assert set(mocks.pickled) == {"tracking"}


@pytest.mark.usefixtures("_afresh")
def test_without_the_private_parts_of_the_sdk(
    use_mocks: Callable[[Mocks], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK records what it likes, and waits for what it likes."""
    with monkeypatch.context() as patch:
        patch.setattr(sdk, "_get_stack_trace", None)
        point_to_program()
        assert sdk._get_stack_trace is None
    monkeypatch.setattr(program_process, "pulumi", SimpleNamespace(Output=object))
    use_mocks(mocks := Recording())
    run_program(lambda: pulumi.Output.all(*(one.urn for one in declare().values())))
    assert set(mocks.pickled) == {"tracking", "certificate", "host"}
