"""Words for a page with nothing on it: why that is, and the one thing that fills it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ktlo.metrics.ask import anything_collected
from ktlo.metrics.extent import extent
from ktlo.metrics.question import Question
from ktlo.metrics.registry import Family
from ktlo.report.charts.calendar_ticks import day_label
from ktlo.report.pieces import Nothing
from ktlo.server.web.rendering import with_query
from ktlo.store.protocol import Store
from ktlo.wording import counted


def nothing_yet(store: Store, said: Nothing) -> Nothing:
    """Tell sources that were read and had nothing of it from a store that nothing feeds.

    Args:
        store: where the records are.
        said: what there is none of; its button is replaced.
    """
    if anything_collected(store):
        why = f"{said.why} What is connected has delivered nothing of it yet."
        return replace(said, why=why, button="See what is connected", href="/sources")
    return replace(said, button="Add a source", href="/sources/add")


def why_nothing(
    store: Store, question: Question, said: Nothing, path: str, families: Sequence[Family]
) -> Nothing:
    """Tell an empty period from filters that leave nothing, from sources that told nothing, and from an empty store.

    Args:
        store: where the records are.
        question: what was asked.
        said: what the page is about, and what fills it.
        path: of the page.
        families: whose records decide.
    """
    there = extent(store, *families)
    if there is None:
        return nothing_yet(store, said)
    when = f"{day_label(there.first.date())} to {day_label(there.last.date())}"
    outside = question.end <= there.first or question.start > there.last
    if outside:
        why = f"The records run from {when}."
        href = with_query(path, {"from": "all"})
        return Nothing(said.title, why, button="Show the whole period", href=href)
    if any(question.only.values()):
        why = f"{said.why} The records run from {when}; the filters leave none of them in this period."
        return Nothing(said.title, why, button="Show without filters", href=with_query(path, {"from": "all"}))
    why = f"{said.why} There {'is' if there.records == 1 else 'are'} {counted(there.records, 'records')} from {when}."
    if question.start <= there.first and question.end > there.last:
        # The whole period is what is shown.
        return Nothing(said.title, why, said.command)
    return Nothing(said.title, why, said.command, "Show the whole period", with_query(path, {"from": "all"}))
