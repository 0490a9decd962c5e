"""docs/effort.md tells the constants that are in force."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ktlo.effort import links, rules, team_rules
from ktlo.records.effort import Category, ItemKind
from ktlo.settings import EffortSettings

DOCS = (Path(__file__).parents[2] / "docs" / "effort.md").read_text(encoding="utf-8")
HOURS = [
    name
    for name in EffortSettings.model_fields
    if name.endswith("_hours") or name == "commit_hours_per_doubling"
]


@pytest.mark.parametrize("setting", HOURS)
def test_every_hour_is_told_with_its_setting(setting: str) -> None:
    [row] = [line for line in DOCS.splitlines() if line.startswith("|") and f"`{setting}`" in line]
    default = EffortSettings.model_fields[setting].default
    assert f"{default:g}" in re.findall(r"[\d.]+", row.split("|")[2])


def test_the_length_of_a_day_is_told() -> None:
    assert f"`hours_per_day` ({EffortSettings().hours_per_day:g})" in DOCS


def test_every_category_and_condition_is_told() -> None:
    text = " ".join(DOCS.split())
    assert all(category.title in text for category in Category)
    assert all(
        f"`{name}`" in text
        for name in ("label", "issue_type", "request_type", "branch", "path", "repository", "title")
    )
    assert all(kind.value in text for kind in ItemKind)


def test_reliabilities_are_told_as_they_are() -> None:
    assert f"| team rule | {team_rules.CONFIDENCE:.2f} |" in DOCS
    assert f"| {rules.COMMIT_TYPE:.2f} | the author's own word" in DOCS
    assert f"| `chore`, `misc`, `maint` | {rules.VAGUE_TYPE:.2f} |" in DOCS
    [row] = [line for line in DOCS.splitlines() if line.startswith("| a link |")]
    told = [float(figure) for figure in re.findall(r"\d\.\d\d", row)]
    assert told == [links.CARRIES, links.CLOSES, links.NAMES]
