"""A test kit for programs that use this package.

Its fixtures come as a pytest plugin: `mailgun`, `mailgun_mocks` and `mailgun_stack`.
"""

from __future__ import annotations

from .mocks import MailgunMocks, MockedResource

__all__ = ["MailgunMocks", "MockedResource"]
