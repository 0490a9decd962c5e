"""Train, calibrate and measure the category model; write ``category_model.npz``.

Reads what ``training/collect.py`` wrote. The scores come from leaving whole repositories out (a model never
sees the repository that it is measured on); a hand-labelled set of other repositories is only measured.

    python training/train.py examples.jsonl hand.jsonl --out src/ktlo/effort/category_model.npz
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_array, vstack
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from ktlo.effort.features import BUCKETS, CHUNK, Evidence, features
from ktlo.effort.model import CategoryModel, softmax
from ktlo.records.effort import Category

SEED = 20261124
FOLDS = 6
STRENGTH = 0.5
"""Inverse ridge strength, chosen on held-out repositories among 0.15, 0.5 and 2."""
TARGET_PRECISION = 0.60
LEAST_CONFIDENCE = 0.50
"""A category is said from the least confidence on at which this share of such verdicts is right, held out."""
WEIGHTS = {Category.SECURITY.value: 10.0, Category.PERFORMANCE.value: 3.0}
"""These are rare in histories: their examples count more, or the ridge would silence them."""
KNOWN = tuple(c for c in Category if c not in (Category.INCIDENT, Category.SUPPORT, Category.UNATTRIBUTED))

WORDINGS: dict[str, tuple[float, tuple[str, ...]]] = {
    # Without "fix: ", the text of a fix seldom says "fix", while people who use no types write exactly that.
    # So a part of the examples gets the type back in the words of such people.
    "fix": (0.5, ("Fix", "Fixed", "Fixes", "Fix bug:", "Bug fix:", "Fix issue:")),
    "test": (0.35, ("Test", "Add tests for", "Tests:", "Fix test:", "Add test:", "Improve tests:")),
    "docs": (0.35, ("Docs:", "Document", "Update docs:", "Documentation:", "Fix docs:", "Fix typo in")),
    "refactor": (0.3, ("Refactor", "Clean up", "Cleanup:", "Simplify", "Refactored")),
    "perf": (0.2, ("Optimize", "Speed up", "Faster", "Improve performance of")),
    "feat": (0.3, ("Add", "Added", "Implement", "Support", "Allow", "New:")),
    "ci": (0.3, ("CI:", "Fix CI:", "Fix build:", "Travis:", "GitHub Actions:")),
    "build": (0.3, ("Build:", "Fix build:", "Release:", "Packaging:")),
}
TELLTALE = re.compile(
    r"\b(?:CVE(?:-\d+)*|GHSA[-\w]*|vulnerabilit(?:y|ies)|vulnerable|security)\b", re.IGNORECASE
)
STARTS_WITH_VERB = re.compile(
    r"^(?:fix|add|implement|support|allow|test|doc|refactor|clean|optimi|speed|improve|ci\b|build)", re.I
)


@dataclass(frozen=True)
class Examples:
    """Parallel arrays of examples."""

    evidence: list[Evidence]
    labels: npt.NDArray[np.str_]
    kinds: list[str]
    repositories: npt.NDArray[np.str_]


def read(path: Path) -> Examples:
    """Read the JSON lines of ``collect.py``."""
    rows = [json.loads(line) for line in path.open(encoding="utf-8")]
    return Examples(
        [
            Evidence(r["title"], r["body"], tuple(r["paths"]), r["lines_added"], r["lines_deleted"])
            if r["paths"]
            else Evidence(r["title"], r["body"])
            for r in rows
        ],
        np.array([r["label"] for r in rows]),
        [r["kind"] for r in rows],
        np.array([r["repository"] for r in rows]),
    )


def varied(item: Evidence, kind: str, label: str, rng: random.Random) -> Evidence:
    """Say the same thing as another team might: other words, no body, no diff (as in an issue)."""
    title, body = item.title, "" if rng.random() < 0.35 else item.body
    if (
        label == Category.SECURITY and rng.random() < 0.5
    ):  # the label came from these words: lean on others too
        title, body = TELLTALE.sub("", title), TELLTALE.sub("", body)
    share, words = WORDINGS.get(kind, (0.0, ()))
    if rng.random() < share and not STARTS_WITH_VERB.match(title):
        title = f"{rng.choice(words)} {title}"
    if rng.random() < 0.25:
        return Evidence(title, body)
    return Evidence(title, body, item.paths, item.lines_added, item.lines_deleted)


def matrix(items: Sequence[Evidence]) -> csr_array:
    """Turn items into a sparse matrix by the very code that runs in production."""
    parts = []
    for at in range(0, len(items), CHUNK):
        rows = features(items[at : at + CHUNK])
        pointer = np.append(rows.starts, len(rows.columns))
        parts.append(csr_array((rows.values, rows.columns, pointer), shape=(len(rows.starts), BUCKETS)))
    return vstack(parts, format="csr")


def fit(x: csr_array, y: npt.NDArray[np.str_], strength: float) -> LogisticRegression:
    """Fit one multinomial logistic regression."""
    weight = np.array([WEIGHTS.get(label, 1.0) for label in y])
    return LogisticRegression(C=strength, max_iter=150, tol=1e-3).fit(x, y, sample_weight=weight)


def logits(fitted: LogisticRegression, x: csr_array) -> npt.NDArray[np.float64]:
    """Return (items, KNOWN) logits, in the order of ``KNOWN``."""
    order = [list(fitted.classes_).index(category.value) for category in KNOWN]
    return np.asarray(fitted.decision_function(x))[:, order]


def calibrate(scores: npt.NDArray[np.float64], truth: npt.NDArray[np.intp]) -> float:
    """Find the temperature with the least log loss (Guo et al. 2017)."""

    def loss(temperature: float) -> float:
        return float(-np.log(softmax(scores / temperature)[np.arange(len(truth)), truth] + 1e-12).mean())

    return float(minimize_scalar(loss, bounds=(0.3, 5.0), method="bounded").x)


def abstention(chances: npt.NDArray[np.float64], truth: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """Find each category's least threshold that reaches ``TARGET_PRECISION``; infinite where none does."""
    best, top = chances.argmax(axis=1), chances.max(axis=1)
    thresholds = np.full(chances.shape[1], np.inf)
    for category in range(chances.shape[1]):
        for threshold in np.arange(LEAST_CONFIDENCE, 0.97, 0.01):
            said = (best == category) & (top >= threshold)
            if said.sum() >= 30 and (truth[said] == category).mean() >= TARGET_PRECISION:
                thresholds[category] = threshold
                break
    return thresholds


