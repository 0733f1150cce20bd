"""pytester, which runs pytest on tests that use the plugin."""

from __future__ import annotations

pytest_plugins = ["pytester"]
