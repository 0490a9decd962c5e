"""The ratchet: how often each rule may occur in each file. Counts only fall; a renamed file keeps its counts.

The counts are a file made to be committed, ``.ktlo/lint-baseline.json``. It works for whatever writes SARIF, because
it knows nothing of rules. Renames come from git: since the last commit that touched the counts.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from ktlo.errors import UserError
from ktlo.guard.finding import Finding

BASELINE = Path(".ktlo") / "lint-baseline.json"
"""Where a repository keeps its counts, relative to its root."""
_LARGEST = 64 << 20
_FIX = "Restore it, or write it anew: remove it and run ktlo check accept"

Counts = Mapping[str, Mapping[str, int]]
"""How often, by path and then by ``tool/rule``."""


class _File(msgspec.Struct):
    version: int
    counts: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Ratcheted:
    """Findings against counts.

    Attributes:
        failing: all findings of each rule and file that has more than allowed.
        known: number of findings within what is allowed.
        slack: by how much the counts could be lowered.
    """

    failing: tuple[Finding, ...]
    known: int
    slack: int


@dataclass(frozen=True, slots=True)
class Change:
    """One count that would change.

    Attributes:
        path: file.
        rule: ``tool/rule``.
        allowed: as it is.
        found: as it would be.
    """

    path: str
    rule: str
    allowed: int
    found: int


def read_counts(file: Path) -> Counts | None:
    """The counts of a repository; ``None`` when it has none.

    Raises:
        UserError: the file cannot be read or is something else.
    """
    try:
        if file.is_symlink() or (file.exists() and not file.is_file()):
            raise UserError("the lint baseline is no regular file", where=str(file), fix=_FIX)
        if file.stat().st_size > _LARGEST:
            raise UserError("the lint baseline is larger than 64 MiB", where=str(file), fix=_FIX)
        read = msgspec.json.decode(file.read_bytes(), type=_File)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"the lint baseline cannot be read: {error.strerror}", where=str(file)) from None
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UserError(f"the lint baseline is not one: {error}", where=str(file), fix=_FIX) from None
    if read.version != 1 or any(count < 1 for rules in read.counts.values() for count in rules.values()):
        raise UserError("the lint baseline is of another version", where=str(file), fix=_FIX)
    return read.counts


def of_check(counts: Counts, check: str) -> dict[str, dict[str, int]]:
    """The counts of one check: of rules ``workflows/…`` for the workflows check, of all others for linters."""
    return {
        path: kept
        for path, rules in counts.items()
        if (kept := {rule: number for rule, number in rules.items() if _is_of(rule, check)})
    }


def _is_of(rule: str, check: str) -> bool:
    return rule.startswith("workflows/") == (check == "workflows")


def write_counts(file: Path, counts: Counts) -> None:
    """Write counts, replacing the file at once or not at all.

    Raises:
        OSError: it cannot be written.
        UserError: its folder is a link, so that it would be written elsewhere.
    """
    if file.parent.is_symlink():
        raise UserError("the folder of the lint baseline is a link", where=str(file.parent))
    kept = {
        path: {rule: rules[rule] for rule in sorted(rules) if rules[rule]}
        for path, rules in sorted(counts.items())
        if any(rules.values())
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(json.dumps({"version": 1, "counts": kept}, indent=1) + "\n", "utf-8")
    draft.replace(file)


def count(findings: Iterable[Finding]) -> dict[str, dict[str, int]]:
    """Findings by path and rule."""
    found: dict[str, dict[str, int]] = {}
    for one in findings:
        rules = found.setdefault(one.location.path, {})
        rules[one.rule] = rules.get(one.rule, 0) + 1
    return found


def renamed(counts: Counts, names: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """Counts under the files' new names; two files that became one add up."""
    found: dict[str, dict[str, int]] = {}
    for path, rules in counts.items():
        into = found.setdefault(names.get(path, path), {})
        for rule, number in rules.items():
            into[rule] = into.get(rule, 0) + number
    return found


def held(findings: Iterable[Finding], allowed: Counts) -> Ratcheted:
    """Hold findings to what is allowed.

    Args:
        findings: of all linters.
        allowed: the counts, under today's names.
    """
    given = list(findings)
    found = count(given)
    failing = []
    for one in given:
        most = allowed.get(one.location.path, {}).get(one.rule, 0)
        number = found[one.location.path][one.rule]
        if number > most:
            of_file = f"{number} in this file, {most} allowed"
            failing.append(
                replace(
                    one,
                    message=f"{one.message} ({of_file})" if most else one.message,
                    properties=one.properties | {"found": str(number), "allowed": str(most)},
                )
            )
    slack = sum(
        max(0, most - found.get(path, {}).get(rule, 0))
        for path, rules in allowed.items()
        for rule, most in rules.items()
    )
    return Ratcheted(tuple(failing), len(given) - len(failing), slack)


def raised(found: Counts, allowed: Counts) -> tuple[Change, ...]:
    """Counts that would rise."""
    return tuple(
        Change(path, rule, allowed.get(path, {}).get(rule, 0), number)
        for path, rules in sorted(found.items())
        for rule, number in sorted(rules.items())
        if number > allowed.get(path, {}).get(rule, 0)
    )


def lowered(found: Counts, allowed: Counts) -> dict[str, dict[str, int]]:
    """The counts, each lowered to what is found; none is raised and none is added."""
    return {
        path: {rule: min(most, found.get(path, {}).get(rule, 0)) for rule, most in rules.items()}
        for path, rules in allowed.items()
    }


def only_more(
    now: Iterable[Finding], then: Iterable[Finding]
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Findings that a change adds, and the others: only of a rule that a file has more of than before.

    A line that was only touched keeps its finding; of what is more, findings whose line is new are named.
    """
    given, before = list(now), list(then)
    allowed, found = count(before), count(given)
    left = Counter(one.fingerprint for one in before)
    fresh, old = [], []
    for one in given:
        is_more = found[one.location.path][one.rule] > allowed.get(one.location.path, {}).get(one.rule, 0)
        if left[one.fingerprint] > 0:
            left[one.fingerprint] -= 1
            old.append(one)
        elif is_more:
            fresh.append(one)
        else:
            old.append(one)
    return tuple(fresh), tuple(old)
