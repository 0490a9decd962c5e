"""Licences: expressions by a table, where licences come from, and that an unknown one never passes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from ktlo.cli.main import commands
from ktlo.guard.licenses.judging import Licensing, judge_license
from ktlo.guard.licenses.python_names import from_classifiers, from_words
from ktlo.guard.lockfiles.license_field import license_of, license_of_component, license_of_metadata

CLEAN, FINDINGS, INCONCLUSIVE, STALE, USAGE = range(5)
ROWS = [
    [cell.strip() for cell in line.split("|")]
    for line in Path(__file__).with_name("expressions.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.mark.parametrize(("text", "allow", "deny", "expected"), ROWS, ids=[" ".join(row) for row in ROWS])
def test_an_expression_is_judged_as_the_table_says(text, allow, deny, expected):
    patterns = [" ".join(allow.split())] if " WITH " in allow else allow.split()
    judged = judge_license(text, Licensing(tuple(patterns), tuple(deny.split())))
    assert judged.is_allowed is {"yes": True, "no": False, "unknown": None}[expected]
    assert (judged.because == ()) == (expected == "yes")


@given(st.text(max_size=40))
def test_any_text_is_allowed_only_when_it_is_understood(text):
    assert judge_license(text, Licensing(("*",))).is_allowed in (True, None)
    if judge_license(text, Licensing(("MIT",))).is_allowed:
        assert "mit" in text.lower()


@pytest.fixture
def check(tmp_path, monkeypatch):
    monkeypatch.delenv("KTLO_CONFIG", raising=False)
    root = tmp_path / "shop"
    root.mkdir()

    def run(licenses="  licenses: {allow: [MIT, 'BSD-*']}\n", **packages):
        rows = {"": {"name": "shop", "version": "1.0.0", "dependencies": dict.fromkeys(packages, "*")}}
        rows |= {
            f"node_modules/{name}": {"version": "1.0.0", "integrity": "sha512-x", **said}
            for name, said in packages.items()
        }
        content = {"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "packages": rows}
        (root / "package-lock.json").write_text(json.dumps(content, indent=1))
        (root / "ktlo.yaml").write_text(f"guard:\n{licenses or '  max_age_days: 7'}")
        line = ["check", str(root), "--only", "licenses", "--format", "json"]
        done = CliRunner().invoke(commands(), line)
        return done.exit_code, json.loads(done.stdout) if done.stdout.startswith("{") else {}

    run.root = root
    return run


def test_without_a_policy_licences_are_not_looked_at(check):
    code, report = check(licenses="", left={})
    assert code == INCONCLUSIVE  # nothing else was asked to run
    assert report["skipped"][-1]["reason"] == "guard.licenses in the settings says nothing"


def test_a_licence_that_policy_does_not_allow_fails_with_the_package_and_its_place(check):
    assert check(left={"license": "MIT"})[0] == CLEAN
    code, report = check(left={"license": "MIT"}, right={"license": "GPL-3.0-only"})
    assert code == FINDINGS
    [finding] = report["findings"]
    assert finding["message"] == "right 1.0.0: its licence GPL-3.0-only is not allowed"
    assert finding["location"]["line"] > 0
    ignore = (
        "  ignores: [{id: license/GPL-3.0-only, package: right, owner: a, reason: b, expires: 2999-01-01}]\n"
    )
    assert check("  licenses: {allow: [MIT]}\n" + ignore, right={"license": "GPL-3.0-only"})[0] == CLEAN


def test_a_licence_that_nothing_tells_or_nobody_can_place_is_not_checked(check):
    for said in ({}, {"license": "SEE LICENSE IN x"}, {"license": "the usual"}, {"license": 7}):
        code, report = check(left=said)
        assert code == INCONCLUSIVE
        assert "state it in guard.licenses.known" in report["unchecked"][0]["reason"]
    known = "  licenses: {allow: [MIT], known: {'npm:left@1.0.0': MIT}}\n"
    assert check(known, left={})[0] == CLEAN
    assert check(known.replace("@1.0.0", "@2.0.0"), left={})[0] == INCONCLUSIVE
    assert check("  internal: [left]\n  licenses: {allow: [MIT]}\n", left={})[0] == CLEAN


def test_installed_packages_tell_what_the_lock_file_does_not(check, tmp_path):
    package = check.root / "node_modules" / "left"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"name": "left", "version": "1.0.0", "license": "MIT"}')
    assert check(left={})[0] == CLEAN
    (package / "package.json").write_text('{"name": "left", "version": "2.0.0", "license": "MIT"}')
    assert check(left={})[0] == INCONCLUSIVE  # of another version
    (package / "package.json").unlink()
    (tmp_path / "theirs.json").write_text('{"name": "left", "version": "1.0.0", "license": "MIT"}')
    (package / "package.json").symlink_to(tmp_path / "theirs.json")
    assert check(left={})[0] == INCONCLUSIVE


def test_a_python_environment_tells_by_expression_then_classifiers_then_words(check):
    (check.root / "requirements.txt").write_text("left==1.0\n")
    folder = check.root / ".venv" / "lib" / "python3.11" / "site-packages" / "left-1.0.dist-info"
    folder.mkdir(parents=True)

    def with_headers(*lines):
        (folder / "METADATA").write_text(
            "\n".join(["Name: Left", "Version: 1.0", *lines, "", "License: GPL"])
        )
        return check()[0]

    assert with_headers("License-Expression: MIT", "License: GPL") == CLEAN
    assert with_headers("License-Expression: GPL-3.0-only") == FINDINGS
    assert with_headers("License: whatever", "Classifier: License :: OSI Approved :: MIT License") == CLEAN
    assert with_headers("Classifier: License :: OSI Approved :: BSD License") == CLEAN
    assert with_headers("License: MIT License") == CLEAN
    assert with_headers() == INCONCLUSIVE


def test_names_that_stand_for_several_licences_become_all_of_them():
    assert from_classifiers(["License :: OSI Approved :: BSD License"]) == "BSD-2-Clause AND BSD-3-Clause"
    two = ["License :: OSI Approved :: MIT License", "License :: OSI Approved :: Apache Software License"]
    assert from_classifiers(two) == "(MIT) AND (Apache-2.0)"
    assert from_classifiers([*two, "License :: Somebody's"]) == ""
    assert from_classifiers(["License :: OSI Approved"]) == ""
    assert from_words("MIT  License") == "MIT"
    assert from_words("x" * 300) == from_words("UNKNOWN") == ""


def test_fields_of_other_shapes_tell_nothing_and_break_nothing():
    assert license_of(["MIT", {"type": "ISC"}]) == "(MIT) OR (ISC)"
    assert license_of("UNLICENSED") == "LicenseRef-UNLICENSED"
    assert [license_of(one) for one in (None, 7, [], {}, [None], "NOASSERTION")] == [""] * 6
    assert (
        license_of_component([{"license": {"id": "MIT"}}, {"license": {"name": "The MIT License"}}])
        == "(MIT) AND (MIT)"
    )
    assert license_of_component([{"expression": "MIT OR ISC"}]) == "MIT OR ISC"
    assert [license_of_component(one) for one in (None, "MIT", [7], [{}])] == [""] * 4
    assert license_of_metadata([("license", "MIT"), ("license", "GPL")]) == "MIT"


def test_bills_of_materials_state_licences(check):
    component = {"type": "library", "name": "left", "version": "1.0.0", "purl": "pkg:npm/left@1.0.0"}
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [component]}
    for licenses, expected in (
        ([{"license": {"id": "MIT"}}], CLEAN),
        ([{"license": {"id": "GPL-3.0-only"}}], FINDINGS),
        ([], INCONCLUSIVE),
    ):
        (check.root / "bom.json").write_text(
            json.dumps(bom | {"components": [component | {"licenses": licenses}]})
        )
        assert check()[0] == expected
    (check.root / "bom.json").unlink()
    reference = {"referenceType": "purl", "referenceLocator": "pkg:npm/left@1.0.0"}
    package = {"SPDXID": "SPDXRef-a", "name": "left", "externalRefs": [reference]}
    for said, expected in (
        ({"licenseConcluded": "NOASSERTION", "licenseDeclared": "MIT"}, CLEAN),
        ({"licenseConcluded": "GPL-3.0-only", "licenseDeclared": "MIT"}, FINDINGS),
    ):
        document = {"spdxVersion": "SPDX-2.3", "packages": [package | said]}
        (check.root / "shop.spdx.json").write_text(json.dumps(document))
        assert check()[0] == expected
