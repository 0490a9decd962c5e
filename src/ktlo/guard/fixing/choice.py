"""The smallest version of a package that no advisory speaks of: from the versions that advisories say are fixed.

Advisories are asked again about every version that is considered, so that a fix of one vulnerability is not taken
while another holds. No registry is asked: a version that nobody names cannot be chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ktlo.guard.vulnerabilities.check import Question, ask
from ktlo.guard.vulnerabilities.databases.protocol import Package
from ktlo.guard.vulnerabilities.match import Match, Verdict, match
from ktlo.guard.vulnerabilities.versions import UnorderedVersionError, version_key

Judge = Callable[[str, str, str], "tuple[tuple[str, Match], ...]"]
"""(ecosystem, name, version) → (advisory id, match) of every advisory that is not certain not to hold."""
_MOST_TRIES = 100


@dataclass(frozen=True, slots=True)
class Choice:
    """A version to update to, or why there is none.

    Attributes:
        version: the version; empty when there is none.
        leaves_major: the major version changes: an update that may break.
        reason: why there is none, one clause.
    """

    version: str = ""
    leaves_major: bool = False
    reason: str = ""


def judge_of(question: Question) -> Judge:
    """Asks the databases of a question.

    Raises:
        UserError: a database cannot be asked: then nothing can be chosen.
    """

    def judge(ecosystem: str, name: str, version: str) -> tuple[tuple[str, Match], ...]:
        found = []
        for one in ask(Package(ecosystem, name, version), question):
            result = match(one.advisory, ecosystem, name, version)
            if one.is_asserted and result.verdict is not Verdict.AFFECTED:
                result = Match(Verdict.AFFECTED)
            if result.verdict is not Verdict.NOT_AFFECTED:
                found.append((one.advisory.id, result))
        return tuple(found)

    return judge


def choose(ecosystem: str, name: str, version: str, judge: Judge) -> Choice:
    """The smallest version from ``version`` upwards that every advisory about the package is done with.

    Args:
        ecosystem: OSV name.
        name: the package.
        version: as locked.
        judge: what advisories say about a version.
    """
    base = ecosystem.partition(":")[0]
    try:
        current = version_key(base, version)
    except UnorderedVersionError:
        return Choice(reason=f"{version!r} has no place in the order of {ecosystem} versions")
    known = {fix for _, result in judge(ecosystem, name, version) for fix in result.fixed}
    tried: set[str] = set()
    blocking = ""
    for _ in range(_MOST_TRIES):
        waiting = []
        for one in known - tried:
            try:
                if current < version_key(base, one):
                    waiting.append(one)
            except UnorderedVersionError:
                tried.add(one)
        if not waiting:
            break
        smallest = min(waiting, key=lambda one: version_key(base, one))
        tried.add(smallest)
        left = judge(ecosystem, name, smallest)
        if not left:
            return Choice(smallest, _major(smallest) != _major(version))
        blocking = f"; {smallest} has {left[0][0]}"
        known |= {fix for _, result in left for fix in result.fixed}
    if not known:
        return Choice(reason="no advisory names a version in which it is fixed")
    return Choice(reason=f"no version that is fixed of all its vulnerabilities is known{blocking}")


def _major(version: str) -> str:
    numbers = version.lstrip("v").split(".")
    # Before 1.0 the second number is the one that breaks (Semantic Versioning 2.0 §4).
    return ".".join(numbers[:2]) if numbers[0] == "0" else numbers[0]
