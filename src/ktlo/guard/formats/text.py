"""The report for people: one line of verdict, then what fails, what could not be checked, and what was covered.

Names and messages come from strangers: control and escape characters are shown, never sent to the terminal.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict

from ktlo.guard.finding import Finding, Level, Outcome, Unchecked
from ktlo.guard.urgency import urgency
from ktlo.guard.verdict import Coverage, Report
from ktlo.wording import counted

_MOST_PER_REASON = 10


def render(report: Report) -> str:
    """The report as text with a line feed at its end."""
    lines = [printable(report.headline)]
    if report.failing:
        lines += [*_by_check(report.failing), "", "Findings"]
        for alike in _alike(sorted(report.failing, key=urgency)):
            lines += _finding(alike[0]) if len(alike) == 1 else _several(alike)
    if report.unchecked:
        lines += ["", "Not checked"]
        lines += _unchecked(report.unchecked)
    if report.stale:
        lines += ["", "Too old", f"  {printable(report.stale)}"]
    if report.tolerated:
        lines += ["", "Tolerated"]
        lines += [
            f"  {printable(one.finding.rule)}  {printable(one.finding.message)}: {printable(one.reason)}"
            for one in report.tolerated
        ]
    if report.change is not None and report.change.existing:
        lines += ["", f"There before the change ({printable(report.change.commit[:12])}), and not counted"]
        shown = sorted(report.change.existing, key=urgency)
        lines += [
            f"  {printable(one.rule)}  {printable(one.message)}  in {printable(_where(one))}"
            for one in shown[:_MOST_PER_REASON]
        ]
        if len(shown) > _MOST_PER_REASON:
            lines.append(f"  and {len(shown) - _MOST_PER_REASON:,} more (--format json names all)")
    lines += ["", "Coverage"]
    if report.coverage != Coverage():
        lines += _coverage(report.coverage)
    lines += [
        f"  {printable(one.check)}: {printable(counted(one.checked, one.unit, zero='0'))}{_tools(one)}"
        for one in report.outcomes
        if one.unit and not (one.check == "vulnerabilities" and report.coverage != Coverage())
    ]
    lines += [f"  {printable(one.check)}: not run, {printable(one.reason)}" for one in report.skipped]
    lines += [f"  {printable(sentence)}" for sentence in report.left_out]
    return "\n".join(lines) + "\n"


def _tools(one: Outcome) -> str:
    by = f" (by {printable(', '.join(one.tools))})" if one.tools else ""
    return f"{by}, {one.known:,} known in its baseline" if one.known else by


def _by_check(failing: tuple[Finding, ...]) -> list[str]:
    """How many of which level each check found; nothing when there is one check."""
    counts: dict[str, Counter[Level]] = defaultdict(Counter)
    for one in failing:
        counts[one.check][one.level] += 1
    if len(counts) < 2:
        return []
    return [
        f"  {printable(check)}: "
        + ", ".join(f"{levels[level]:,} {level.value}" for level in Level if levels[level])
        for check, levels in counts.items()
    ]


def _alike(findings: list[Finding]) -> list[list[Finding]]:
    """Findings that differ in nothing but their place, together; those about a dependency stay by themselves."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for number, one in enumerate(findings):
        is_own = "package" in one.properties
        key = (number,) if is_own else (one.level, one.check, one.rule, one.message, one.fix)
        groups.setdefault(key, []).append(one)
    return list(groups.values())


def _several(alike: list[Finding]) -> list[str]:
    first = alike[0]
    lines = [f"  {first.level.value:<13} {printable(first.rule)}  {printable(first.message)}"]
    lines.append(f"  {'':<13} {len(alike):,} times:")
    lines += [f"  {'':<13}   in {printable(_where(one))}" for one in alike[:_MOST_PER_REASON]]
    if len(alike) > _MOST_PER_REASON:
        more = len(alike) - _MOST_PER_REASON
        lines.append(f"  {'':<13}   and {more:,} more (--format json names all)")
    if first.fix:
        lines.append(f"  {'':<13} {printable(first.fix)}")
    return lines


def _where(finding: Finding) -> str:
    return finding.location.path + (f":{finding.location.line}" if finding.location.line else "")


