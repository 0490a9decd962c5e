"""Joins what the lock files state with what the databases know; the report of it proves what was covered.

Every dependency ends in exactly one of three lists: checked, internal, unchecked. Advisories of one vulnerability
(:mod:`.aliases`) are one finding per lock file. Findings go to ``guard/policy``; nothing is judged here.
"""

from __future__ import annotations

import fnmatch
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ktlo.guard.dependency import Dependency, Inventory, Origin
from ktlo.guard.finding import Finding, Outcome, Unchecked
from ktlo.guard.vulnerabilities.advisory import in_force
from ktlo.guard.vulnerabilities.aliases import close_aliases, cves
from ktlo.guard.vulnerabilities.databases.opening import open_database
from ktlo.guard.vulnerabilities.databases.protocol import Candidate, DatabaseError, Package, State
from ktlo.guard.vulnerabilities.match import Match, Verdict, match
from ktlo.guard.vulnerabilities.severity import severity_of, worst
from ktlo.guard.vulnerabilities.symbols import symbols_of
from ktlo.guard.vulnerabilities.versions import UnorderedVersionError, ordered_ecosystems, version_key
from ktlo.wording import counted

CHECK = "vulnerabilities"
_MOST_UNREAD = 50


@dataclass(frozen=True, slots=True)
class Question:
    """What to check against, from settings and command line.

    Attributes:
        databases: places of databases, at least one.
        beside: folder that relative places start from.
        cache: folder of local indexes.
        now: the moment ages are counted from.
        oldest: age at which a database is too old.
        internal: patterns ``name`` or ``ecosystem:name`` of packages that are the organisation's own.
        as_of: a moment of the past to judge as of; ``None`` for now.
    """

    databases: tuple[str, ...]
    beside: Path
    cache: Path
    now: datetime
    oldest: timedelta
    internal: tuple[str, ...] = ()
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class Examination:
    """What came out.

    Attributes:
        outcome: findings, and what could not be checked.
        undecided: advisories about a dependency that could be neither confirmed nor excluded; each fails the
            proof unless policy answers for it. ``properties["undecided"]`` says why.
        dependencies: every dependency read.
        internal: those declared internal.
        databases: what was asked, and how old it is.
    """

    outcome: Outcome
    undecided: tuple[Finding, ...]
    dependencies: tuple[Dependency, ...]
    internal: tuple[Dependency, ...]
    databases: tuple[State, ...]


@dataclass(frozen=True, slots=True)
class _Answers:
    states: tuple[State, ...]
    candidates: Mapping[Package, tuple[Candidate, ...]]
    unchecked: tuple[Unchecked, ...]
    stale: str


def examine(inventories: Iterable[Inventory], question: Question) -> Examination:
    """Check every dependency of some lock files.

    Args:
        inventories: what the lock files state.
        question: what to check against.
    """
    read = list(inventories)
    dependencies = tuple(dict.fromkeys(one for inventory in read for one in inventory.dependencies))
    internal = tuple(one for one in dependencies if is_internal(one.ecosystem, one.name, question.internal))
    declared = set(internal)
    judged = [one for one in dependencies if one not in declared]
    unchecked = [
        one
        for inventory in read
        for one in inventory.unchecked
        if not _speaks_of_internal(one, internal, question.internal)
    ]
    wanted = sorted({_package(one) for one in judged})
    answers = _ask(wanted, question) if wanted else _Answers((), {}, (), "")
    unchecked += answers.unchecked
    # Readers of lock files list what no registry has themselves, with its line.
    told = {one.what.rpartition(":")[0] or one.what for one in unchecked}
    findings: list[Finding] = []
    undecided: list[Finding] = []
    checked = 0
    for dependency in judged:
        reason = _uncheckable(dependency, answers.states)
        candidates = answers.candidates.get(_package(dependency), ())
        affected, unclear = _match(dependency, candidates)
        findings += affected
        if reason:
            what = f"{dependency.name} {dependency.version} in {dependency.location.path}"
            if what not in told:
                unchecked.append(Unchecked(CHECK, what, reason))
        else:
            checked += 1
            undecided += unclear
    outcome = Outcome(
        check=CHECK,
        findings=tuple(sorted(findings, key=lambda one: (one.location, one.rule, one.fingerprint))),
        unchecked=tuple(dict.fromkeys(unchecked)),
        checked=checked,
        unit="dependencies",
        stale=answers.stale,
    )
    return Examination(outcome, tuple(undecided), dependencies, internal, answers.states)


