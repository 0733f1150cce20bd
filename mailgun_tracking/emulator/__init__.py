"""An emulator of the part of Mailgun that this package manages, for tests and previews.

It shares no code with the client, so that one misreading of the API cannot hide in both. It is
only imported on request, and needs the extra `emulator`.
"""

from __future__ import annotations

from .certificates import CertificateSnapshot, Issuer
from .dials import Dials
from .domains import DomainSnapshot
from .errors import (
    DomainTaken,
    EmulatorError,
    InvalidSetting,
    IssuanceFailed,
    StateFileError,
    UnknownDomain,
)
from .faults import Fault
from .history import RecordedRequest
from .server import Emulator
from .settings import Settings
from .spoiling import Spoil

__all__ = [
    "CertificateSnapshot",
    "Dials",
    "DomainSnapshot",
    "DomainTaken",
    "Emulator",
    "EmulatorError",
    "Fault",
    "InvalidSetting",
    "IssuanceFailed",
    "Issuer",
    "RecordedRequest",
    "Settings",
    "Spoil",
    "StateFileError",
    "UnknownDomain",
]