def counts(verdicts: Sequence[str], truth: Sequence[str], labels: Sequence[str]) -> npt.NDArray[np.int64]:
    """Count (truth, verdict) with abstention in the last column."""
    columns = [*(c.value for c in KNOWN), Category.UNATTRIBUTED.value]
    table = np.zeros((len(labels), len(columns)), dtype=np.int64)
    for true, said in zip(truth, verdicts, strict=True):
        table[list(labels).index(true), columns.index(said)] += 1
    return table


def report(title: str, table: npt.NDArray[np.int64], labels: Sequence[str]) -> str:
    """Write the confusion matrix with precision and recall as Markdown."""
    columns = [*(c.value for c in KNOWN), Category.UNATTRIBUTED.value]
    given = table[:, :-1].sum()
    right = sum(table[i, columns.index(label)] for i, label in enumerate(labels) if label in columns[:-1])
    lines = [
        f"### {title}",
        "",
        f"n = {table.sum():,}; a verdict for {given / table.sum():.1%}; of those right: {right / given:.1%}.",
        "",
        "| truth | n | precision | recall | " + " | ".join(columns) + " |",
        "|---|" + "---:|" * (len(columns) + 3),
    ]
    for i, label in enumerate(labels):
        j = columns.index(label)
        said = table[:, j].sum()
        precision = f"{table[i, j] / said:.0%}" if said and j < len(columns) - 1 else "-"
        recall = f"{table[i, j] / table[i].sum():.0%}" if table[i].sum() else "-"
        cells = [label, f"{table[i].sum():,}", precision, recall, *map(str, table[i])]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Train, measure, write the model and print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("examples", type=Path)
    parser.add_argument("hand", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--strength", type=float, default=STRENGTH)
    arguments = parser.parse_args()
    data = read(arguments.examples)
    rng = random.Random(SEED)  # noqa: S311
    x = matrix(data.evidence)
    given = zip(data.evidence, data.kinds, data.labels, strict=True)
    x_varied = matrix([varied(item, kind, label, rng) for item, kind, label in given])
    names = [category.value for category in KNOWN]
    truth = np.array([names.index(label) for label in data.labels])

    held_out = np.zeros((len(truth), len(KNOWN)))
    for train, test in GroupKFold(FOLDS, shuffle=True, random_state=SEED).split(x, groups=data.repositories):
        fitted = fit(x_varied[train], data.labels[train], arguments.strength)
        held_out[test] = logits(fitted, x[test])
    commits = np.array(
        [kind != "advisory" for kind in data.kinds]
    )  # advisories teach; they are no work items
    temperature = calibrate(held_out[commits], truth[commits])
    chances = softmax(held_out / temperature)
    thresholds = abstention(chances[commits], truth[commits])
    best = chances.argmax(axis=1)
    said = np.where(chances.max(axis=1) >= thresholds[best], np.array(names)[best], "unattributed")
    held_out_counts = counts(said[commits], data.labels[commits], names)

    fitted = fit(x_varied, data.labels, arguments.strength)
    order = [list(fitted.classes_).index(name) for name in names]
    weights, bias = fitted.coef_[order].T, fitted.intercept_[order].astype(np.float32)
    weights = weights - weights.mean(axis=1, keepdims=True)
    scale = (np.abs(weights).max(axis=0) / 127).astype(np.float32)
    quantised = np.rint(weights / scale).astype(np.int8)
    model = CategoryModel(KNOWN, quantised.astype(np.float32) * scale, bias, temperature, thresholds)

    hand = read(arguments.hand)
    verdicts = [verdict.category.value for verdict in model.classify(hand.evidence)]
    hand_names = [*names, Category.UNATTRIBUTED.value]
    hand_counts = counts(verdicts, hand.labels.tolist(), hand_names)
    np.savez_compressed(
        arguments.out, categories=np.array(names), weights=quantised, scale=scale, bias=bias,
        temperature=temperature, thresholds=thresholds,
        held_out_truth=np.array(names), held_out_counts=held_out_counts,
        hand_checked_truth=np.array(hand_names), hand_checked_counts=hand_counts,
    )  # fmt: skip
    print(
        f"strength {arguments.strength}, temperature {temperature:.3f}, "
        f"{arguments.out.stat().st_size:,} bytes"
    )
    print("thresholds", dict(zip(names, thresholds.round(2).tolist(), strict=True)))
    print(f"without abstention {np.mean(best[commits] == truth[commits]):.3f} right")
    for low in np.arange(0.2, 1.0, 0.1):
        inside = commits & (chances.max(axis=1) >= low) & (chances.max(axis=1) < low + 0.1)
        right = np.mean(best[inside] == truth[inside])
        print(f"said {low:.1f} to {low + 0.1:.1f}: right {right:.2f} of {inside.sum()}")
    print(report("Held out by repository", held_out_counts, names))
    print(report("Checked by hand", hand_counts, hand_names))


if __name__ == "__main__":
    main()
