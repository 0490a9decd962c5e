"""The rows behind ``tests/golden/dialects.txt``: a fortnight of one service in January 2026."""

from __future__ import annotations

from typing import Any

from world import at, bug, incident, made, put

from ktlo.delivery.derive import derive_delivery
from ktlo.metrics.question import Question
from ktlo.records import code, effort, work
from ktlo.records.effort import Category, ItemKind, Layer
from ktlo.settings import Settings
from ktlo.store.protocol import Store

FORTNIGHT = Question(at("01-05"), at("01-19"), at("02-01"))


def sha(name: str) -> str:
    """``a2`` as a commit of forty digits."""
    return name * 20


def _deployed(name: str, began: str, ended: str | None, commit: str, **said: Any) -> Any:
    given = {"environment": "production", "status": "success", "sha": sha(commit) if commit else ""} | said
    return made(
        work.Deployment, source="forge", external_id=name, service="shop", repository="acme/shop",
        started_at=at(began), finished_at=at(ended) if ended else None, **given,
    )  # fmt: skip


def _change(name: str, opened: str, merged: str, merge: str, *commits: str) -> Any:
    return made(
        work.Change, source="forge", external_id=name, repository="acme/shop", title=name, state="merged",
        author="ann", created_at=at(opened), merged_at=at(merged), merge_sha=sha(merge),
        commits=tuple(sha(each) for each in commits),
    )  # fmt: skip


def _commit(name: str, authored: str, committed: str) -> Any:
    return made(
        code.Commit, source="git", repository="acme/shop", sha=sha(name), authored_at=at(authored),
        committed_at=at(committed), dated_by="author",
    )  # fmt: skip


def records() -> list[Any]:
    """All rows."""
    incidents = [
        incident("I1", "01-06 12:00", mitigated_at=at("01-06 13:00"), resolved_at=at("01-06 14:30:30"),
                 closed_at=at("01-06 16:00")),
        incident("I2", "01-07 00:00", resolved_at=at("01-10 00:00"), closed_at=at("01-10 00:00"),
                 caused_by=sha("a2")[:12]),
        incident("I3", "01-13 10:00"),
        incident("I4", "01-03 08:00", resolved_at=at("01-05 08:00:59"), closed_at=at("01-05 09:00")),
        incident("I5", "01-09 09:00", state="cancelled", resolved_at=at("01-09 09:59"), closed_at=at("01-09 09:59")),
        incident("I6", "01-20 10:00", resolved_at=at("01-21 10:00"), closed_at=at("01-21 10:00")),
    ]  # fmt: skip
    bugs = [
        bug("B1", "acme/shop", "01-06 00:00", "01-08 00:00:30"),
        bug("B2", "acme/shop", "01-07 00:00", None),
        bug("B3", "acme/shop", "2025-12-16 00:00", "01-06 00:00"),
        bug("B4", "acme/shop", "01-10 00:00", "01-22 00:00"),
    ]
    verdicts = [
        made(effort.Verdict, item_kind=ItemKind.ISSUE, source=one.source, item_id=one.external_id, title="",
             category=Category.BUG_FIX, layer=Layer.CORRECTION, confidence=1.0, reason="as corrected")
        for one in bugs
    ]  # fmt: skip
    return [
        _deployed("D0", "01-02 10:00", "01-02 10:10", "a0"),
        _deployed("D1", "01-06 10:00", "01-06 10:10", "a1"),
        _deployed("D2", "01-06 14:00", "01-06 14:05", "a2"),
        _deployed("D3", "01-08 09:00", "01-08 09:30", "a3", status="failure"),
        _deployed("D4", "01-13 09:00", "01-13 09:20", "a4"),
        _deployed("D5", "01-14 12:00", "01-14 12:10", "a5", environment="staging"),
        _deployed("D6", "01-14 15:00", None, "", status="unknown"),
        *[type(one)(**{name: getattr(one, name) for name in one.__slots__} | {"service": "shop"}) for one in incidents],
        _change("C1", "01-05 09:00", "01-06 09:00", "a1", "c1"),
        _change("C2", "01-06 11:00:10", "01-06 13:00", "a2", "c2"),
        _change("C3", "01-01 09:00", "01-02 09:00", "a0"),
        _change("C4", "01-12 09:00", "01-12 10:00", "b4"),
        made(work.Review, source="forge", change_id="C1", review_id="R1", repository="acme/shop", reviewer="bob",
             submitted_at=at("01-05 10:00:30"), state="approved"),
        made(work.Review, source="forge", change_id="C2", review_id="R2", repository="acme/shop", reviewer="ann",
             submitted_at=at("01-06 12:00"), state="approved"),
        _commit("c1", "01-04 09:00", "01-04 10:00"),
        _commit("c2", "01-06 10:30", "01-06 10:30"),
        _commit("a0", "01-02 09:00", "01-02 09:00"),
        _commit("a1", "01-06 09:00", "01-06 09:00"),
        _commit("a2", "01-06 13:00", "01-06 13:00"),
        _commit("a4", "01-13 08:50", "01-13 08:50"),
        _commit("a5", "01-14 11:30", "01-14 11:30"),
        *bugs,
        *verdicts,
    ]  # fmt: skip


def fill(store: Store) -> None:
    """Put all rows into a store."""
    put(store, records())
    derive_delivery(store, Settings(), [])
