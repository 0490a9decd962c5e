"""GitHub Actions workflow commands: an annotation per finding, an error per thing not checked, then the verdict.

Everything written is escaped as the runner asks, so no package name can issue a command. Source: GitHub's
"Workflow commands" and the runner's escaping of ``%``, line ends, ``:`` and ``,``.
"""

from __future__ import annotations

from ktlo.guard.finding import Finding, Level
from ktlo.guard.formats.text import printable, sentences
from ktlo.guard.verdict import ExitCode, Report

_KINDS = {Level.CRITICAL: "error", Level.HIGH: "error", Level.LOW: "notice"}


def render(report: Report) -> str:
    """The report as workflow commands, one a line."""
    lines = [_annotation(one) for one in report.failing]
    lines += [f"::error::{_data(f'Not checked: {one.what}: {one.reason}')}" for one in report.unchecked]
    if report.stale:
        lines.append(f"::error::{_data(report.stale)}")
    kind = "notice" if report.code is ExitCode.CLEAN else "error"
    lines.append(f"::{kind} title=ktlo check::{_data(report.headline)}")
    return "\n".join(lines) + "\n"


def _annotation(finding: Finding) -> str:
    where = f"file={_property(finding.location.path)}"
    if finding.location.line:
        where += f",line={finding.location.line}"
    return (
        f"::{_KINDS.get(finding.level, 'warning')} {where},title={_property(f'{finding.level} {finding.rule}')}"
        f"::{_data(sentences(finding))}"
    )


def _data(text: str) -> str:
    return printable(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
