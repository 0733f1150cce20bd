"""pytester, which runs pytest on tests that use the plugin."""

pytest_plugins = ["pytester"]
