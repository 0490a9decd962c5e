"""Rules of the secrets check: nouns, and whether an allowlist forgives a match.

The fields are those of the gitleaks configuration (README of github.com/gitleaks/gitleaks, "Configuration"),
so that a team keeps its rules; ``level``, ``context``, ``checksum`` and ``hint`` are ktlo's own and optional. Patterns
are compiled by ``patterns``; rules are read by ``rulefile``.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from ktlo.guard.finding import Level
from ktlo.guard.secrets.patterns import Pattern


class Context(enum.StrEnum):
    """How sceptically what a rule matched is looked at before it is reported."""

    NONE = "none"
    """Reported as matched: the rules of a team say themselves what to forgive."""
    TOKEN = "token"  # noqa: S105 - a word of the format
    """The format itself tells: only placeholders, sequences and stretches of base64 are dismissed."""
    GENERIC = "generic"
    """Anything may look like it: templates, words, references, hashes, lock and minified files go too."""


class Target(enum.StrEnum):
    """What the regexes of an allowlist are held against."""

    SECRET = "secret"  # noqa: S105 - a word of the format
    MATCH = "match"
    LINE = "line"


@dataclass(frozen=True, slots=True)
class Allowlist:
    """What is forgiven.

    Attributes:
        needs_all: every kind of condition given must hold (``condition = "AND"``); otherwise one is enough.
        commits: object ids, whole or abbreviated, in lower case.
        paths: patterns of paths.
        regexes: patterns of what ``target`` names.
        target: what the regexes are held against.
        stopwords: lower-case words; one inside the secret is enough.
        rules: ids of the rules it is for; empty: all.
    """

    needs_all: bool
    commits: tuple[str, ...]
    paths: tuple[Pattern, ...]
    regexes: tuple[Pattern, ...]
    target: Target
    stopwords: tuple[bytes, ...]
    rules: frozenset[str] = frozenset()

    def forgives(self, secret: bytes, match: bytes, line: bytes, path: str, commit: str) -> bool:
        """Whether this match is forgiven; conditions that were not given do not count."""
        answers: list[bool] = []
        if self.commits:
            answers.append(bool(commit) and any(commit.startswith(known) for known in self.commits))
        if self.paths:
            answers.append(allows_path(self.paths, path))
        if self.regexes:
            text = {Target.SECRET: secret, Target.MATCH: match, Target.LINE: line}[self.target]
            answers.append(any(pattern.found(text) for pattern in self.regexes))
        if self.stopwords:
            lower = secret.lower()
            answers.append(any(word in lower for word in self.stopwords))
        return bool(answers) and (all(answers) if self.needs_all else any(answers))


def allows_path(patterns: Sequence[Pattern], path: str) -> bool:
    """Whether one of the patterns is found in the path."""
    encoded = path.encode("utf-8", "surrogateescape")
    return any(pattern.found(encoded) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of secret.

    Attributes:
        id: unique name, for people and baselines.
        description: what the secret is, a few words.
        regex: the secret's form; ``None`` for a rule about file names only.
        path: pattern a file's path must have; ``None``: any.
        secret_group: group of ``regex`` that holds the secret; 0: the first group that took part, else all.
        hint: a pattern, quicker to rule out than ``regex``, without which a text is not tried; ``None``: the
            keywords say.
        entropy: bits per character the secret must exceed; 0: any.
        keywords: lower-case words of which a text must hold one before ``regex`` is tried; empty: always.
        allowlists: what this rule forgives.
        level: how bad.
        context: how sceptically matches are looked at.
        checksum: name of the check in ``checksums`` a secret must pass; empty: none.
    """

    id: str
    description: str
    regex: Pattern | None
    path: Pattern | None
    secret_group: int
    hint: Pattern | None
    entropy: float
    keywords: tuple[bytes, ...]
    allowlists: tuple[Allowlist, ...]
    level: Level
    context: Context
    checksum: str


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules in order, and what all of them forgive."""

    rules: tuple[Rule, ...]
    allowlists: tuple[Allowlist, ...]
