"""Forms for other programs: CycloneDX by its published schema, OpenVEX by our own reader, GitLab, comments."""

from __future__ import annotations

import datetime
import json
from importlib.resources import files

import jsonschema_rs
import pytest

from ktlo.guard.dependency import Dependency, Origin
from ktlo.guard.finding import Finding, Level, Location, Outcome, Unchecked
from ktlo.guard.formats import FORMATS, renderer
from ktlo.guard.openvex import read_openvex
from ktlo.guard.policy import Because, Ignore, Policy, Tolerated
from ktlo.guard.verdict import Change, Circumstances, Coverage, decide

NOW = datetime.datetime(2026, 11, 26, 8, 0, tzinfo=datetime.UTC)
LATER = datetime.date(2027, 1, 1)
EVIL = "evil\x1b[2J\n@team <script> `x` | #1 [a](https://example.org)\x00\ud800"


def dependency(name, version="1.0.0", path=(), **more):
    return Dependency(
        "npm", name, version, Origin.REGISTRY, Location("package-lock.json", 7), path=path, **more
    )


def finding(
    rule="CVE-2026-1",
    package="left",
    version="1.0.0",
    check="vulnerabilities",
    path="package-lock.json",
    **more,
):
    return Finding(
        check,
        rule,
        more.pop("level", Level.HIGH),
        more.pop("message", f"{package} {version}: A hole"),
        Location(path, 7),
        f"{check}{rule}{package}{version}",
        ("GHSA-left",) if rule == "CVE-2026-1" else (),
        "Update left to 2.0.0",
        {"ecosystem": "npm", "package": package, "version": version, **more},
    )


STATED = (
    dependency("left", path=("left",), is_direct=True, is_development=False, license="MIT"),
    dependency("inner", "1.0.0", path=("left", "inner"), is_development=False, license="(MIT OR GPL-2.0+)"),
    dependency("inner", "2.0.0", path=("tool", "inner"), is_development=True, license="my own"),
    dependency("tool", path=("tool",), is_direct=True, is_development=True),
    Dependency("Hackage", "odd", "1", Origin.GIT, Location("odd.lock")),
)


def report(findings=(), unchecked=(), policy=None, stale="", change=None, check="vulnerabilities"):
    outcome = Outcome(check, tuple(findings), tuple(unchecked), 5, "dependencies", stale)
    coverage = Coverage(("package-lock.json",), 5, 5, stated=STATED)
    around = Circumstances(at=NOW, project="shop", change=change)
    return decide([outcome], [], policy or Policy(), coverage, NOW.date(), around)


def schema(name):
    return json.loads((files("cyclonedx.schema") / "_res" / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def cyclonedx():
    """A validator of the published CycloneDX 1.6 schema."""
    registry = jsonschema_rs.Registry(
        [
            (
                f"http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json",
                schema(f"{name}.SNAPSHOT.schema.json"),
            )
            for name in ("spdx", "jsf-0.82", "cryptography-defs")
        ]
    )
    return jsonschema_rs.validator_for(schema("bom-1.6.SNAPSHOT.schema.json"), registry=registry)


IGNORES = Policy(
    fail_from=Level.MEDIUM,
    ignores=(
        Ignore("CVE-2026-2", "ann", "lived with", LATER),
        Ignore(
            "CVE-2026-3", "ann", "never called", LATER, justification="vulnerable_code_not_in_execute_path"
        ),
    ),
)
MANY = [
    finding(),
    finding("CVE-2026-2"),
    finding("CVE-2026-3"),
    finding("CVE-2026-4", level=Level.LOW),
    finding("CVE-2026-5", "inner", cvss="9.8", vector="CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"),
    finding("ruff/F401", check="lint"),
]


@pytest.mark.parametrize(
    "made",
    [
        report(),
        report(MANY, [Unchecked("vulnerabilities", "Cargo.lock", "it cannot be read")], IGNORES, "old"),
        report(
            [finding(EVIL, EVIL, EVIL, message=EVIL, path=EVIL)], [Unchecked("x", EVIL, EVIL)], stale=EVIL
        ),
        report(change=Change("main", "abc", tuple(MANY))),
    ],
    ids=["nothing", "everything", "hostile names", "a change"],
)
def test_a_bill_of_materials_is_valid_by_the_published_schema(cyclonedx, made):
    cyclonedx.validate(json.loads(renderer("cyclonedx")(made)))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda bom: bom["vulnerabilities"][0]["analysis"].update(state="fine"),
        lambda bom: bom["components"][0].pop("name"),
        lambda bom: bom["components"][0].update(licenses=[{"license": {"id": "my own"}}]),
    ],
)
def test_the_schema_would_notice(cyclonedx, spoil):
    bom = json.loads(renderer("cyclonedx")(report(MANY, policy=IGNORES)))
    assert cyclonedx.is_valid(bom)
    spoil(bom)
    assert not cyclonedx.is_valid(bom)


