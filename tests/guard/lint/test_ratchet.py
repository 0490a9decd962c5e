"""The ratchet: counts of each rule in each file only fall, whatever the linter, and a renamed file keeps its own."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktlo.guard.finding import Finding, Level, Location
from ktlo.guard.lint.ratchet import held, lowered, only_more, raised

CLEAN, FINDINGS, INCONCLUSIVE, STALE, USAGE = range(5)


def baseline(repo):
    return json.loads((repo.root / ".ktlo" / "lint-baseline.json").read_text())["counts"]


def test_without_a_baseline_every_finding_fails(check):
    code, report, _ = check()
    assert code == FINDINGS
    [finding] = report["findings"]
    assert (finding["rule"], finding["location"]) == ("ruff/F401", {"path": "a.py", "line": 1, "commit": ""})


def test_what_was_accepted_does_not_fail_and_one_more_does(check, run, repo):
    assert run(["accept"]).exit_code == CLEAN
    assert baseline(repo) == {"a.py": {"ruff/F401": 1}}
    code, report, _ = check()
    assert (code, report["checks"][0]["known"]) == (CLEAN, 1)
    assert "1 known in baselines" in report["verdict"]["headline"]
    repo.write("a.py", "import os\nimport sys\n\nprint(1)\n")
    code, report, _ = check()
    assert code == FINDINGS
    assert {one["message"] for one in report["findings"]} == {
        "`os` imported but unused (2 in this file, 1 allowed)",
        "`sys` imported but unused (2 in this file, 1 allowed)",
    }


def test_another_rule_or_another_file_does_not_share_what_is_allowed(check, run, repo):
    run(["accept"])
    repo.write("a.py", "x = 1\nprint(x == None)\n")
    assert check()[0] == FINDINGS
    repo.write("a.py", "print(1)\n")
    repo.write("b.py", "import os\n")
    assert check()[0] == FINDINGS


def test_fewer_findings_can_be_kept_and_then_not_come_back(check, run, repo):
    repo.write("a.py", "import os\nimport sys\n")
    run(["accept"])
    repo.write("a.py", "import os\n")
    code, report, _ = check()
    assert code == CLEAN
    assert "1 fewer than the baseline allows: ktlo check accept lowers it" in report["left_out"][0]
    assert "lowered by 1" in run(["accept"]).stdout
    repo.write("a.py", "import os\nimport sys\n")
    assert check()[0] == FINDINGS


def test_counts_rise_only_when_somebody_says_so(run, repo):
    run(["accept"])
    repo.write("a.py", "import os\nimport sys\nx = 1\nprint(x == None)\n")
    done = run(["accept"])
    assert done.exit_code == FINDINGS
    assert "not raised: a.py  ruff/F401  has 2, allowed are 1" in done.stderr
    assert baseline(repo) == {"a.py": {"ruff/F401": 1}}
    done = run(["accept"], "--allow")
    assert done.exit_code == CLEAN
    assert "raised: a.py  ruff/F401  from 1 to 2" in done.stdout
    assert baseline(repo) == {"a.py": {"ruff/E711": 1, "ruff/F401": 2}}


def test_a_renamed_file_keeps_what_it_may_have(check, run, repo):
    body = "".join(f"value_{number} = {number}\n" for number in range(20))
    repo.write("a.py", f"import os\n{body}")
    repo.commit()
    run(["accept"])
    repo.commit("the baseline")
    (repo.root / "src").mkdir()
    repo.git("mv", "a.py", "src/b.py")
    assert check()[0] == CLEAN
    repo.write("src/b.py", f"import os\n{body}value_20 = 20\n")
    repo.commit("renamed and changed")
    assert check()[0] == CLEAN
    repo.write("src/b.py", f"import os\nimport sys\n{body}")
    assert check()[0] == FINDINGS
    repo.write("src/b.py", f"import os\n{body}")
    assert run(["accept"]).exit_code == CLEAN
    assert baseline(repo) == {"src/b.py": {"ruff/F401": 1}}


def test_any_tool_that_writes_sarif_is_held_to_the_ratchet(check, run, repo, tmp_path):
    report = tmp_path / "other.sarif"

    def says(number):
        results = [
            {
                "ruleId": "no-todo",
                "message": {"text": f"todo {line}"},
                "locations": [
                    {"physicalLocation": {"artifactLocation": {"uri": "b.txt"}, "region": {"startLine": line}}}
                ],
            }
            for line in range(1, number + 1)
        ]  # fmt: skip
        run_ = {"tool": {"driver": {"name": "Other Tool"}}, "results": results}
        report.write_text(json.dumps({"version": "2.1.0", "runs": [run_]}))

    says(2)
    assert run(["accept"], "--sarif", str(report)).exit_code == CLEAN
    assert baseline(repo)["b.txt"] == {"other-tool/no-todo": 2}
    assert check("--sarif", str(report))[0] == CLEAN
    says(3)
    code, found, _ = check("--sarif", str(report))
    assert (code, len(found["findings"])) == (FINDINGS, 3)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"version": 2, "counts": {}}',
        '{"version": 1, "counts": {"a": {"x": -1}}}',
        "[" * 50_000,
    ],
)
def test_a_damaged_baseline_is_wrong_use_and_is_not_taken_for_an_empty_one(check, run, repo, text):
    repo.write(".ktlo/lint-baseline.json", text)
    assert check()[0] == USAGE
    assert run(["accept"]).exit_code == USAGE
    assert (repo.root / ".ktlo" / "lint-baseline.json").read_text() == text


def test_a_baseline_that_is_a_link_is_refused(check, repo, tmp_path):
    (tmp_path / "theirs.json").write_text('{"version": 1, "counts": {"a.py": {"ruff/F401": 9}}}')
    (repo.root / ".ktlo").mkdir()
    (repo.root / ".ktlo" / "lint-baseline.json").symlink_to(tmp_path / "theirs.json")
    assert check()[0] == USAGE


def test_a_baseline_is_not_written_through_a_link(run, repo, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (repo.root / ".ktlo").symlink_to(tmp_path / "elsewhere")
    assert run(["accept"]).exit_code == USAGE
    assert list((tmp_path / "elsewhere").iterdir()) == []


# --- With --since ------------------------------------------------------------------------------------------


def test_a_change_is_compared_with_the_code_it_started_from_not_with_the_baseline(check, run, repo):
    repo.git("checkout", "-q", "-b", "change")
    assert check("--since", "main")[0] == CLEAN
    repo.write("a.py", "import os\n\nprint(2)\n")
    assert check("--since", "main")[0] == CLEAN  # the old finding moved nowhere
    repo.write("a.py", "import os\nimport sys\n\nprint(1)\n")
    run(["accept"], "--allow")
    code, report, _ = check("--since", "main")
    assert code == FINDINGS  # whoever raises the baseline along with the code is seen
    assert [one["message"] for one in report["findings"]] == ["`sys` imported but unused"]


def test_a_touched_line_that_keeps_its_finding_adds_nothing(check, repo):
    repo.git("checkout", "-q", "-b", "change")
    repo.write("a.py", "import os  # still\n\nprint(1)\n")
    assert check("--since", "main")[0] == CLEAN


def test_a_renamed_file_adds_nothing(check, repo):
    repo.git("checkout", "-q", "-b", "change")
    repo.git("mv", "a.py", "b.py")
    assert check("--since", "main")[0] == CLEAN


def test_reports_of_other_tools_count_in_files_that_the_change_touches(check, repo, tmp_path):
    repo.write("b.txt", "todo\n")
    repo.write("ruff.toml", "")
    repo.write("a.py", "")
    repo.commit()
    repo.git("checkout", "-q", "-b", "change")
    report = tmp_path / "other.sarif"
    place = {"physicalLocation": {"artifactLocation": {"uri": "b.txt"}, "region": {"startLine": 1}}}
    result = {"ruleId": "no-todo", "message": {"text": "todo"}, "locations": [place]}
    log = {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "Other"}}, "results": [result]}]}
    report.write_text(json.dumps(log))
    assert check("--since", "main", "--sarif", str(report))[0] == CLEAN
    repo.write("b.txt", "todo\nmore\n")
    assert check("--since", "main", "--sarif", str(report))[0] == FINDINGS


# --- Arithmetic ---------------------------------------------------------------------------------------------

PLACES = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.integers(1, 5)), max_size=12)
COUNTS = st.dictionaries(st.sampled_from("ab"), st.dictionaries(st.sampled_from("xy"), st.integers(1, 4)))


def findings(places):
    return [
        Finding("lint", rule, Level.LOW, "m", Location(path, line), f"{path}{rule}{line}")
        for path, rule, line in places
    ]


@given(PLACES, COUNTS)
def test_every_finding_is_either_known_or_failing_and_none_fails_within_what_is_allowed(places, allowed):
    given_ = findings(places)
    result = held(given_, allowed)
    assert result.known + len(result.failing) == len(given_)
    over = {(one.path, one.rule) for one in raised(count_of(given_), allowed)}
    assert {(one.location.path, one.rule) for one in result.failing} == over


@given(PLACES, COUNTS)
def test_lowering_never_raises_and_never_fails_what_passed(places, allowed):
    given_ = findings(places)
    after = lowered(count_of(given_), allowed)
    assert not raised(after, allowed)
    assert held(given_, after).failing == () or held(given_, allowed).failing != ()
    assert held(given_, after).slack == 0


@given(PLACES, PLACES)
def test_a_change_adds_at_least_as_many_findings_as_its_counts_rise(before, after):
    fresh, old = only_more(findings(after), findings(before))
    rise = sum(
        one.found - one.allowed for one in raised(count_of(findings(after)), count_of(findings(before)))
    )
    assert len(fresh) >= rise
    assert len(fresh) + len(old) == len(after)
    if not rise:
        assert fresh == ()


def count_of(given_):
    from ktlo.guard.lint.ratchet import count

    return count(given_)