def is_internal(ecosystem: str, name: str, patterns: Sequence[str]) -> bool:
    """True when a pattern names the package: ``@acme/*`` or, for one ecosystem only, ``npm:@acme/*``."""
    return any(
        fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(f"{ecosystem}:{name}", pattern)
        for pattern in patterns
    )


def _speaks_of_internal(one: Unchecked, internal: Sequence[Dependency], patterns: Sequence[str]) -> bool:
    """A lock file's reader also lists what no registry has; declared internal, that is answered for."""
    name, within, _ = one.what.partition(" in ")
    if one.check != CHECK or not within:
        return False
    if any(name in (known.name, f"{known.name} {known.version}") for known in internal):
        return True
    plain = name.split(" ", 1)[0]
    return any(fnmatch.fnmatchcase(plain, _without_ecosystem(pattern)) for pattern in patterns)


def _without_ecosystem(pattern: str) -> str:
    ecosystem, _, rest = pattern.partition(":")
    return rest if ecosystem in ordered_ecosystems() else pattern


def _package(dependency: Dependency) -> Package:
    return Package(dependency.ecosystem, dependency.name, dependency.version)


def _uncheckable(dependency: Dependency, states: Sequence[State]) -> str:
    """Why a dependency counts as not checked; empty when it was."""
    base = dependency.ecosystem.partition(":")[0]
    if base not in ordered_ecosystems():
        return f"versions of the ecosystem {dependency.ecosystem!r} cannot be ordered yet"
    if not any(state.ecosystems is None or base in state.ecosystems for state in states):
        return f"no database that could be read has data for {dependency.ecosystem}: name one that does"
    try:
        version_key(base, dependency.version)
    except UnorderedVersionError:
        return f"{dependency.version!r} is no {dependency.ecosystem} version"
    if dependency.origin is not Origin.REGISTRY:
        return (
            f"it comes from {dependency.origin.value}, of which advisories do not speak: declare it internal"
        )
    return ""


def ask(package: Package, question: Question) -> tuple[Candidate, ...]:
    """Advisories that may apply to one version of one package.

    Raises:
        DatabaseError: not every database could be asked.
    """
    answers = _ask([package], question)
    away = [one for one in answers.unchecked if one.what.startswith("database ")]
    if away:
        raise DatabaseError(away[0].reason, where=away[0].what)
    return answers.candidates.get(package, ())


def _ask(packages: Sequence[Package], question: Question) -> _Answers:
    states: list[State] = []
    unchecked: list[Unchecked] = []
    found: dict[Package, list[Candidate]] = defaultdict(list)
    for place in question.databases:
        try:
            database = open_database(place, beside=question.beside, cache=question.cache, now=question.now)
        except DatabaseError as error:
            unchecked.append(Unchecked(CHECK, f"database {place}", str(error)))
            continue
        try:
            state = database.state()
            covered = [
                one
                for one in packages
                if state.ecosystems is None or one.ecosystem.partition(":")[0] in state.ecosystems
            ]
            for package, candidates in database.candidates(covered).items():
                found[package] += [one for one in candidates if in_force(one.advisory, question.as_of)]
        except DatabaseError as error:
            unchecked.append(Unchecked(CHECK, f"database {place}", str(error)))
            continue
        finally:
            database.close()
        states.append(state)
        unchecked += _unread(state)
    then = question.as_of or question.now
    stale = " ".join(filter(None, (too_old(state, then, question.oldest) for state in states)))
    return _Answers(
        tuple(states), {key: tuple(value) for key, value in found.items()}, tuple(unchecked), stale
    )


def _unread(state: State) -> list[Unchecked]:
    rows = [
        Unchecked(CHECK, f"a record of {state.place}", sentence) for sentence in state.unread[:_MOST_UNREAD]
    ]
    if len(state.unread) > _MOST_UNREAD:
        more = len(state.unread) - _MOST_UNREAD
        rows.append(
            Unchecked(CHECK, f"{counted(more, 'more records')} of {state.place}", "they cannot be read")
        )
    return rows


