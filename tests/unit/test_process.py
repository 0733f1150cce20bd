"""What a process holds, and that it can start afresh."""

from __future__ import annotations

import pytest

from mailgun_tracking import errors
from mailgun_tracking._api.target import Target
from mailgun_tracking._provider.process import process

TARGET = Target("default", "us", "", "mg.example.com")


def test_reset_forgets_what_the_process_held() -> None:
    process.settings = process.settings_from({"mailgun:apiKey": "k"}.get)
    process.cancelled.set()
    process.warned.add(process)
    held = (process.settings, process.read_ahead, process.field_owners)
    process.reset()
    assert not process.cancelled.is_set()
    assert not process.warned
    for old, new in zip(
        held, (process.settings, process.read_ahead, process.field_owners), strict=True
    ):
        assert new is not old
    with pytest.raises(errors.ConfigurationError):
        process.settings.api_key()


def test_settings_of_a_process_share_its_connections() -> None:
    """Rate limits and open connections belong to the process, by base URL, key and subaccount."""
    first, second = (process.settings_from({"mailgun:apiKey": "k"}.get) for _ in range(2))
    other = process.settings_from({"mailgun:apiKey": "other"}.get)
    shared = first.client(TARGET).transport
    assert second.client(TARGET).transport is shared
    assert other.client(TARGET).transport is not shared
    process.reset()
    assert process.settings_from({"mailgun:apiKey": "k"}.get).client(TARGET).transport is not shared
