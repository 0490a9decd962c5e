"""What there is to mend: the findings about packages that fail the gate by the repository's own policy."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ktlo.guard.checks.vulnerabilities import question_of
from ktlo.guard.finding import Finding
from ktlo.guard.gate import Run, run, subject_of
from ktlo.guard.vulnerabilities.check import CHECK, Question


@dataclass(frozen=True, slots=True)
class ToMend:
    """What the gate said.

    Attributes:
        findings: those that fail; what policy tolerates is left alone.
        unchecked: number of things that could not be checked.
        question: what the databases were asked, to ask them about other versions.
    """

    findings: tuple[Finding, ...]
    unchecked: int
    question: Question


def findings_to_fix(asked: Run) -> ToMend:
    """Check the repository for vulnerabilities only.

    Raises:
        UserError: as :func:`ktlo.guard.gate.run`.
    """
    report = run(replace(asked, only=(CHECK,)))
    failing = tuple(one for one in report.failing if one.check == CHECK)
    return ToMend(failing, len(report.unchecked), question_of(subject_of(asked)))