def test_the_tree_leads_from_the_project_to_the_right_one_of_two_versions():
    bom = json.loads(renderer("cyclonedx")(report()))
    needs = {one["ref"]: one["dependsOn"] for one in bom["dependencies"]}
    assert needs["project"] == ["pkg:npm/left@1.0.0", "pkg:npm/tool@1.0.0"]
    assert needs["pkg:npm/left@1.0.0"] == ["pkg:npm/inner@1.0.0"]
    assert needs["pkg:npm/tool@1.0.0"] == ["pkg:npm/inner@2.0.0"]
    two = (
        dependency("mid", "1.0.0", path=("left", "mid")),
        dependency("mid", "2.0.0", path=("tool", "mid")),
        dependency("leaf", "1.0.0", path=("tool", "mid", "leaf")),
    )
    from ktlo.guard.formats.cyclonedx import _tree

    assert _tree((*STATED, *two))["pkg:npm/mid@2.0.0"] == {"pkg:npm/leaf@1.0.0"}
    by_ref = {one["bom-ref"]: one for one in bom["components"]}
    assert by_ref["pkg:npm/tool@1.0.0"]["scope"] == "excluded"
    assert by_ref["pkg:npm/inner@1.0.0"]["licenses"] == [{"expression": "MIT OR GPL-2.0-or-later"}]
    assert by_ref["pkg:npm/inner@2.0.0"]["licenses"] == [{"license": {"name": "my own"}}]
    assert "purl" not in by_ref["Hackage:odd@1"]


def test_each_vulnerability_says_what_was_decided_about_it():
    bom = json.loads(renderer("cyclonedx")(report(MANY, policy=IGNORES)))
    found = {one["id"]: one["analysis"] for one in bom["vulnerabilities"]}
    assert {name: said["state"] for name, said in found.items()} == {
        "CVE-2026-1": "in_triage",
        "CVE-2026-2": "exploitable",
        "CVE-2026-3": "not_affected",
        "CVE-2026-4": "in_triage",
        "CVE-2026-5": "in_triage",
    }
    assert found["CVE-2026-2"]["response"] == ["will_not_fix"]
    assert found["CVE-2026-3"]["justification"] == "code_not_reachable"
    rows = {one["id"]: one for one in bom["vulnerabilities"]}
    assert rows["CVE-2026-5"]["affects"] == [{"ref": "pkg:npm/inner@1.0.0"}]
    assert rows["CVE-2026-5"]["ratings"][0]["method"] == "CVSSv31"


def test_the_same_run_gives_the_same_document_and_another_gives_another():
    first, second = (json.loads(renderer("cyclonedx")(report(MANY))) for _ in range(2))
    assert first["serialNumber"] == second["serialNumber"]
    assert first["serialNumber"] != json.loads(renderer("cyclonedx")(report()))["serialNumber"]


# --- OpenVEX ------------------------------------------------------------------------------------------------


def test_openvex_tells_what_was_decided_and_our_reader_takes_it_the_same_way(tmp_path):
    file = tmp_path / "shop.vex.json"
    file.write_text(renderer("openvex")(report(MANY, policy=IGNORES)))
    said = {
        next(iter(one.names & {f"CVE-2026-{n}" for n in range(9)})): one.status for one in read_openvex(file)
    }
    assert said == {
        "CVE-2026-1": "under_investigation",
        "CVE-2026-2": "affected",
        "CVE-2026-3": "not_affected",
        "CVE-2026-4": "under_investigation",
        "CVE-2026-5": "under_investigation",
    }
    # Taken in as policy, it excuses exactly what was stated not to be affected; and stays the same when written again.
    again = report(MANY, policy=Policy(statements=read_openvex(file)))
    assert [one.finding.rule for one in again.tolerated] == ["CVE-2026-3"]
    assert again.tolerated[0].because is Because.VEX
    file.write_text(renderer("openvex")(again))
    assert {one.status for one in read_openvex(file) if "CVE-2026-3" in one.names} == {"not_affected"}


