"""What the measurement of a large tracker says to arguments that make no sense, before it does anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "tracker_collection.py"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--most"], "argument --most: expected one argument"),
        (["--most", "much", "100"], "argument --most: invalid float value: 'much'"),
        (["0"], "'0' is no number of issues from 1 on"),
        (["5k"], "'5k' is no number of issues from 1 on"),
    ],
)
def test_arguments_that_make_no_sense_end_with_how_it_is_used(arguments: list[str], sentence: str) -> None:
    ran = subprocess.run([sys.executable, BENCHMARK, *arguments], check=False, capture_output=True, text=True)
    assert ran.returncode == 2
    assert ran.stderr.startswith("usage: ")
    assert sentence in ran.stderr
