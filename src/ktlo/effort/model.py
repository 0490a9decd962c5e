"""The trained model that sorts work items into categories where no explicit rule speaks.

A linear classifier over hashed words, paths and the shape of the diff; its weights come from public
histories by ``training/train.py`` and are read from ``category_model.npz``. It knows the categories of
``CategoryModel.categories`` only (not incident and support, which have no honest training data) and abstains
below its thresholds. People's corrections override it item by item and shift its weights in memory
(regularised multinomial logistic regression).
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ktlo.effort.features import (
    BODY_LIMIT,
    BUCKETS,
    CHUNK,
    PATH_LIMIT,
    Evidence,
    Features,
    Floats,
    Indices,
    features,
)
from ktlo.records.effort import Category

CORRECTION_LIMIT: Final = 5000
"""The newest corrections that shift weights; older ones still override their own item."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The model's answer for one item."""

    category: Category
    confidence: float
    """Calibrated probability of the likeliest category; 1.0 where a person decided, 0.0 without evidence."""
    reason: str
    """In plain words: the words and paths that spoke for it."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A person's decision about one item."""

    evidence: Evidence
    category: Category


@dataclass(frozen=True)
class CategoryModel:
    """Weights, calibration and what people corrected. Classification does not change it."""

    categories: tuple[Category, ...]
    """The categories it can tell apart, in the order of the columns."""
    weights: Floats
    """(BUCKETS, categories)"""
    bias: Floats
    temperature: float
    """Logits are divided by it, so that a confidence of 80% is right four times in five (Guo et al. 2017)."""
    thresholds: npt.NDArray[np.float64]
    """(categories,): below this confidence the verdict is unattributed; infinite = never said."""
    overrides: Mapping[bytes, Category] = field(default_factory=dict)
    """What people decided, by fingerprint of the item."""

    def probabilities(self, items: Sequence[Evidence]) -> npt.NDArray[np.float64]:
        """Return the calibrated probability of each category: (items, categories)."""
        parts = [self._chances(features(items[at : at + CHUNK])) for at in range(0, len(items), CHUNK)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.categories)))

    def classify(self, items: Sequence[Evidence]) -> list[Verdict]:
        """Judge the items, in their order; about 20,000 a second on one core (docs/effort-model.md)."""
        chunks = (items[at : at + CHUNK] for at in range(0, len(items), CHUNK))
        return list(itertools.chain.from_iterable(map(self._judge, chunks)))

    def _chances(self, rows: Features) -> npt.NDArray[np.float64]:
        spoken = self.weights[rows.columns] * rows.values[:, None]
        logits = (np.add.reduceat(spoken, rows.starts, axis=0) + self.bias) / self.temperature
        return softmax(logits)

    def _judge(self, items: Sequence[Evidence]) -> Iterator[Verdict]:
        rows = features(items)
        chances = self._chances(rows)
        order = np.argsort(-chances, axis=1, kind="stable")
        best, second = order[:, 0], order[:, 1]
        number = np.arange(len(items))
        top, next_top = chances[number, best].tolist(), chances[number, second].tolist()
        thresholds = self.thresholds[best].tolist()
        spoke = self._strongest(rows, best)
        for row, item in enumerate(items):
            likeliest = self.categories[best[row]]
            if self.overrides and (decided := self.overrides.get(fingerprint(item))) is not None:
                yield Verdict(decided, 1.0, "corrected by a person")
            elif rows.silent[row]:
                yield Verdict(Category.UNATTRIBUTED, 0.0, "no words and no paths to go by")
            elif top[row] < thresholds[row]:
                other = self.categories[second[row]]
                reason = f"unclear: {likeliest.title} ({top[row]:.0%}) or {other.title} ({next_top[row]:.0%})"
                yield Verdict(Category.UNATTRIBUTED, top[row], reason)
            else:
                reason = f"looks like {likeliest.title}: {spoke[row]}"
                yield Verdict(likeliest, top[row], reason)

    def _strongest(self, rows: Features, chosen: npt.NDArray[np.intp]) -> list[str]:
        """Name up to three words or paths that spoke most for the chosen category, against the mean."""
        weight = self.weights[rows.columns, chosen[rows.rows]] - self.weights[rows.columns].mean(axis=1)
        said = np.where(rows.names < 0, 0.0, weight * rows.values)
        picks: list[list[str]] = [[] for _ in rows.starts]
        for _ in range(5):  # five, since a word and a pair that holds it count once
            peak = np.maximum.reduceat(said, rows.starts)
            at = np.flatnonzero((said == peak[rows.rows]) & (said > 0))
            _, once = np.unique(rows.rows[at], return_index=True)
            at = at[once]
            said[at] = 0.0
            for row, name in zip(rows.rows[at].tolist(), rows.names[at].tolist(), strict=True):
                word, taken = rows.words[name], picks[row]
                if len(taken) < 3 and not any(word in other or other in word for other in taken):
                    taken.append(word)
        return [", ".join(f"“{w}”" for w in taken) or "the size and shape of the diff" for taken in picks]


