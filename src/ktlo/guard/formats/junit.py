"""JUnit XML: each check a suite, each finding a failure, each thing not checked an error, tolerated ones skipped.

A clean check is one passing case, because CI systems take a suite without cases for nothing run. Source: the
Jenkins xUnit schema, ``junit-10.xsd``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree  # only writes

from ktlo.guard.formats.text import printable
from ktlo.guard.verdict import Report


@dataclass(frozen=True, slots=True)
class _Case:
    suite: str
    name: str
    kind: str
    message: str
    text: str


def render(report: Report) -> str:
    """The report as XML."""
    cases = [*_cases(report)]
    names = list(dict.fromkeys([*(one.check for one in report.outcomes), *(case.suite for case in cases)]))
    root = ElementTree.Element("testsuites", name="ktlo check")
    for name in names:
        _suite(root, name, [case for case in cases if case.suite == name], report)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _cases(report: Report) -> list[_Case]:
    cases = []
    for one in report.failing:
        where = one.location.path + (f":{one.location.line}" if one.location.line else "")
        cases.append(
            _Case(one.check, f"{one.rule} in {where}", "failure", one.message, f"{one.level}. {one.fix}")
        )
    cases += [_Case(one.check, one.what, "error", one.reason, one.reason) for one in report.unchecked]
    cases += [
        _Case(
            one.finding.check, f"{one.finding.rule} in {one.finding.location.path}", "skipped", one.reason, ""
        )
        for one in report.tolerated
    ]
    if report.stale:
        check = next(one.check for one in report.outcomes if one.stale)
        cases.append(_Case(check, "age of the database", "error", report.stale, report.stale))
    return cases


def _suite(root: ElementTree.Element, name: str, cases: Sequence[_Case], report: Report) -> None:
    looked_at = [f"{one.checked} {one.unit}" for one in report.outcomes if one.check == name]
    clean = not any(case.kind != "skipped" for case in cases) and looked_at
    counts = {kind: sum(case.kind == kind for case in cases) for kind in ("failure", "error", "skipped")}
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        name=name,
        tests=str(len(cases) + bool(clean)),
        failures=str(counts["failure"]),
        errors=str(counts["error"]),
        skipped=str(counts["skipped"]),
    )
    if clean:
        ElementTree.SubElement(suite, "testcase", classname=name, name=f"{looked_at[0]} checked")
    for case in cases:
        made = ElementTree.SubElement(suite, "testcase", classname=name, name=_xml(case.name))
        inner = ElementTree.SubElement(made, case.kind, message=_xml(case.message))
        inner.text = _xml(case.text) or None


def _xml(text: str) -> str:
    """Text that XML 1.0 can hold: control characters and half surrogates are shown as escapes."""
    return re.sub("[\ufffe\uffff]", "?", printable(text))
