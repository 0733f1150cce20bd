"""A test kit for programs that use this package.

The fixtures come as a pytest plugin: `mailgun`, `mailgun_mocks` and `mailgun_stack`. Tests of
policies need no fixture: they are in `mailgun_tracking.testing.policies`.
"""

from __future__ import annotations

try:
    from .mocks import MailgunMocks, MockedResource
    from .stack import MailgunStack, MailgunStackFactory
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"mailgun_tracking.testing needs {error.name}: "
        "install the package as mailgun-tracking[test]",
        name=error.name,
    ) from error

__all__ = ["MailgunMocks", "MailgunStack", "MailgunStackFactory", "MockedResource"]
