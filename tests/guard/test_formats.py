"""Reports: each form says what fails and what is not known, and nothing in a name can break or steer it."""

from __future__ import annotations

import datetime
import json
from xml.etree import ElementTree

import jsonschema_rs
import pytest

from ktlo.guard.finding import Finding, Level, Location, Outcome, Unchecked
from ktlo.guard.formats import FORMATS, renderer
from ktlo.guard.policy import Ignore, Policy
from ktlo.guard.verdict import Coverage, ExitCode, decide

DAY = datetime.date(2026, 11, 24)
EVIL = "evil\x1b[2J\n::error::x%0A<&\x00\u202e\ud800"


def finding(rule="CVE-2026-1", level=Level.HIGH, message="left 1.0.0: A hole.", path="package-lock.json"):
    return Finding(
        "vulnerabilities",
        rule,
        level,
        message,
        Location(path, 7),
        "f" * 32,
        ("GHSA-left",),
        "Update left to 2.0.0",
        {"ecosystem": "npm", "package": "left", "version": "1.0.0"},
    )


def report(findings=(), unchecked=(), stale="", policy=None):
    outcome = Outcome("vulnerabilities", tuple(findings), tuple(unchecked), 12, "dependencies", stale)
    return decide(
        [outcome],
        [],
        policy or Policy(),
        Coverage(files=("package-lock.json",), dependencies=12, checked=12),
        DAY,
    )


NOT_KNOWN = Unchecked("vulnerabilities", "Cargo.lock", "it cannot be read")
IGNORED = Policy(ignores=(Ignore("GHSA-left", "ann", "not called", datetime.date(2027, 1, 1)),))


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (report(), ExitCode.CLEAN),
        (report([finding()]), ExitCode.FINDINGS),
        (report([finding()], [NOT_KNOWN], "old"), ExitCode.FINDINGS),
        (report((), [NOT_KNOWN], "old"), ExitCode.INCONCLUSIVE),
        (report(stale="old"), ExitCode.STALE),
        (report([finding()], policy=IGNORED), ExitCode.CLEAN),
        (decide([], [], Policy(), Coverage(), DAY), ExitCode.INCONCLUSIVE),
    ],
)
def test_the_exit_code_is_clean_only_when_nothing_is_left_to_say(made, code):
    assert made.code is code


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "gitlab-secrets"])
def test_every_form_names_what_fails_what_is_not_known_and_what_is_too_old(form):
    text = renderer(form)(report([finding()], [NOT_KNOWN], "The database is of 2020."))
    for part in (
        "CVE-2026-1",
        "left 1.0.0",
        "package-lock.json",
        "Cargo.lock",
        "it cannot be read",
        "of 2020",
    ):
        assert part in text


def test_the_first_line_for_people_is_the_verdict():
    assert renderer("text")(report()).splitlines()[0] == "Proven clean (12 dependencies checked)."
    assert renderer("text")(report([finding()])).startswith("Failed: 1 finding (")


@pytest.mark.parametrize("form", ["text", "junit", "github", "markdown"])
def test_no_name_steers_a_terminal_or_issues_a_command(form):
    made = report([finding(EVIL, message=EVIL, path=EVIL)], [Unchecked("vulnerabilities", EVIL, EVIL)], EVIL)
    text = renderer(form)(made)
    assert not {"\x1b", "\x00", "\u202e", "\ud800"} & set(text)
    assert not any(line.startswith("::error::x") for line in text.splitlines())
    text.encode()


def test_junit_can_be_parsed_and_counts_right():
    made = report([finding(message=EVIL), finding("CVE-2")], [NOT_KNOWN], "old")
    [suite] = ElementTree.fromstring(renderer("junit")(made).split("\n", 1)[1])
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "2", "2")
    [clean] = ElementTree.fromstring(renderer("junit")(report()).split("\n", 1)[1])
    assert (clean.get("tests"), clean.get("failures"), clean.get("errors")) == ("1", "0", "0")


def test_sarif_says_where_and_how_bad_and_suppresses_what_is_tolerated():
    log = json.loads(renderer("sarif")(report([finding(path="a b/ü%.json")], policy=IGNORED)))
    [run] = log["runs"]
    [result] = run["results"]
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "a%20b/%C3%BC%25.json"},
        "region": {"startLine": 7},
    }
    assert result["suppressions"][0]["justification"].startswith("ignored by ann")
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    assert run["invocations"][0]["executionSuccessful"] is True


@pytest.mark.parametrize(
    "made", [report((), [NOT_KNOWN]), report([finding()], [NOT_KNOWN]), report(stale="old")]
)
def test_sarif_of_a_run_that_proves_nothing_is_not_successful(made):
    [run] = json.loads(renderer("sarif")(made))["runs"]
    assert run["invocations"][0]["executionSuccessful"] is False


# The parts of the published schema that ktlo uses, closed: required members, enumerations, no others.
TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
RESULT = {
    "type": "object",
    "required": ["message", "ruleId"],
    "additionalProperties": False,
    "properties": {
        "ruleId": {"type": "string"},
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": {"enum": ["none", "note", "warning", "error"]},
        "message": TEXT,
        "locations": {"type": "array"},
        "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
        "suppressions": {
            "type": "array",
            "items": {"required": ["kind"], "properties": {"kind": {"enum": ["inSource", "external"]}}},
        },
        "properties": {"type": "object"},
    },
}


def test_sarif_results_have_the_members_the_standard_allows():
    made = report([finding(), finding("CVE-2", Level.UNKNOWN), finding("CVE-3", Level.LOW)], policy=IGNORED)
    [run] = json.loads(renderer("sarif")(made))["runs"]
    for result in run["results"]:
        jsonschema_rs.validate(RESULT, result)


def test_json_keeps_its_keys():
    content = json.loads(renderer("json")(report([finding()], [NOT_KNOWN])))
    assert set(content) == {
        "tool",
        "verdict",
        "findings",
        "tolerated",
        "unchecked",
        "stale",
        "checks",
        "skipped",
        "left_out",
        "since",
        "as_of",
        "coverage",
    }
    assert set(content["verdict"]) == {"code", "name", "headline"}


def test_findings_that_differ_only_in_place_stand_together_and_checks_are_counted():
    def lint(line):
        return Finding("lint", "ruff/F401", Level.LOW, "unused", Location("a.py", line), f"{line}")

    lines = renderer("text")(report([finding(), *(lint(n) for n in range(1, 15))])).splitlines()
    assert lines[1:3] == ["  vulnerabilities: 1 high", "  lint: 14 low"]
    at = lines.index("  low           ruff/F401  unused")
    assert lines[at + 1 : at + 3] == ["                14 times:", "                  in a.py:1"]
    assert "and 4 more" in lines[at + 12]
