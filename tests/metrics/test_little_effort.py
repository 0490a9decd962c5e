"""Effort of less than one person-day: there is no share, and what there is is never called nothing."""

from __future__ import annotations

import pytest
from world import PERIOD, at, made, put

from ktlo.metrics.ask import ask
from ktlo.metrics.registry import definition
from ktlo.records.effort import Category, EffortShare, ItemKind, Layer
from ktlo.report.effort import effort
from ktlo.report.overview import overview
from ktlo.report.sections import NoLinks
from ktlo.report.words import estimate_text
from ktlo.store.embedded import EmbeddedStore


def worked(store: EmbeddedStore, days: float) -> None:
    put(
        store,
        [
            made(
                EffortShare, day=at("01-12").date(), person="ann", item_kind=ItemKind.COMMIT, source="git",
                item_id="c1", category=Category.BUG_FIX, layer=Layer.BUILT_IN_RULE, person_days=days,
            )
        ],
    )  # fmt: skip


def test_one_commit_of_a_fifth_of_a_day_tells_no_share_and_says_why(empty_store: EmbeddedStore) -> None:
    worked(empty_store, 0.19)
    found = ask(empty_store, definition("ktlo_share"), PERIOD).figures[0].statistics
    why = "only 0.19 person-days have a category: a share needs 1"
    for name in ("share", "as_classified", "if_none", "if_all"):
        assert estimate_text(found[name], "share", name) == f"not estimable: {why}"
    for section in (effort(empty_store, PERIOD, NoLinks()), overview(empty_store, PERIOD, NoLinks())):
        assert "%" not in section.answer.said
        assert section.known.sample.startswith("0.19 person-days of 1 item")
        assert "no person-days" not in str(section)


def test_one_person_day_tells_a_share_without_an_interval(empty_store: EmbeddedStore) -> None:
    worked(empty_store, 1.0)
    share = ask(empty_store, definition("ktlo_share"), PERIOD).figures[0].statistics["share"]
    assert share.value == pytest.approx(0.85, abs=0.15)
    assert estimate_text(share, "share", "share").endswith(
        "(no interval: one week only: an interval needs at least two)"
    )
