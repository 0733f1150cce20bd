"""An emulator of the part of Mailgun that this package manages, for tests and previews.

It stands alone: it shares no code with the client, so that one misreading of the API cannot hide
in both, and nothing imports it unless asked. It needs the extra `emulator`.
"""

from __future__ import annotations

from .certificates import CertificateSnapshot, IssuanceFailed, Issuer
from .dials import Dials
from .domains import DomainSnapshot
from .faults import Fault
from .history import RecordedRequest
from .problems import InvalidSetting
from .server import Emulator, EmulatorError
from .settings import Settings
from .state_file import StateFileError
from .store import DomainTaken, UnknownDomain

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
    "StateFileError",
    "UnknownDomain",
]