def too_old(state: State, now: datetime, oldest: timedelta) -> str:
    """Why a database is too old, as a sentence; empty when it is not. A service answers from today."""
    if state.ecosystems is None:
        return ""
    if state.newest is None:
        return f"The database {state.place} does not tell how old it is."
    age = now.astimezone(UTC) - state.newest
    if age <= oldest:
        return ""
    return (
        f"The newest record of {state.place} is of {state.newest:%Y-%m-%d}, {counted(age.days, 'days')} old;"
        f" {oldest.days} are allowed. Fetch it again."
    )


def _match(dependency: Dependency, candidates: Sequence[Candidate]) -> tuple[list[Finding], list[Finding]]:
    """Findings, one per vulnerability, and the advisories that stay undecided."""
    affected: list[tuple[Candidate, Match]] = []
    unclear: list[tuple[Candidate, Match]] = []
    for one in candidates:
        result = match(one.advisory, dependency.ecosystem, dependency.name, dependency.version)
        if result.verdict is Verdict.AFFECTED or one.is_asserted:
            affected.append((one, result))
        elif result.verdict is Verdict.UNDECIDED:
            unclear.append((one, result))
    findings = [_finding(dependency, names, group) for names, group in _by_vulnerability(affected)]
    known = {name for finding in findings for name in (finding.rule, *finding.aliases)}
    undecided = [
        _finding(dependency, names, group)
        for names, group in _by_vulnerability(unclear)
        if known.isdisjoint(one.advisory.id for one, _ in group)
    ]
    return findings, undecided


def findings_of(dependency: Dependency, candidates: Sequence[Candidate]) -> list[Finding]:
    """What some advisories say for certain about one dependency: one finding for each vulnerability."""
    return _match(dependency, candidates)[0]


def _by_vulnerability(
    matched: Sequence[tuple[Candidate, Match]],
) -> list[tuple[frozenset[str], list[tuple[Candidate, Match]]]]:
    names: dict[str, set[str]] = defaultdict(set)
    for one, _ in matched:
        names[one.advisory.id] |= one.identity
    closed = close_aliases((own, tuple(sorted(said))) for own, said in names.items())
    groups: dict[frozenset[str], list[tuple[Candidate, Match]]] = defaultdict(list)
    for one, result in matched:
        groups[closed[one.advisory.id]].append((one, result))
    return list(groups.items())


def _finding(
    dependency: Dependency, names: frozenset[str], group: Sequence[tuple[Candidate, Match]]
) -> Finding:
    advisories = [one.advisory for one, _ in group]
    cve = cves(names)
    rule = next(iter(cve)) if len(cve) == 1 else min(one.id for one in advisories)
    severity = worst(severity_of(one, dependency.ecosystem, dependency.name) for one in advisories)
    summary = next((one.summary for one in advisories if one.summary), "known vulnerability")
    fixes = list(dict.fromkeys(fix for _, result in group for fix in result.fixed))
    properties = {
        "ecosystem": dependency.ecosystem,
        "package": dependency.name,
        "version": dependency.version,
        "advisories": " ".join(sorted({one.id for one in advisories})),
    }
    if severity.score is not None:
        properties |= {"cvss": f"{severity.score:.1f}", "vector": severity.vector}
    if fixes:
        properties["fixed"] = " ".join(fixes)
    if dependency.path:
        properties["path"] = " > ".join(dependency.path)
    if dependency.is_direct is not None:
        properties["relation"] = "direct" if dependency.is_direct else "transitive"
    if dependency.is_development is not None:
        properties["scope"] = "development" if dependency.is_development else "production"
    symbols = dict.fromkeys(
        name for one in advisories for name in symbols_of(one, dependency.ecosystem, dependency.name)
    )
    if symbols:
        properties["symbols"] = " ".join(symbols)
    reasons = [result.reason for _, result in group if result.reason]
    if reasons:
        properties["undecided"] = reasons[0]
    identity = f"{CHECK}\n{rule}\n{dependency.ecosystem}\n{dependency.name}\n{dependency.location.path}"
    return Finding(
        check=CHECK,
        rule=rule,
        level=severity.level,
        message=f"{dependency.name} {dependency.version}: {summary}",
        location=dependency.location,
        fingerprint=hashlib.sha256(identity.encode()).hexdigest()[:32],
        aliases=tuple(sorted(names - {rule})),
        fix=f"Update {dependency.name} to {' or '.join(fixes)}" if fixes else "",
        properties=properties,
    )
