"""The schedule to take along: CSV for a spreadsheet, Markdown whose sections are ready to paste as issues."""

from __future__ import annotations

import re

from ktlo.planning.debt.entry import Entry
from ktlo.planning.debt.register import Register
from ktlo.planning.debt.returns import return_of
from ktlo.planning.debt.schedule import Schedule
from ktlo.report.charts import COUNT, SHARE, Heading, Row, Table, unit_named, written
from ktlo.report.debt_words import (
    WHY_WORDS,
    amount_words,
    fact_words,
    return_words,
    schedule_words,
    standing_words,
)

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|<>~@])")


def schedule_table(found: Register, plan: Schedule) -> Table:
    """A row a week and entry."""
    entries = {entry.key: entry for entry in found.entries}
    return Table(
        (
            Heading("week"), Heading("key"), Heading("entry"), Heading("kind"), Heading("repository"), Heading("path"),
            Heading("hours", unit_named("h")), Heading("done"),
        ),
        tuple(
            Row(
                (
                    plan.monday(slot.week), slot.key, entries[slot.key].title, entries[slot.key].kind.value,
                    entries[slot.key].repository, entries[slot.key].path, slot.hours, "yes" if slot.is_done else "no",
                )
            )
            for slot in plan.slots
        ),
    )  # fmt: skip


def entries_table(entries: tuple[Entry, ...]) -> Table:
    """A row an entry, with its numbers."""
    hours, monthly = unit_named("h"), unit_named("h a month")
    rows = []
    for entry in entries:
        principal, interest, paying = entry.principal.estimate, entry.interest.estimate, return_of(entry)
        rows.append(
            Row(
                (
                    entry.key, entry.kind.value, entry.title, entry.repository, entry.service, entry.team, entry.path,
                    principal.value, principal.low, principal.high, interest.value, interest.low, interest.high,
                    "yes" if entry.interest.is_shown else "no", paying.ratio.value, paying.pays_back,
                    standing_words(entry), entry.since, "; ".join(k.person for k in entry.knowers),
                )
            )
        )  # fmt: skip
    return Table(
        (
            Heading("key"), Heading("kind"), Heading("entry"), Heading("repository"), Heading("service"),
            Heading("team"), Heading("path"), Heading("principal hours", hours), Heading("principal low", hours),
            Heading("principal high", hours), Heading("interest hours a month", monthly),
            Heading("interest low", monthly), Heading("interest high", monthly), Heading("extra cost shown"),
            Heading("return in a year", COUNT), Heading("pays back in a year", SHARE), Heading("status"),
            Heading("since"), Heading("who knows the code"),
        ),
        tuple(rows),
    )  # fmt: skip


def schedule_markdown(found: Register, plan: Schedule) -> str:
    """The schedule, then one section an entry: its title is the issue's title, its text the issue's body."""
    day = found.period.hours_per_day
    entries = {entry.key: entry for entry in found.entries}
    lines = ["# Debt to pay back", "", _escaped(schedule_words(found, plan)), ""]
    if plan.slots:
        lines += ["| Week of | Entry | Hours | |", "|---|---|---:|---|"]
        lines += [
            f"| {plan.monday(slot.week)} | {_escaped(entries[slot.key].title)} | {written(slot.hours, COUNT)}"
            f" | {'done' if slot.is_done else 'goes on'} |"
            for slot in plan.slots
        ]
        lines.append("")
    for key in plan.order:
        entry = entries[key]
        ratio = return_words(entry)
        lines += [f"## Pay back: {_escaped(entry.title)}", ""]
        if entry.repository:
            lines.append(f"- Repository: {_escaped(entry.repository)}")
        if entry.path:
            lines.append(f"- Path: {_escaped(entry.path)}")
        lines += [
            f"- Interest: {_escaped(amount_words(entry.interest, day, per=' a month'))}",
            f"- Principal: {_escaped(amount_words(entry.principal, day))} ({_escaped(entry.principal.basis)})",
        ]
        if ratio:
            lines.append(f"- Return in a year: {_escaped(ratio)}")
        if entry.knowers:
            lines.append(f"- Who knows the code: {_escaped(', '.join(k.name for k in entry.knowers))}")
        lines += [f"- {_escaped(fact.label)}: {_escaped(fact_words(fact, day))}" for fact in entry.evidence]
        lines += [f"- ktlo debt entry: `{entry.key}`", ""]
    if plan.left:
        lines += ["## Not scheduled", ""]
        lines += [
            f"- {_escaped(entries[key].title)}: {WHY_WORDS[why]}"
            for key, why in plan.left.items()
            if key in entries
        ]
        lines.append("")
    return "\n".join(lines)


def _escaped(text: str) -> str:
    """Text that Markdown and the HTML within it show as it is."""
    return _SPECIAL.sub(r"\\\1", text.replace("\n", " ").replace("&", "&amp;"))
