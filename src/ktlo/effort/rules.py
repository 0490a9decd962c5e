"""Explicit rules: what people said about a piece of work, and what its shape gives away.

Reads one :class:`~ktlo.effort.items.WorkItem`; gives a :class:`Finding` with category, reason and declared
reliability, or nothing. The team's own rules are in :mod:`ktlo.effort.team_rules`, the words in
:mod:`ktlo.effort.vocabulary`; the reliabilities are argued and measured in docs/effort.md.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass

from ktlo.effort.items import WorkItem
from ktlo.effort.paths import PathKind, kind_of_path
from ktlo.effort.vocabulary import (
    BRANCHES,
    COMMIT_TYPES,
    GITMOJI,
    ISSUE_TYPES,
    LABELS,
    SCOPES,
    VAGUE_TYPES,
    label_phrase,
    spoken_label,
)
from ktlo.records.effort import Category, ItemKind


class Ground(enum.Enum):
    """What a finding rests on."""

    STATED = "stated"
    """Somebody said so about this very item."""
    SUGGESTED = "suggested"
    """Its branch or its paths suggest it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found.

    Attributes:
        rule: name of the rule.
        category: the category.
        confidence: declared probability that the category is right.
        reason: why, as a sentence.
        ground: said, or suggested by its shape.
    """

    rule: str
    category: Category
    confidence: float
    reason: str
    ground: Ground = Ground.STATED


_CONVENTIONAL = re.compile(
    r"(?:fixup!\s+|squash!\s+|amend!\s+)*"
    r"(?:(?P<type>[A-Za-z][A-Za-z-]{1,19})\s*(?:[(\[](?P<scope>[^)\]]{0,60})[)\]])?\s*!?\s*:(?!:)"
    r"|\[(?P<square>!*[A-Za-z][A-Za-z /-]{1,24})\]:?)\s*(?P<rest>.*)"
)
_BUMP = re.compile(
    r"(?i)(?:(?:bump|upgrade|update|pin|downgrade)s?\b[^.]*?\b(?:to|from|@)\s*\W?v?\d"
    r"|(?:bump|upgrade|update|refresh|pin|lock)s? (?:(?:all|dev|npm|yarn|non-major|minor|major|patch|go|rust"
    r"|python|pip|the|maven|gradle|ruby|github)\s+)*(?:deps?\b|dependenc|lock ?-?files?|go\.mod"
    r"|(?:cargo|yarn|poetry|uv)\.lock|submodules?\b|actions\b))"
)
_VERSION_BUMP = re.compile(
    r"(?i)(?:bump(?:ing)?|update|set|prepare)\s+(?:the\s+)?(?:project\s+|package\s+)?version\b"
    r"|(?:prepar(?:e|ing)\b.{0,20}\brelease|release\s+v?\d|cut\s+v?\d|version\s+bump|\[maven-release-plugin\])"
    r"|v?\d+\.\d+(?:\.\d+)?(?:[-.]?(?:rc|alpha|beta|dev)[.-]?\d*)?\s*$"
)
_REVERT = re.compile(
    r"(?i)revert(?:s|ed)?\b(?:\s+[\"'“]|\s*[:(]|\s+(?:commit|pr|merge|#|[0-9a-f]{7,40}\b))|reapply\s"
)
_VULNERABILITY = re.compile(
    r"\bCVE-\d{4}-\d{3,}|\bGHSA(?:-[23456789cfghjmpqrvwx]{4}){3}|\bRUSTSEC-\d{4}-\d{4}|\bPYSEC-\d{4}-\d+"
    r"|(?i:\bsecurity (?:fix|issue|bug|hole|flaw|vulnerabilit|patch|advisor)|\bvulnerabilit(?:y|ies)\b"
    r"|\b(?:XSS|SSRF|CSRF|XXE|RCE|ReDoS)\b|\b(?:path|directory) traversal\b|\bSQL injection\b)"
)
_TYPO = re.compile(
    r"(?i)(?:fix(?:es|ed)?\s+)?(?:a\s+|some\s+|minor\s+|small\s+)?(?:typos?|spelling|grammar|misspell)\b"
)
_BRANCH_WORD = re.compile(r"(?i)(snyk-(?:fix|upgrade)|tech-?debt|[a-z]+)(?=[/_-]|$)")
_ONLY = {
    PathKind.LOCK_FILE: ("only-lock-files", Category.DEPENDENCY, 0.75, "lock files"),
    PathKind.PIPELINE: ("only-pipelines", Category.INFRASTRUCTURE, 0.8, "pipelines"),
    PathKind.INFRASTRUCTURE: ("only-infrastructure", Category.INFRASTRUCTURE, 0.8, "infrastructure files"),
    PathKind.TEST: ("only-tests", Category.DEBT, 0.9, "tests"),
    PathKind.DOCUMENTATION: ("only-documentation", Category.DEBT, 0.92, "documentation"),
}
"""Mixtures are left to the model: lock file with manifest was a dependency update in 58% only."""
COMMIT_TYPE = 0.92
VAGUE_TYPE = 0.75
PATHS_KEPT = 50
"""A commit carries its first 50 paths; with that many, "only" cannot be claimed."""


def _said_on(item: WorkItem, on_change: float, on_issue: float) -> float:
    return on_issue if item.item_kind in (ItemKind.ISSUE, ItemKind.INCIDENT) else on_change


def incident_record(item: WorkItem) -> Finding | None:
    """Work on an incident record is incident work, whatever its title says."""
    if item.item_kind is not ItemKind.INCIDENT:
        return None
    return Finding("incident-record", Category.INCIDENT, 1.0, "It is an incident")


def revert(item: WorkItem) -> Finding | None:
    """Taking a change back repairs what it broke."""
    if item.item_kind is ItemKind.ISSUE or not _REVERT.match(item.title):
        return None
    return Finding("revert", Category.BUG_FIX, 0.75, "It takes back a change that did harm")


def vulnerability(item: WorkItem) -> Finding | None:
    """A named vulnerability in the title."""
    found = _VULNERABILITY.search(item.title)
    if not found:
        return None
    named = found[0].upper().startswith(("CVE-", "GHSA-", "RUSTSEC-", "PYSEC-"))
    return Finding(
        "vulnerability", Category.SECURITY, 0.95 if named else 0.85, f"The title names “{found[0]}”"
    )


def bot_bump(item: WorkItem) -> Finding | None:
    """An update that automation proposed."""
    branch = item.branch.lower()
    by_branch = branch.startswith(("dependabot/", "renovate/", "renovate-", "pyup-", "scala-steward"))
    by_title = item.is_by_bot and (
        _BUMP.search(item.title) or "autoupdate" in item.title or _scopes(item.title) & {"deps", "deps-dev"}
    )
    if not by_branch and not by_title:
        return None
    return Finding("bot-bump", Category.DEPENDENCY, 0.97, "A bot proposed the update of a dependency")


def label(item: WorkItem) -> Finding | None:
    """The label that says most narrowly what the work is for."""
    found = spoken_label(item.labels)
    if not found:
        return None
    text, word = found
    sure = _said_on(item, word.on_change, word.on_issue)
    return Finding("label", word.category, sure, f"Label “{text}”")


def issue_type(item: WorkItem) -> Finding | None:
    """The type that the tracker gave it."""
    category = ISSUE_TYPES.get(" ".join(item.issue_type.replace("-", " ").casefold().split()))
    if category is None:
        return None
    sure = 0.68 if category is Category.BUG_FIX else 0.8
    return Finding("issue-type", category, sure, f"Issue type “{item.issue_type}”")


def _scopes(title: str) -> set[str]:
    found = _CONVENTIONAL.match(title)
    said = (found["scope"] or "").casefold() if found else ""
    return {part for part in re.split(r"[,/ ]+", said) if part}


def commit_type(item: WorkItem) -> Finding | None:
    """The type before a conventional commit's colon, numpy's BUG:, TYPO3's [SECURITY]."""
    found = _CONVENTIONAL.match(item.title)
    if not found:
        return None
    written = (found["type"] or found["square"]).strip("! ")
    if written == "DEP":  # numpy and scipy: a deprecation
        return Finding("commit-type", Category.DEBT, 0.9, "Commit type “DEP” (deprecation)")
    kind = written.casefold()
    category = COMMIT_TYPES.get(kind)
    sure = VAGUE_TYPE if kind in VAGUE_TYPES else COMMIT_TYPE
    if category is None and found["square"] and (word := LABELS.get(label_phrase(kind))):
        category, sure = word.category, _said_on(item, word.on_change, word.on_issue)
    if category is None:
        return None
    said = f"Commit type “{written}”"
    rest = found["rest"]
    narrower = [SCOPES[scope] for scope in sorted(_scopes(item.title)) if scope in SCOPES]
    if narrower and category is not Category.FEATURE:
        return Finding("commit-scope", narrower[0], 0.92, f"{said} with scope “{found['scope']}”")
    if category in (Category.DEBT, Category.INFRASTRUCTURE) and kind not in ("docs", "doc", "test", "tests"):
        if _VERSION_BUMP.match(rest):
            return Finding("commit-release", Category.INFRASTRUCTURE, 0.9, f"{said} for a release")
        if _BUMP.search(rest):
            return Finding("commit-bump", Category.DEPENDENCY, 0.92, f"{said} that raises a version")
    if category is Category.BUG_FIX:
        if item.item_kind is ItemKind.ISSUE:
            sure = 0.68  # a template's [Bug] is the reporter's opinion, like the label
        elif _TYPO.match(rest):
            return Finding("commit-typo", Category.DEBT, 0.85, f"{said} for a typing error")
        elif _BUMP.match(rest):
            return Finding("commit-bump", Category.DEPENDENCY, 0.85, f"{said} that raises a version")
    return Finding("commit-type", category, sure, said)