def test_openvex_statements_have_what_the_specification_asks_for_each_status():
    document = json.loads(renderer("openvex")(report(MANY, policy=IGNORES)))
    assert {"@context", "@id", "author", "timestamp", "version", "statements"} <= set(document)
    for one in document["statements"]:
        assert one["products"][0]["@id"].startswith("pkg:npm/")
        if one["status"] == "not_affected":
            assert one["justification"] == "vulnerable_code_not_in_execute_path"
        if one["status"] == "affected":
            assert "until 2027-01-01: lived with" in one["action_statement"]


def test_a_reason_in_words_comes_back_as_words(tmp_path):
    vex = Tolerated(finding(), "x", Because.VEX, "not_affected", "We never start that part.")
    from dataclasses import replace

    file = tmp_path / "a.vex.json"
    file.write_text(renderer("openvex")(replace(report(), tolerated=(vex,))))
    [statement] = read_openvex(file)
    assert (statement.status, statement.why) == ("not_affected", "We never start that part.")


def test_one_package_failing_in_one_lock_file_is_not_excused_by_another(tmp_path):
    policy = Policy(
        ignores=(Ignore("CVE-2026-1", "ann", "x", LATER, path="a/*", justification="component_not_present"),)
    )
    both = [finding(path="a/package-lock.json"), finding(path="b/package-lock.json")]
    file = tmp_path / "a.vex.json"
    file.write_text(renderer("openvex")(report(both, policy=policy)))
    assert len(report(both, policy=Policy(statements=read_openvex(file))).failing) == 2


# --- GitLab -------------------------------------------------------------------------------------------------

# The parts of GitLab's published schemas (15.0) that ktlo uses: required members, enumerations, lengths.
NAMED = {"type": "object", "required": ["id", "name", "version", "vendor"]}
MOMENT = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$"}


def security(kind, location):
    identifier = {
        "required": ["type", "name", "value"],
        "additionalProperties": {"type": "string", "minLength": 1},
    }
    return {
        "type": "object",
        "required": ["scan", "version", "vulnerabilities"],
        "properties": {
            "version": {"pattern": r"^[0-9]+\.[0-9]+\.[0-9]+$"},
            "scan": {
                "required": ["analyzer", "end_time", "scanner", "start_time", "status", "type"],
                "properties": {
                    "analyzer": NAMED,
                    "scanner": NAMED,
                    "start_time": MOMENT,
                    "end_time": MOMENT,
                    "status": {"enum": ["success", "failure"]},
                    "type": {"const": kind},
                    "messages": {
                        "items": {
                            "required": ["level", "value"],
                            "properties": {"level": {"enum": ["info", "warn", "fatal"]}},
                        }
                    },
                },
            },
            "vulnerabilities": {
                "items": {
                    "required": ["id", "identifiers", "location"],
                    "properties": {
                        "name": {"maxLength": 255},
                        "solution": {"maxLength": 7000},
                        "severity": {"enum": ["Info", "Unknown", "Low", "Medium", "High", "Critical"]},
                        "identifiers": {"minItems": 1, "items": identifier},
                        "location": location,
                    },
                }
            },
        },
    }


PACKAGE = {"required": ["package", "version"], "properties": {"package": {"required": ["name"]}}}
DEPENDENCIES = security(
    "dependency_scanning", {"required": ["file", "dependency"], "properties": {"dependency": PACKAGE}}
) | {"required": ["dependency_files"]}
SECRETS = security(
    "secret_detection",
    {"required": ["commit"], "properties": {"commit": {"required": ["sha"]}, "start_line": {"minimum": 1}}},
)


