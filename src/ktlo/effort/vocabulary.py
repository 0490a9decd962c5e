"""The words by which people say what work is for: labels, issue types, commit types, branches, gitmoji.

Tables for :mod:`ktlo.effort.rules`; a reader extends one line here and one in tests/golden/effort_rules.txt.
Commit types follow Conventional Commits 1.0.0 and Angular's guideline, numpy's prefixes and gitmoji.dev;
labels those of GitHub, Kubernetes, Rust and Apache Jira. How far each is right is argued in docs/effort.md.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from ktlo.records.effort import Category


@dataclass(frozen=True, slots=True)
class Word:
    """What a word says.

    Attributes:
        rank: of several labels the lowest rank decides: the narrower word first.
        category: what work so marked is for.
        on_change: probability that it is right on a commit or change.
        on_issue: probability that it is right on an issue.
    """

    rank: int
    category: Category
    on_change: float
    on_issue: float


def _by_category(text: str) -> dict[str, Category]:
    """Read a table of ``category: word, word`` blocks, indented lines continuing the one above."""
    found: dict[str, Category] = {}
    for block in re.split(r"\n(?=\w)", text.strip()):
        name, _, words = block.partition(":")
        found |= dict.fromkeys((" ".join(word.split()) for word in words.split(",")), Category(name))
    return found


_LABELS = """
incident 0.95 0.90: incident, outage, production incident, major incident, p0 incident, postmortem, post
    mortem, on call, oncall, sev0, sev1, sev2, sev 0, sev 1, sev 2, service disruption
security 0.90 0.85: security, vulnerability, vulnerabilities, cve, security fix, security issue,
    security patch, security vulnerability, security hardening, appsec, pentest
dependency 0.95 0.90: dependencies, dependency, deps, dependency update, dependency updates, dependency
    upgrade, update dependencies, dependabot, renovate, renovate bot, library upgrade, vendoring
infrastructure 0.85 0.75: infra, infrastructure, ci, cd, ci cd, cicd, continuous integration, devops,
    deployment, github actions, build, build system, build infra, release, release engineering, docker,
    kubernetes, k8s, terraform, helm, ops, operations, tooling, packaging, test infra, pipeline
performance 0.85 0.80: performance, perf, slow, slowness, optimization, optimisation, latency, speed,
    performance regression, memory usage, scalability
debt 0.85 0.75: documentation, docs, doc, test, tests, testing, flaky, flaky test, flaky tests, flake,
    test failure, typo
bug_fix 0.85 0.68: bug, bugs, bugfix, bug fix, fix, defect, regression, crash, confirmed bug, bug
    report, broken, hotfix, error, panic, data loss, wrong result, correctness
debt 0.85 0.80: tech debt, technical debt, techdebt, debt, refactor, refactoring, cleanup, clean up,
    chore, maintenance, code quality, code health, deprecation, deprecated, lint, linting, typing,
    types, style, modernization, modernisation, internal, housekeeping, dead code, migration
support 0.80 0.85: question, questions, support, usage question, user support, customer support,
    customer request, service request, how to, usage, helpdesk, help desk, user question
feature 0.85 0.80: feature, features, enhancement, enhancements, feature request, new feature,
    improvement, story, user story, feat, rfe, proposal, epic, idea, enhancement request, suggestion,
    wishlist
"""
# Narrow words first. The figures: on a change, on an issue. Issues marked as bugs are right in two of three
# cases, feature requests in four of five: Herzig, Just and Zeller, It's Not a Bug, It's a Feature, ICSE 2013.


def _labels(text: str) -> dict[str, Word]:
    found: dict[str, Word] = {}
    for rank, block in enumerate(re.split(r"\n(?=\w)", text.strip())):
        head, _, words = block.partition(":")
        name, on_change, on_issue = head.split()
        word = Word(rank, Category(name), float(on_change), float(on_issue))
        found |= dict.fromkeys((" ".join(phrase.split()) for phrase in words.split(",")), word)
    return found


LABELS = _labels(_LABELS)
"""Label phrases, in the spelling of :func:`label_phrase`."""

ISSUE_TYPES = _by_category("""
bug_fix: bug, defect, fault, error
feature: story, user story, feature, new feature, feature request, improvement, enhancement, epic, wish,
    product backlog item
incident: incident, outage, problem, postmortem, alert
support: service request, support, support request, question, customer request, help, ask a question,
    service request with approvals, access request, it help
security: vulnerability, security, security bug, security issue, risk
dependency: dependency upgrade, dependency
debt: technical debt, tech debt, technical task, refactoring, chore, maintenance, test, test task,
    documentation, docs, cleanup
