"""Runs at the start of each Python process below the engine: they end before collecting pays."""

import gc

gc.disable()
