"""Where settings can be set, for messages: a command without a stack only has the environment."""

from __future__ import annotations

from dataclasses import dataclass

NAMESPACE = "mailgun-tracking"


@dataclass(frozen=True)
class SettingNames:
    """The names of settings.

    Attributes:
        has_stack: whether there is a stack, with a configuration of its own.
    """

    has_stack: bool

    def of(self, name: str, variable: str) -> str:
        """Where a setting can be set.

        Args:
            name: its name in the stack's configuration.
            variable: its name in the environment.
        """
        return f"{NAMESPACE}:{name} or {variable}" if self.has_stack else variable

    @property
    def base_url(self) -> str:
        """Where the base URL can be set."""
        return self.of("baseUrl", "MAILGUN_BASE_URL")

    @property
    def budget(self) -> str:
        """Where the budget of requests can be set."""
        return self.of("requestsPerMinute", "MAILGUN_REQUESTS_PER_MINUTE")


IN_STACK = SettingNames(has_stack=True)