def gitmoji(item: WorkItem) -> Finding | None:
    """The emoji that opens the subject."""
    first = item.title.strip().split(" ", 1)[0].replace("\N{VARIATION SELECTOR-16}", "")
    category = GITMOJI.get(first) or GITMOJI.get(first[:1])
    if category is None:
        return None
    return Finding("gitmoji", category, 0.85, f"Gitmoji {first if first in GITMOJI else first[:1]}")


def plain_title(item: WorkItem) -> Finding | None:
    """Titles of one fixed form: version bumps, releases, typing errors."""
    if item.item_kind in (ItemKind.ISSUE, ItemKind.INCIDENT):
        return None
    if _VERSION_BUMP.match(item.title):
        return Finding("title-release", Category.INFRASTRUCTURE, 0.85, "The title announces a release")
    if _BUMP.match(item.title):
        return Finding("title-bump", Category.DEPENDENCY, 0.85, "The title raises a version")
    if _TYPO.match(item.title):
        return Finding("title-typo", Category.DEBT, 0.9, "The title names a typing error")
    return None


def branch_name(item: WorkItem) -> Finding | None:
    """The branch's first words: fix/…, ada/hotfix-…, feature/…."""
    if not item.branch or item.branch in ("main", "master", "develop", "dev"):
        return None
    for segment in item.branch.split("/")[:3]:
        found = _BRANCH_WORD.match(segment)
        category = BRANCHES.get(found[1].lower()) if found else None
        if category is not None:
            # Many teams call every branch feature/…: the word says little there.
            sure = 0.65 if category is Category.FEATURE else 0.8
            return Finding("branch", category, sure, f"Branch “{item.branch}”", Ground.SUGGESTED)
    return None


def only_paths(item: WorkItem) -> Finding | None:
    """All touched paths are of one kind."""
    if not item.paths or len(item.paths) >= PATHS_KEPT:
        return None
    kinds = {kind_of_path(path) for path in item.paths}
    claim = _ONLY.get(next(iter(kinds))) if len(kinds) == 1 else None
    if claim is None:
        return None
    rule, category, sure, what = claim
    return Finding(rule, category, sure, f"It touches only {what}", Ground.SUGGESTED)


BUILT_IN: tuple[Callable[[WorkItem], Finding | None], ...] = (
    incident_record,
    bot_bump,
    revert,
    label,
    issue_type,
    vulnerability,
    commit_type,
    gitmoji,
    plain_title,
    branch_name,
    only_paths,
)
"""In order; the first that finds something speaks. What is stated stands before what is suggested."""


def built_in_finding(item: WorkItem) -> Finding | None:
    """What the built-in rules say of an item; None when they are silent."""
    for rule in BUILT_IN:
        found = rule(item)
        if found is not None:
            return found
    return None