def _finding(finding: Finding) -> list[str]:
    score = finding.properties.get("cvss", "")
    level = finding.level.value + (f" {score}" if score else "")
    lines = [f"  {level:<13} {printable(finding.rule)}  {printable(finding.message)}"]
    lines.append(f"  {'':<13} in {printable(_where(finding))}{_relation(finding)}")
    if finding.aliases:
        lines.append(f"  {'':<13} also {printable(', '.join(finding.aliases))}")
    exploited = _exploited(finding)
    if exploited:
        lines.append(f"  {'':<13} {exploited}")
    lines += [f"  {'':<13} {one}" for one in _reached(finding)]
    if finding.fix:
        lines.append(f"  {'':<13} {printable(finding.fix)}")
    return lines


_TIERS = {
    "called": "our code calls it",
    "possible": "our code may call it",
    "imported": "its package is loaded, no call of it was found",
    "installed": "nothing that was read loads its package",
    "unknown": "whether our code calls it is not known",
}


def _reached(finding: Finding) -> list[str]:
    facts = finding.properties
    words = _TIERS.get(facts.get("reachability", ""))
    if words is None:
        return []
    if facts["reachability"] == "imported" and "symbols" not in facts:
        words = "its package is loaded; nobody names the vulnerable function"
    limits = facts.get("reachability_limits", "")
    lines = [words + (f" ({printable(limits)})" if limits else "")]
    path = facts.get("call_path", "")
    if path:
        lines.append(f"by {printable(path)}")
    return lines


def _exploited(finding: Finding) -> str:
    facts = finding.properties
    parts = []
    if "known_exploited" in facts:
        ransomware = ", also by ransomware" if "ransomware" in facts else ""
        parts.append(f"known to be exploited since {printable(facts['known_exploited'])}{ransomware}")
    if "epss" in facts:
        parts.append(
            f"EPSS {100 * float(facts['epss']):.1f}% within 30 days"
            f" (above {100 * float(facts['epss_percentile']):.0f}% of all)"
        )
    return "; ".join(parts)


def _relation(finding: Finding) -> str:
    path = finding.properties.get("path", "")
    parts = [finding.properties.get(key, "") for key in ("relation", "scope")]
    parts.append(f"through {printable(path)}" if " > " in path else "")
    told = ", ".join(filter(None, parts))
    return f" ({told})" if told else ""


def _unchecked(unchecked: tuple[Unchecked, ...]) -> list[str]:
    by_reason: dict[str, list[str]] = defaultdict(list)
    for one in unchecked:
        by_reason[one.reason].append(one.what)
    lines = []
    for reason, things in by_reason.items():
        if len(things) == 1:
            lines.append(f"  {printable(things[0])}: {printable(reason)}")
            continue
        lines.append(f"  {len(things):,} times: {printable(reason)}")
        lines += [f"    {printable(thing)}" for thing in things[:_MOST_PER_REASON]]
        if len(things) > _MOST_PER_REASON:
            lines.append(f"    and {len(things) - _MOST_PER_REASON:,} more (--format json names all)")
    return lines


def _coverage(coverage: Coverage) -> list[str]:
    rest = coverage.dependencies - coverage.checked - len(coverage.internal)
    parts = (
        f"{coverage.checked:,} checked, {len(coverage.internal):,} declared internal, {rest:,} not checked"
    )
    lines = [
        f"  {counted(coverage.dependencies, 'dependencies')} in {counted(len(coverage.files), 'files')}: {parts}"
    ]
    for one in coverage.databases:
        if one.records is None:
            lines.append(f"  {printable(one.place)}: asked now")
        elif one.newest is None or one.age_days is None:
            lines.append(f"  {printable(one.place)}: {counted(one.records, 'records')}, of unknown age")
        else:
            lines.append(
                f"  {printable(one.place)}: {counted(one.records, 'records')}, the newest of {one.newest:%Y-%m-%d}"
                f" ({one.age_days:.0f} days old)"
            )
    return lines


def sentences(finding: Finding) -> str:
    """Message and fix as sentences on one line."""
    return " ".join(f"{printable(part).rstrip('.')}." for part in (finding.message, finding.fix) if part)


def printable(text: str) -> str:
    """Text without characters that steer a terminal or break a line; they are shown as escapes."""
    if text.isprintable():
        return text
    return "".join(
        char if char == " " or unicodedata.category(char)[0] not in "CZ" else ascii(char)[1:-1]
        for char in text
    )
