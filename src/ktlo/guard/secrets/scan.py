"""The three ways to look for secrets: in the working tree, in what is staged, in the whole history."""

from __future__ import annotations

import enum
from pathlib import Path

from ktlo.guard.secrets.baseline import Baseline
from ktlo.guard.secrets.engine import Engine
from ktlo.guard.secrets.gathering import Gathering, SecretsOutcome
from ktlo.guard.secrets.history import scan_all_history
from ktlo.guard.secrets.limits import Limits
from ktlo.guard.secrets.rulefile import default_rules
from ktlo.guard.secrets.rules import RuleSet
from ktlo.guard.secrets.staged import scan_index
from ktlo.guard.secrets.tree import scan_working_tree


class Scope(enum.StrEnum):
    """Where to look."""

    TREE = "tree"
    STAGED = "staged"
    HISTORY = "history"


_SCANS = {Scope.TREE: scan_working_tree, Scope.STAGED: scan_index, Scope.HISTORY: scan_all_history}


def scan(
    root: Path,
    scope: Scope = Scope.TREE,
    rules: RuleSet | None = None,
    baseline: Baseline | None = None,
    limits: Limits | None = None,
) -> SecretsOutcome:
    """Look for secrets.

    Args:
        root: repository, folder in one, plain folder or file.
        scope: where to look.
        rules: what to look for; ktlo's own rules when not given.
        baseline: what is known already; nothing when not given.
        limits: how much may be read.

    Returns:
        Findings that are not in the baseline, what could not be checked, and counts; no secret in any of it.

    Raises:
        UserError: there is no git program.
    """
    limits = limits or Limits()
    engine = Engine(rules or default_rules())
    gathering = Gathering(baseline or Baseline(), limits)
    _SCANS[scope](root, engine, gathering, limits)
    return gathering.outcome()


def scan_tree(
    root: Path,
    rules: RuleSet | None = None,
    baseline: Baseline | None = None,
    limits: Limits | None = None,
) -> SecretsOutcome:
    """:func:`scan` of the working tree: tracked files, and untracked ones that are not ignored."""
    return scan(root, Scope.TREE, rules, baseline, limits)


def scan_staged(
    root: Path,
    rules: RuleSet | None = None,
    baseline: Baseline | None = None,
    limits: Limits | None = None,
) -> SecretsOutcome:
    """:func:`scan` of what the staged changes add."""
    return scan(root, Scope.STAGED, rules, baseline, limits)


def scan_history(
    root: Path,
    rules: RuleSet | None = None,
    baseline: Baseline | None = None,
    limits: Limits | None = None,
) -> SecretsOutcome:
    """:func:`scan` of every version of every file, and of every message."""
    return scan(root, Scope.HISTORY, rules, baseline, limits)
