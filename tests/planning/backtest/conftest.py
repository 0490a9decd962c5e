"""Lets the tests of the backtest use the worlds of the load."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "load"))
