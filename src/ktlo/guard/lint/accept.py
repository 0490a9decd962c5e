"""Writes the baseline of linters and workflow files: lowers it to what is found; raises it only when somebody says so.

``ktlo check accept`` is the only caller. Nothing is written when a linter could not run: its counts would be guesses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ktlo.errors import KtloError, UserError
from ktlo.guard.checks.lint import allowed, look
from ktlo.guard.checks.protocol import Subject
from ktlo.guard.checks.workflows import look_at_workflows
from ktlo.guard.lint.ratchet import BASELINE, Change, count, lowered, raised, write_counts


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was written.

    Attributes:
        is_new: there was no baseline before.
        total: findings that the baseline allows from now on.
        lower: by how much it allows less than before.
        refused: counts that would rise and were left as they are.
        risen: counts that were raised.
        tools: linters that were counted.
    """

    is_new: bool
    total: int
    lower: int
    refused: tuple[Change, ...]
    risen: tuple[Change, ...]
    tools: tuple[str, ...]


def accept(subject: Subject, *, allow_more: bool) -> Accepted:
    """Write the baseline.

    Args:
        subject: the repository.
        allow_more: counts may rise; a first baseline is written either way.

    Raises:
        UserError: no linter is used here, or the file cannot be written.
        KtloError: a linter could not run.
    """
    linted, findings = look(subject)
    workflows = look_at_workflows(subject)
    unchecked = (*linted.unchecked, *(workflows.unchecked if workflows else ()))
    if unchecked:
        one = unchecked[0]
        raise KtloError(
            f"nothing was written, because not everything could be counted: {one.what}: {one.reason}"
        )
    tools = (*linted.tools, *(workflows.tools if workflows else ()))
    if not tools:
        raise UserError(
            "no linter that may run is used here and there are no workflow files, so there is nothing to count",
            where=str(subject.root),
            fix="; ".join(linted.left_out) or "Give a report of one with --sarif",
        )
    found = count((*findings, *(workflows.findings if workflows else ())))
    before = allowed(subject)
    known = before or {}
    more = () if before is None else raised(found, known)
    counts: Mapping[str, Mapping[str, int]] = found if before is None or allow_more else lowered(found, known)
    try:
        write_counts(subject.root / BASELINE, counts)
    except OSError as error:
        raise UserError(
            f"the lint baseline cannot be written: {error.strerror}", where=str(BASELINE)
        ) from None
    return Accepted(
        is_new=before is None,
        total=_sum(counts),
        lower=sum(
            max(0, most - found.get(path, {}).get(rule, 0))
            for path, rules in known.items()
            for rule, most in rules.items()
        ),
        refused=() if allow_more else more,
        risen=more if allow_more else (),
        tools=tools,
    )


def _sum(counts: Mapping[str, Mapping[str, int]]) -> int:
    return sum(number for rules in counts.values() for number in rules.values())
