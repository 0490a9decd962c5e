"""A rehearsal of many days, for people and for programs: how many builds would have failed, and on which days."""

from __future__ import annotations

from ktlo.guard.formats.text import printable
from ktlo.guard.formats.written import as_json
from ktlo.guard.rehearsal import Rehearsal
from ktlo.guard.verdict import ExitCode

_WORDS = {
    ExitCode.CLEAN: "clean",
    ExitCode.FINDINGS: "failed",
    ExitCode.INCONCLUSIVE: "inconclusive",
    ExitCode.STALE: "too old",
}


def render_text(rehearsal: Rehearsal) -> str:
    """The sentence, then a line a day."""
    lines = [rehearsal.headline, ""]
    lines.append(
        f"{'day':<12} {'verdict':<13} {'failing':>7} {'tolerated':>9} {'unchecked':>9}  first of them"
    )
    lines += [
        f"{day.date.isoformat():<12} {_WORDS[day.code]:<13} {day.failing:>7,} {day.tolerated:>9,}"
        f" {day.unchecked:>9,}  {printable(', '.join(day.worst))}".rstrip()
        for day in rehearsal.days
    ]
    return "\n".join(lines) + "\n"


def render_json(rehearsal: Rehearsal) -> str:
    """Verdict and days."""
    content = {
        "verdict": {
            "code": int(rehearsal.code),
            "name": rehearsal.code.name.lower(),
            "headline": rehearsal.headline,
        },
        "days": [
            {
                "date": one.date,
                "code": int(one.code),
                "name": one.code.name.lower(),
                "headline": one.headline,
                "failing": one.failing,
                "worst": one.worst,
                "unchecked": one.unchecked,
                "tolerated": one.tolerated,
            }
            for one in rehearsal.days
        ],
    }
    return as_json(content)
