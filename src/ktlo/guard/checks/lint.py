"""The lint check: what the linters of a repository say, against the counts that it may have.

Which linters run and why not: :mod:`ktlo.guard.lint.running`; the counts: :mod:`ktlo.guard.lint.ratchet`.
"""

from __future__ import annotations

from typing import ClassVar

from ktlo.guard.checks.protocol import Answer, Subject, idle
from ktlo.guard.finding import Finding, Outcome
from ktlo.guard.lint.ratchet import BASELINE, Counts, held, of_check, read_counts, renamed
from ktlo.guard.lint.remark import CHECK, as_findings
from ktlo.guard.lint.running import Linted, lint
from ktlo.guard.snapshot import renamed_since


class Lint:
    """Linters, held to the ratchet."""

    name: ClassVar[str] = CHECK
    summary: ClassVar[str] = "linters that the repository uses, and reports of others; counts may only fall"

    def run(self, subject: Subject) -> Answer:
        """Run the linters.

        Raises:
            UserError: a linter or the baseline is not one.
        """
        if subject.is_past and subject.as_of < subject.now:
            return idle(self.name, "today's linters say nothing about the past")
        linted, findings = look(subject)
        if subject.is_past or subject.before is not None:
            return _answer(linted, findings, is_counted=True)
        counts = allowed(subject)
        if counts is None:
            return _answer(linted, findings)
        ratcheted = held(findings, of_check(counts, CHECK))
        left_out = list(linted.left_out)
        if ratcheted.slack and not linted.unchecked:
            left_out.append(
                f"{CHECK}: {ratcheted.slack:,} fewer than the baseline allows: ktlo check accept lowers it."
            )
        return _answer(linted, list(ratcheted.failing), tuple(left_out), known=ratcheted.known)


def look(subject: Subject) -> tuple[Linted, list[Finding]]:
    """What the linters say, and the same as findings, whatever the baseline.

    Raises:
        UserError: a linter in the settings is not one.
    """
    linted = lint(subject)
    return linted, as_findings(linted.remarks, subject.root)


def allowed(subject: Subject) -> Counts | None:
    """The counts of the repository under today's file names; ``None`` when it has none.

    Raises:
        UserError: the baseline cannot be read.
    """
    counts = read_counts(subject.root / BASELINE)
    if not counts:
        return counts
    gone = [path for path in counts if not (subject.root / path).is_file()]
    return renamed(counts, renamed_since(subject.root, BASELINE.as_posix())) if gone else counts


def _answer(
    linted: Linted,
    findings: list[Finding],
    left_out: tuple[str, ...] = (),
    *,
    known: int = 0,
    is_counted: bool = False,
) -> Answer:
    told = left_out or linted.left_out
    if not linted.tools and not linted.unchecked:
        reason = "no linter that may run is used here"
        return Answer(Outcome(CHECK, (), (), 0, ""), idle=reason, left_out=told, is_counted=is_counted)
    outcome = Outcome(
        CHECK,
        tuple(findings),
        linted.unchecked,
        len(linted.tools),
        "linters",
        tools=linted.tools,
        known=known,
    )
    return Answer(outcome, left_out=told, is_counted=is_counted)
