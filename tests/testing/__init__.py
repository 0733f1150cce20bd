"""The test kit, and the pytest plugin that brings its fixtures."""
