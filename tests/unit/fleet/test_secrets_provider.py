"""A stack whose secrets provider is not in its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailgun_tracking.errors import FleetError
from mailgun_tracking.fleet.secrets_provider import refuse_lost_secrets_provider

CLOUD = {"secrets_providers": {"type": "cloud", "state": {"url": "awskms://alias/a"}}}


def test_a_file_that_was_lost(tmp_path: Path) -> None:
    for content in (None, "", "config: {}\n"):
        if content is not None:
            (tmp_path / "Pulumi.fleet-001.yaml").write_text(content)
        with pytest.raises(FleetError, match=r"awskms://alias/a, and Pulumi\.fleet-001\.yaml does"):
            refuse_lost_secrets_provider("fleet-001", CLOUD, tmp_path)


@pytest.mark.parametrize("state", [{}, {"secrets_providers": {"type": "passphrase"}}])
def test_others_need_no_line(tmp_path: Path, state: dict[str, object]) -> None:
    refuse_lost_secrets_provider("fleet-001", state, tmp_path)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("Pulumi.fleet-001.yaml", "secretsprovider: awskms://alias/a\n"),
        ("Pulumi.yaml", "name: mail\nstackConfigDir: stacks\n"),
    ],
)
def test_where_it_is(tmp_path: Path, file: str, content: str) -> None:
    (tmp_path / file).write_text(content)
    refuse_lost_secrets_provider("fleet-001", CLOUD, tmp_path)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.fleet-001.yaml").write_text("secretsprovider: {\n")
    with pytest.raises(FleetError, match=r"^Pulumi\.fleet-001\.yaml: it is not YAML"):
        refuse_lost_secrets_provider("fleet-001", CLOUD, tmp_path)
