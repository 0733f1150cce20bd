"""What encrypts the secrets of a stack, and the file that has to say so."""

from __future__ import annotations

from pathlib import Path

import yaml

from ..errors import FleetError
from .backend import State
from .domain_file import read_text
from .project import PROJECT_FILE


def refuse_lost_secrets_provider(stack: str, state: State, folder: Path) -> None:
    """Refuse a stack whose file has been lost, as on a runner that did not commit it.

    Pulumi would ask for a passphrase, and where it finds one encrypt the state with that instead.

    Args:
        stack: its name.
        state: its state.
        folder: where the project is.

    Raises:
        FleetError: with where to take the lines from.
    """
    provider = state.get("secrets_providers") or {}
    # Pulumi Cloud and passphrases need no line in the file.
    if provider.get("type") != "cloud" or "stackConfigDir" in _settings(folder / PROJECT_FILE):
        return
    file = f"Pulumi.{stack}.yaml"
    if "secretsprovider" not in _settings(folder / file):
        raise FleetError(
            f"the secrets of {stack} are encrypted with {provider['state']['url']}, "
            f"and {file} does not say so",
            advice="take secretsprovider (url) and encryptedkey into that file from "
            f"`pulumi stack export --stack {stack}`, and commit it",
        )


def _settings(file: Path) -> dict[str, object]:
    if not file.exists():
        return {}
    try:
        settings = yaml.safe_load(read_text(file))
    except yaml.YAMLError:
        raise FleetError(file.name, "it is not YAML") from None
    return settings if isinstance(settings, dict) else {}