def softmax(logits: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Turn rows of logits into rows of probabilities."""
    exponents = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    normalised: npt.NDArray[np.float64] = exponents / exponents.sum(axis=1, keepdims=True)
    return normalised


def fingerprint(item: Evidence) -> bytes:
    """Identify an item by what it says and touches, so that a correction finds it again."""
    text = "\x00".join((item.title, item.body[:BODY_LIMIT], *item.paths[:PATH_LIMIT]))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def fit_corrections(model: CategoryModel, corrections: Sequence[Correction]) -> CategoryModel:
    """Learn from what people corrected: deterministic, in memory, rebuilt from the table of corrections.

    The corrected items themselves get exactly what the person said. For others the weights move by the least
    change (in the sense of a ridge penalty) that explains the corrections; a category that the model did not
    know is added when a correction names it.

    Args:
        model: The shipped model, not one already corrected.
        corrections: Oldest first; for the same item the last one counts.

    Returns:
        A corrected copy; the model itself where there is nothing to learn.
    """
    latest = {fingerprint(correction.evidence): correction for correction in corrections}
    if not latest:
        return model
    lessons = [c for c in latest.values() if c.category is not Category.UNATTRIBUTED][-CORRECTION_LIMIT:]
    taught = {c.category for c in lessons}
    new = tuple(c for c in Category if c in taught and c not in model.categories)
    known = model.categories + new
    pad = np.zeros((BUCKETS, len(new)), dtype=np.float32)
    # A category met for the first time starts out as unlikely: e^-3 against the mean of the known ones.
    bias = np.append(model.bias, np.full(len(new), model.bias.mean() - 3.0, dtype=np.float32))
    weights = np.concatenate([model.weights, pad], axis=1)
    # What a team teaches may be said from even chances on, also where the shipped model alone never says it.
    thresholds = np.append(model.thresholds, np.full(len(new), 0.5))
    thresholds[[known.index(category) for category in taught]] = np.minimum(
        thresholds[[known.index(category) for category in taught]], 0.5
    )
    if lessons:
        items = [lesson.evidence for lesson in lessons]
        truth = np.array([known.index(lesson.category) for lesson in lessons])
        weights = weights.copy()
        columns, change = _least_change(weights, bias, items, truth)
        weights[columns] += change
    overrides = {key: correction.category for key, correction in latest.items()}
    return dataclasses.replace(
        model, categories=known, weights=weights, bias=bias, thresholds=thresholds, overrides=overrides
    )


_RIDGE: Final = 0.3
_STEPS: Final = 40


def _least_change(
    weights: Floats, bias: Floats, items: Sequence[Evidence], truth: npt.NDArray[np.intp]
) -> tuple[Indices, Floats]:
    """Minimise log loss on the corrections + ridge on the change by Nesterov's accelerated gradient steps."""
    chunks = [features(items[at : at + CHUNK]) for at in range(0, len(items), CHUNK)]
    rows = np.concatenate([chunk.rows + at * CHUNK for at, chunk in enumerate(chunks)])
    values = np.concatenate([chunk.values for chunk in chunks]).astype(np.float64)
    columns, place = np.unique(np.concatenate([chunk.columns for chunk in chunks]), return_inverse=True)
    starts = np.searchsorted(rows, np.arange(len(items)))

    def speak(table: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        total: npt.NDArray[np.float64] = np.add.reduceat(table[place] * values[:, None], starts, axis=0)
        return total

    base = speak(weights[columns].astype(np.float64)) + bias
    target = np.eye(len(bias))[truth]
    reach = (
        np.bincount(place, values)[place] * values
    )  # row sums of the Gram matrix bound its largest eigenvalue
    step = 1 / (0.5 * float(np.add.reduceat(reach, starts).max()) + _RIDGE)
    change = np.zeros((len(columns), len(bias)))
    ahead, pace = change, 1.0
    for _ in range(_STEPS):
        error = (softmax(base + speak(ahead)) - target)[rows] * values[:, None]
        slope = np.stack([np.bincount(place, each, minlength=len(columns)) for each in error.T], axis=1)
        following = ahead - step * (slope + _RIDGE * ahead)
        next_pace = (1 + math.sqrt(1 + 4 * pace * pace)) / 2
        ahead = following + (pace - 1) / next_pace * (following - change)
        change, pace = following, next_pace
    return columns, change.astype(np.float32)


@functools.cache
def load_model() -> CategoryModel:
    """Read the shipped model (once a process)."""
    path = resources.files("ktlo.effort").joinpath("category_model.npz")
    with path.open("rb") as file, np.load(file) as stored:
        return CategoryModel(
            categories=tuple(Category(name) for name in stored["categories"].tolist()),
            weights=stored["weights"].astype(np.float32) * stored["scale"],
            bias=stored["bias"],
            temperature=float(stored["temperature"]),
            thresholds=stored["thresholds"],
        )
