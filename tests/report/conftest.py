"""Lets the tests of this folder import its samples, its gallery, and the small world of the metrics."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
# The small world is shared with the metrics.
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "metrics"))
