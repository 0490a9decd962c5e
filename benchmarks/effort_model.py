"""How fast the category model is: loading it, as items that it judges in that time, and items a second.

Run: ``python benchmarks/effort_model.py``. The floor of loading is reading the arrays of its file. Figures of a busy
machine mislead: trust the ratios. New titles are judged first, the same ones again after that.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from importlib import resources
from pathlib import Path

import numpy as np
from _repeated import seconds

from ktlo.effort.features import Evidence
from ktlo.effort.model import load_model

OBVIOUS = Path(__file__).parents[1] / "tests" / "golden" / "obvious_work.tsv"
ITEMS = 10_000
cpu_seconds = partial(seconds, clock=time.process_time)


def items(rng: np.random.Generator) -> list[Evidence]:
    """Obvious work, with a word in each title that is its own."""
    rows = [line.split("\t") for line in OBVIOUS.read_text("utf-8").splitlines() if not line.startswith("#")]
    made = []
    for number in rng.integers(0, len(rows), ITEMS):
        _, title, paths, added, deleted = rows[number]
        title = f"{title} {rng.integers(1 << 40):x}"
        made.append(Evidence(title, "", tuple(filter(None, paths.split(","))), int(added), int(deleted)))
    return made


def main() -> None:
    """Measure and print."""

    def arrays() -> list[np.ndarray]:
        path = resources.files("ktlo.effort").joinpath("category_model.npz")
        with path.open("rb") as file, np.load(file) as stored:
            return [stored[name] for name in stored.files]

    floor, load = cpu_seconds(arrays), cpu_seconds(load_model.__wrapped__)
    model, judged = load_model(), items(np.random.default_rng(1))
    first, again = cpu_seconds(lambda: model.classify(judged), 1), cpu_seconds(lambda: model.classify(judged))
    print(f"loading: {1000 * load:.0f} ms, {load / floor:.1f} times reading its arrays")
    print(f"judging {ITEMS:,} items: {ITEMS / first:,.0f} a second when new, {ITEMS / again:,.0f} again")
    print(f"loading takes as long as judging {load / again * ITEMS:,.0f} items")
    if load > 2 * again:
        sys.exit(f"loading takes longer than judging {2 * ITEMS:,} items")


if __name__ == "__main__":
    main()
