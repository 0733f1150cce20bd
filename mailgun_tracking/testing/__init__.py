"""A test kit for programs that use this package.

The fixtures come as a pytest plugin: `mailgun`, `mailgun_mocks` and `mailgun_stack`.
"""

from __future__ import annotations

from .mocks import MailgunMocks, MockedResource
from .stack import MailgunStack, MailgunStackFactory

__all__ = ["MailgunMocks", "MailgunStack", "MailgunStackFactory", "MockedResource"]