def test_gitlab_takes_dependencies_and_secrets_and_is_told_when_not_everything_was_checked():
    long = finding("CVE-2026-8", message="x" * 300)
    vulnerable = json.loads(renderer("gitlab-dependencies")(report([*MANY, long])))
    jsonschema_rs.validate(DEPENDENCIES, vulnerable)
    assert len(vulnerable["vulnerabilities"]) == 6
    assert vulnerable["scan"]["status"] == "success"
    assert vulnerable["dependency_files"][1]["package_manager"] == "npm"
    unread = json.loads(renderer("gitlab-dependencies")(report((), [Unchecked("vulnerabilities", "a", "b")])))
    jsonschema_rs.validate(DEPENDENCIES, unread)
    assert unread["scan"]["status"] == "failure"
    secret = report([finding("aws", check="secrets")], check="secrets")
    found = json.loads(renderer("gitlab-secrets")(secret))
    jsonschema_rs.validate(SECRETS, found)
    assert [one["location"]["start_line"] for one in found["vulnerabilities"]] == [7]
    assert (
        json.loads(renderer("gitlab-dependencies")(secret))["scan"]["status"] == "failure"
    )  # it did not run


def test_code_quality_has_every_finding_with_an_identity_of_its_own():
    rows = json.loads(renderer("gitlab")(report(MANY, [Unchecked("lint", "ruff", "away")], stale="old")))
    assert len({one["fingerprint"] for one in rows}) == len(rows) == 8
    for one in rows:
        assert set(one) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert one["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert one["location"]["lines"]["begin"] >= 1


# --- Comments -----------------------------------------------------------------------------------------------


def test_a_comment_leads_with_the_verdict_and_folds_what_was_there_before():
    text = renderer("markdown")(
        report([finding()], change=Change("main", "abcdef0123456789", (finding("CVE-2026-9"),)))
    )
    lines = text.splitlines()
    assert lines[0] == "<!-- ktlo check -->"
    assert lines[1].startswith("### ❌ Failed: 1 finding that the change adds")
    before = text.index("<details>")
    assert text.index("CVE-2026-1") < before < text.index("CVE-2026-9")


def test_no_name_formats_links_or_calls_anybody_in_a_comment():
    text = renderer("markdown")(
        report([finding(EVIL, EVIL, message=EVIL, path=EVIL)], [Unchecked(EVIL, EVIL, EVIL)])
    )
    for line in text.splitlines():
        if line.startswith(("<!--", "###", "|---", "| level")):
            continue
        outside = "".join(line.split("`")[::2])
        assert not {"@", "#", "[", "<s"} & set(outside.replace("<br>", "")), line
        assert line.count("`") % 2 == 0
    assert text.count("|") % 5 == 0
    assert "`x`" not in text


def test_a_comment_stays_below_what_a_platform_takes():
    many = [finding(f"CVE-2026-{number}", message="x" * 1000) for number in range(500)]
    text = renderer("markdown")(report(many, [Unchecked("a", f"{n}", "x" * 1000) for n in range(500)]))
    assert len(text) < 65_536
    assert "…and 470 more." in text


# --- SARIF --------------------------------------------------------------------------------------------------


def test_sarif_tells_new_from_unchanged_and_lint_from_security():
    made = report(
        [finding(), finding("ruff/F401", check="lint")],
        change=Change("main", "abc", (finding("CVE-2026-9"),)),
    )
    [run] = json.loads(renderer("sarif")(made))["runs"]
    assert {one["ruleId"]: one["baselineState"] for one in run["results"]} == {
        "CVE-2026-1": "new",
        "ruff/F401": "new",
        "CVE-2026-9": "unchanged",
    }
    rules = {one["id"]: one["properties"] for one in run["tool"]["driver"]["rules"]}
    assert "security" in rules["CVE-2026-1"]["tags"]
    assert rules["ruff/F401"] == {"tags": ["lint"]}


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_is_documented_and_can_hold_any_name(form):
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "check.md").read_text(encoding="utf-8")
    assert f"| `{form}` |" in page
    made = report(
        [finding(EVIL, EVIL, EVIL, message=EVIL, path=EVIL)], [Unchecked("x", EVIL, EVIL)], stale=EVIL
    )
    renderer(form)(made).encode()