performance: performance, performance issue
infrastructure: infrastructure, devops, deployment, release, operations, build
""")
"""Issue types of trackers, lower case. "Task" and "Change" say nothing and are not here."""

COMMIT_TYPES = _by_category("""
feature: feat, feature, features, enh, enhancement, new
bug_fix: fix, bugfix, bug, hotfix, fixes, bugs
performance: perf, performance
security: security, sec, vuln
dependency: deps, dependencies, deps-dev
infrastructure: ci, cicd, build, bld, release, rel, docker, infra, infrastructure, ops, deploy, devops,
    packaging, helm, publish
debt: refactor, refac, refactoring, test, tests, tst, docs, doc, style, sty, cleanup, clean, typ,
    typing, lint, format, maint, mnt, deprecate, debt, chore, misc, meta, housekeeping
incident: incident, postmortem
support: support
""")
"""What stands before the colon of a conventional commit, or in brackets before a subject, lower case."""

VAGUE_TYPES = frozenset({"chore", "misc", "meta", "housekeeping", "maint", "mnt"})
"""Commit types under which people file whatever is left."""

SCOPES = _by_category("""
dependency: deps, deps-dev, dependencies, dev-deps, dep, deps-ci, vendor
security: security, sec, cve
infrastructure: ci, release, build, docker, release-please, actions, helm, github-actions, workflows,
    k8s, terraform, deploy, infra
debt: test, tests, docs, doc, readme, lint, typo, changelog
performance: perf, performance
""")
"""Scopes that say more than the type before them: fix(ci), chore(deps), fix(docs)."""

BRANCHES = _by_category("""
bug_fix: fix, fixes, bugfix, bug, hotfix, revert
feature: feature, features, feat, enhancement, story
dependency: dependabot, renovate, deps, dependencies, snyk-upgrade
security: security, sec, snyk-fix, cve
performance: perf, performance
infrastructure: ci, build, infra, ops, release, deploy, docker
debt: refactor, refactoring, chore, cleanup, docs, doc, test, tests, tech-debt, techdebt, maintenance,
    style, lint
incident: incident, outage, postmortem
support: support
""")
"""First words of branch names."""

GITMOJI = _by_category("""
bug_fix: 🐛, :bug:, 🚑, :ambulance:, 🩹, :adhesive_bandage:, 🥅, :goal_net:
feature: ✨, :sparkles:
performance: ⚡, :zap:
security: 🔒, :lock:, 🛂, :passport_control:
dependency: ⬆, :arrow_up:, ⬇, :arrow_down:, 📌, :pushpin:, :heavy_plus_sign:, :heavy_minus_sign:
infrastructure: 💚, :green_heart:, 👷, :construction_worker:, 🚀, :rocket:, 🔖, :bookmark:, 🧱, :bricks:, 📦,
    :package:
debt: ♻, :recycle:, 📝, :memo:, ✅, :white_check_mark:, 🎨, :art:, 🔥, :fire:, 🚨, :rotating_light:, ✏,
    :pencil2:, ⚰, :coffin:, 💡, :bulb:, 🚚, :truck:, 🗑, :wastebasket:
""")
"""Emoji (without variation selector) and shortcodes at the start of a subject, by gitmoji.dev."""

_PREFIXES = frozenset(
    {"kind", "type", "t", "c", "category", "issue", "pr", "changelog", "area", "a", "i", "is"}
)
_SEPARATORS = re.compile(r"[\s/:_.\-|>→]+")


@functools.lru_cache(maxsize=1 << 14)
def label_phrase(label: str) -> str:
    """One spelling of a label: ``kind/bug``, ``Type: Bug`` and ``🐛 C-bug`` are all ``bug``."""
    shown = "".join(c if unicodedata.category(c)[0] in "LNPZ" else " " for c in label.casefold())
    words = [word for word in _SEPARATORS.split(shown.strip(" []()!#")) if word]
    while len(words) > 1 and words[0] in _PREFIXES:
        words = words[1:]
    if len(words) > 1 and words[0] == words[-1]:  # "bug :bug:"
        words = words[:-1]
    return " ".join(words)


def spoken_label(labels: Iterable[str]) -> tuple[str, Word] | None:
    """The label that says most narrowly what the work is for, with what it says; None when none does."""
    known = [(word.rank, label, word) for label in labels if (word := LABELS.get(label_phrase(label)))]
    if not known:
        return None
    _, label, word = min(known, key=lambda found: found[:2])
    return label, word
