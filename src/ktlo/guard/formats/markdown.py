"""A comment for a pull or merge request: the verdict, what fails, what could not be checked; the rest folded.

With ``--since`` only what the change adds is in it. Names come from strangers: they stand in code spans, where they
neither format, link nor call anybody. The first line marks the comment, so that the next run can replace it.
"""

from __future__ import annotations

from ktlo.guard.finding import Finding, Unchecked
from ktlo.guard.formats.text import printable
from ktlo.guard.urgency import urgency
from ktlo.guard.verdict import ExitCode, Report

MARK = "<!-- ktlo check -->"
_MOST = 30
_LONGEST = 300
_SIGNS = {
    ExitCode.CLEAN: "✅",
    ExitCode.FINDINGS: "❌",
    ExitCode.INCONCLUSIVE: "❔",
    ExitCode.STALE: "⏳",
    ExitCode.USAGE: "❔",
}


def render(report: Report) -> str:
    """The report as GitHub's and GitLab's Markdown."""
    lines = [MARK, f"### {_SIGNS[report.code]} {_plain(report.headline)}"]
    if report.failing:
        lines += ["", "| level | rule | what | where |", "|---|---|---|---|"]
        shown = sorted(report.failing, key=urgency)
        lines += [_row(one) for one in shown[:_MOST]]
        lines += _more(len(shown))
    if report.unchecked:
        lines += ["", "**Not checked**", ""]
        lines += [_unchecked(one) for one in report.unchecked[:_MOST]]
        lines += _more(len(report.unchecked))
    if report.stale:
        lines += ["", f"**Too old:** {_code(report.stale)}"]
    if report.change is not None and report.change.existing:
        number = len(report.change.existing)
        lines += [
            "",
            f"<details><summary>{number:,} that were there before, and are not counted</summary>",
            "",
        ]
        lines += ["| level | rule | what | where |", "|---|---|---|---|"]
        lines += [_row(one) for one in sorted(report.change.existing, key=urgency)[:_MOST]]
        lines += [*_more(number), "", "</details>"]
    if report.tolerated:
        lines += ["", f"<details><summary>{len(report.tolerated):,} tolerated by policy</summary>", ""]
        lines += [f"- {_code(one.finding.rule)} {_code(one.reason)}" for one in report.tolerated[:_MOST]]
        lines += [*_more(len(report.tolerated)), "", "</details>"]
    return "\n".join(lines) + "\n"


def _row(finding: Finding) -> str:
    where = finding.location.path + (f":{finding.location.line}" if finding.location.line else "")
    what = _code(finding.message)
    if finding.fix:
        what += f"<br>{_code(finding.fix)}"
    return f"| {finding.level.value} | {_code(finding.rule)} | {what} | {_code(where)} |"


def _unchecked(one: Unchecked) -> str:
    return f"- {_code(one.what)}: {_code(one.reason)}"


def _more(number: int) -> list[str]:
    return ["", f"…and {number - _MOST:,} more."] if number > _MOST else []


def _code(text: str) -> str:
    """A code span that nothing ends early, also within a table."""
    plain = printable(text).replace("`", "'").replace("|", "¦").strip()
    if len(plain) > _LONGEST:
        plain = plain[: _LONGEST - 1] + "…"
    return f"`{plain}`" if plain else ""


def _plain(text: str) -> str:
    """A sentence of ours, in which a name may stand."""
    kept = printable(text)
    return "".join(f"\\{char}" if char in "\\`*_{}[]<>#|~@!" else char for char in kept)
