"""What to change: findings of one package in one lock file are one change, the most urgent first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ktlo.guard.finding import Finding
from ktlo.guard.fixing.choice import Judge, choose
from ktlo.guard.urgency import urgency
from ktlo.guard.vulnerabilities.versions import version_key


@dataclass(frozen=True, slots=True)
class Change:
    """One update of one package in one lock file.

    Attributes:
        lock_file: relative to the repository.
        ecosystem: OSV name.
        package: its name.
        current: versions that are locked and vulnerable.
        version: the version to update to, the highest of ``targets``; empty when there is none.
        targets: for each of ``current`` the smallest version that is fixed; a lock file of Cargo has several.
        leaves_major: the major version changes.
        advisories: what it ends, by name with level.
        reason: why there is no version.
        is_direct: the project itself asks for it.
        lines: where the lock file has it, from 1; 0 when it does not tell.
    """

    lock_file: str
    ecosystem: str
    package: str
    current: tuple[str, ...]
    version: str
    leaves_major: bool
    advisories: tuple[str, ...]
    reason: str
    is_direct: bool
    lines: tuple[int, ...]
    targets: tuple[str, ...] = ()

    @property
    def folder(self) -> PurePosixPath:
        """Where its tool runs."""
        return PurePosixPath(self.lock_file).parent

    def title(self, version: str = "") -> str:
        """The change in a line, also the first of its commit.

        Args:
            version: what is locked in the end; the planned version when empty.
        """
        return f"Update {self.package} from {' and '.join(self.current)} to {version or self.version}"


def plan(findings: Sequence[Finding], judge: Judge) -> tuple[Change, ...]:
    """Changes that end some findings.

    Args:
        findings: of the vulnerabilities check.
        judge: what advisories say about a version.
    """
    groups: dict[tuple[str, str, str], list[Finding]] = defaultdict(list)
    for one in sorted(findings, key=urgency):
        facts = one.properties
        if "package" in facts and "version" in facts:
            groups[one.location.path, facts["ecosystem"], facts["package"]].append(one)
    return tuple(_change(key, group, judge) for key, group in groups.items())


def _change(key: tuple[str, str, str], group: Sequence[Finding], judge: Judge) -> Change:
    path, ecosystem, package = key
    current = tuple(dict.fromkeys(one.properties["version"] for one in group))
    choices = [choose(ecosystem, package, version, judge) for version in current]
    without = next((one for one in choices if not one.version), None)
    best = without or max(choices, key=lambda one: version_key(ecosystem.partition(":")[0], one.version))
    return Change(
        lock_file=path,
        ecosystem=ecosystem,
        package=package,
        current=current,
        version=best.version,
        leaves_major=best.leaves_major,
        advisories=tuple(dict.fromkeys(f"{one.rule} ({one.level.value})" for one in group)),
        reason=best.reason,
        is_direct=any(one.properties.get("relation") == "direct" for one in group),
        lines=tuple(dict.fromkeys(one.location.line for one in group)),
        targets=tuple(one.version for one in choices),
    )
