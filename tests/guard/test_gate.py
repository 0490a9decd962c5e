"""`ktlo check` passes only what is proven clean: every way of not knowing, and every finding, ends elsewhere."""

from __future__ import annotations

import json
import os
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from shop import days_ago, lock, put, record
from typer.testing import CliRunner

from ktlo.cli.main import commands

CLEAN, FINDINGS, INCONCLUSIVE, STALE, USAGE = range(5)


@pytest.fixture
def check(tmp_path, repository, monkeypatch):
    """Run `ktlo check` on the repository with a policy; gives exit code and the JSON report."""
    monkeypatch.delenv("KTLO_CONFIG", raising=False)

    def run(*arguments, policy="", database=(), form="json"):
        if policy:
            (repository / "ktlo.yaml").write_text(f"guard:\n{policy}", encoding="utf-8")
        named = [part for place in database for part in ("--database", str(place))]
        line = [
            "check",
            str(repository),
            "--format",
            form,
            "--cache",
            str(tmp_path / "cache"),
            *named,
            *arguments,
        ]
        done = CliRunner().invoke(commands(), line)
        report = json.loads(done.stdout) if form == "json" and done.stdout.startswith("{") else {}
        return done.exit_code, report, done

    return run


def reasons(report) -> str:
    return " | ".join(f"{one['what']}: {one['reason']}" for one in report["unchecked"])


def test_a_repository_without_known_vulnerabilities_is_proven_clean(check, mirror):
    code, report, _ = check(database=[mirror])
    assert code == CLEAN
    assert report["verdict"]["name"] == "clean"
    assert (report["coverage"]["dependencies"], report["coverage"]["checked"]) == (2, 2)


def test_a_vulnerable_version_fails_with_its_fix_and_its_place(check, repository, mirror):
    lock(repository, left="1.9.0", right="1.0.0")
    code, report, _ = check(database=[mirror])
    assert code == FINDINGS
    [finding] = report["findings"]
    assert finding["rule"] == "CVE-2026-1"
    assert finding["aliases"] == ["GHSA-left"]
    assert finding["level"] == "high"
    assert finding["fix"] == "Update left to 2.0.0"
    assert finding["location"]["path"] == "package-lock.json"
    assert finding["location"]["line"] > 0


def test_the_fingerprint_stays_when_lines_move_and_versions_change(check, repository, mirror):
    lock(repository, left="1.9.0")
    before = check(database=[mirror])[1]["findings"][0]
    lock(repository, above="1.0.0", left="1.9.1")
    after = check(database=[mirror])[1]["findings"][0]
    assert before["location"] != after["location"]
    assert before["fingerprint"] == after["fingerprint"]


# --- Inconclusive, one way each ---------------------------------------------------------------------------


def test_a_database_that_is_not_there_is_inconclusive(check, tmp_path):
    code, report, _ = check(database=[tmp_path / "nowhere"])
    assert code == INCONCLUSIVE
    assert "there is no such advisory database" in reasons(report)


def test_one_database_away_is_inconclusive_even_when_another_answers(check, mirror, tmp_path):
    code, report, _ = check(database=[mirror, tmp_path / "nowhere.zip"])
    assert code == INCONCLUSIVE
    assert report["coverage"]["checked"] == 2


def test_an_unreachable_service_is_inconclusive(check):
    code, report, _ = check(database=["http://127.0.0.1:9"])
    assert code == INCONCLUSIVE
    assert "cannot be reached" in reasons(report)
    assert report["coverage"]["checked"] == 0


def test_an_ecosystem_without_data_is_inconclusive(check, repository, mirror):
    (repository / "Cargo.lock").write_text(
        'version = 3\n\n[[package]]\nname = "serde"\nversion = "1.0.0"\n'
        'source = "registry+https://github.com/rust-lang/crates.io-index"\nchecksum = "00"\n'
    )
    code, report, _ = check(database=[mirror])
    assert code == INCONCLUSIVE
    assert "no database that could be read has data for crates.io" in reasons(report)


def test_a_lock_file_that_cannot_be_read_is_inconclusive(check, repository, mirror):
    (repository / "package-lock.json").write_text('{"lockfileVersion": 3, "packages": {')
    code, report, _ = check(database=[mirror])
    assert code == INCONCLUSIVE
    assert "package-lock.json" in reasons(report)


def test_no_lock_file_is_inconclusive_unless_policy_says_that_there_is_none(check, repository, mirror):
    (repository / "package-lock.json").unlink()
    code, report, _ = check(database=[mirror])
    assert code == INCONCLUSIVE
    assert "no lock file was found" in reasons(report)
    assert check(database=[mirror], policy="  lock_files: none\n")[0] == CLEAN


def test_a_record_that_cannot_be_read_is_inconclusive(check, mirror):
    (mirror / "broken.json").write_text('{"id": "GHSA-x", "affected": [{"package": 3}]}')
    code, report, _ = check(database=[mirror])
    assert code == INCONCLUSIVE
    assert "this is not an OSV record" in reasons(report)


def test_a_truncated_archive_is_inconclusive(check, mirror, tmp_path):
    whole = tmp_path / "all.zip"
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in mirror.iterdir():
            archive.write(file, file.name)
    content = whole.read_bytes()
    assert check(database=[whole])[0] == CLEAN
    whole.write_bytes(content[: len(content) // 2])
    code, report, _ = check(database=[whole])
    assert code == INCONCLUSIVE
    assert "cannot be read to its end" in reasons(report)


def test_an_empty_database_is_inconclusive(check, tmp_path):
    (tmp_path / "empty").mkdir()
    code, report, _ = check(database=[tmp_path / "empty"])
    assert code == INCONCLUSIVE
    assert report["coverage"]["checked"] == 0


def test_an_advisory_that_can_be_neither_confirmed_nor_excluded_is_inconclusive(check, mirror):
    only_commits = record("GHSA-git", "right")
    only_commits["affected"][0]["ranges"] = [{"type": "GIT", "repo": "x", "events": [{"introduced": "0"}]}]
    put(mirror, only_commits)
    code, report, _ = check(database=[mirror])
    assert code == INCONCLUSIVE
    assert "GHSA-git about right 1.0.0" in reasons(report)
    ignore = "  ignores: [{id: GHSA-git, owner: ann, reason: looked at it, expires: 2999-01-01}]\n"
    assert check(database=[mirror], policy=ignore)[0] == CLEAN


def test_our_own_bug_is_inconclusive_and_loud(check, mirror, monkeypatch):
    monkeypatch.setattr("ktlo.guard.vulnerabilities.check.match", lambda *_: 1 / 0)
    put(mirror, record("GHSA-right", "right"))
    code, report, done = check(database=[mirror])
    assert code == INCONCLUSIVE
    assert "nothing is proven" in reasons(report)
    assert "in _one" in done.stderr


# --- Age --------------------------------------------------------------------------------------------------


def age(mirror, days):
    for file in mirror.iterdir():
        content = json.loads(file.read_text())
        content["modified"] = days_ago(days)
        file.write_text(json.dumps(content))


def test_a_database_that_is_too_old_has_an_exit_code_of_its_own(check, mirror):
    age(mirror, 8)
    code, report, _ = check(database=[mirror])
    assert code == STALE
    assert "8 days old; 7 are allowed" in report["stale"]
    assert check(database=[mirror], policy="  max_age_days: 9\n")[0] == CLEAN


def test_an_old_database_still_finds(check, repository, mirror):
    age(mirror, 900)
    lock(repository, left="1.0.0")
    assert check(database=[mirror])[0] == FINDINGS


def test_a_record_from_the_future_does_not_make_a_database_fresh(check, mirror):
    age(mirror, 30)
    put(mirror, record("GHSA-future", "nobody") | {"modified": "2999-01-01T00:00:00Z"})
    assert check(database=[mirror])[0] == STALE


def test_records_without_a_date_count_by_the_time_of_their_file(check, mirror):
    then = (datetime.now(UTC) - timedelta(days=20)).timestamp()
    for file in mirror.iterdir():
        content = json.loads(file.read_text()) | {"modified": "0001-01-01T00:00:00Z"}
        file.write_text(json.dumps(content))
        os.utime(file, (then, then))
    code, report, _ = check(database=[mirror])
    assert code == STALE
    assert "20 days old" in report["stale"]


# --- Databases --------------------------------------------------------------------------------------------


def test_a_withdrawn_advisory_is_no_finding(check, mirror):
    put(mirror, record("GHSA-right", "right", withdrawn="2026-01-01T00:00:00Z"))
    assert check(database=[mirror])[0] == CLEAN
    put(mirror, record("GHSA-right", "right", withdrawn=None))
    assert check(database=[mirror])[0] == FINDINGS


def test_a_change_of_the_mirror_is_seen_by_the_next_run(check, mirror):
    assert check(database=[mirror])[0] == CLEAN
    put(mirror, record("GHSA-new", "right"))
    assert check(database=[mirror])[0] == FINDINGS


def test_a_damaged_index_is_built_again(check, mirror, tmp_path):
    put(mirror, record("GHSA-right", "right"))
    check(database=[mirror])
    [index] = (tmp_path / "cache").iterdir()
    index.write_bytes(b"not a database at all" * 100)
    assert check(database=[mirror])[0] == FINDINGS


def test_two_databases_with_the_same_vulnerability_give_one_finding(check, mirror, tmp_path):
    put(mirror, record("GHSA-right", "right", aliases=["CVE-2026-9"]))
    other = tmp_path / "pysec"
    other.mkdir()
    put(other, record("OTHER-1", "right", aliases=["CVE-2026-9"]))
    code, report, _ = check(database=[mirror, other])
    assert code == FINDINGS
    [finding] = report["findings"]
    assert finding["aliases"] == ["GHSA-right", "OTHER-1"]


def test_the_service_is_asked_for_every_page(check, repository, osv_service):
    osv_service.holds(
        record("GHSA-1", "right", aliases=["CVE-2026-1"]), record("GHSA-2", "right", aliases=["CVE-2026-2"])
    )
    code, report, _ = check(database=[osv_service.address])
    assert code == FINDINGS
    assert [one["rule"] for one in report["findings"]] == ["CVE-2026-1", "CVE-2026-2"]
    lock(repository, unknown="1.0.0")
    assert check(database=[osv_service.address])[0] == CLEAN


def test_what_the_service_says_applies_is_reported_even_when_we_cannot_tell(check, osv_service):
    osv_service.holds(record("GHSA-1", "right", fixed="nonsense"))
    assert check(database=[osv_service.address])[0] == FINDINGS


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "{}",
        lambda text: '{"results": []}',
        lambda text: "[" * 100_000,
        lambda text: "<html>sign in</html>",
        lambda text: text.replace('"id": "GHSA-1"', '"id": 7'),
    ],
    ids=["half", "nothing", "no results", "deep", "a login page", "wrong type"],
)
def test_an_answer_of_another_shape_is_inconclusive(check, osv_service, spoil):
    osv_service.holds(record("GHSA-1", "right"))
    osv_service.spoil = spoil
    code, report, _ = check(database=[osv_service.address])
    assert code == INCONCLUSIVE
    assert "the advisory service" in reasons(report)


@pytest.mark.parametrize("status", [301, 400, 403, 404, 500])
def test_a_refusal_of_the_service_is_inconclusive(check, osv_service, status):
    osv_service.status = status
    code, report, _ = check(database=[osv_service.address])
    assert code == INCONCLUSIVE
    assert f"answers {status}" in reasons(report)


# --- Policy -----------------------------------------------------------------------------------------------


def test_what_is_declared_internal_is_listed_and_not_asked(check, repository, mirror):
    lock(repository, **{"left": "2.0.0", "@acme/core": "not exact"})
    assert check(database=[mirror])[0] == INCONCLUSIVE
    lock(repository, **{"left": "2.0.0", "@acme/core": "1.0.0-acme+1"})
    put(mirror, record("GHSA-acme", "@acme/core"))
    assert check(database=[mirror])[0] == FINDINGS
    code, report, _ = check(database=[mirror], policy="  internal: ['npm:@acme/*']\n")
    assert code == CLEAN
    assert report["coverage"]["internal"] == ["@acme/core 1.0.0-acme+1 (npm)"]


@pytest.mark.parametrize(("threshold", "expected"), [("high", FINDINGS), ("critical", CLEAN)])
def test_only_findings_from_the_threshold_on_fail(check, repository, mirror, threshold, expected):
    lock(repository, left="1.0.0")
    code, report, _ = check(database=[mirror], policy=f"  fail_from: {threshold}\n")
    assert code == expected
    assert len(report["findings"]) + len(report["tolerated"]) == 1


def test_a_finding_of_unknown_level_always_fails(check, mirror):
    put(mirror, record("GHSA-right", "right"))
    assert check(database=[mirror], policy="  fail_from: critical\n")[0] == FINDINGS


def ignore(identifier="CVE-2026-1", expires="2999-01-01", **more):
    fields = {"id": identifier, "owner": "ann", "reason": "not called", "expires": expires, **more}
    return "  ignores:\n  - " + "\n    ".join(f"{key}: '{value}'" for key, value in fields.items()) + "\n"


@pytest.mark.parametrize("name", ["CVE-2026-1", "GHSA-left"])
def test_an_ignore_counts_under_every_name_of_the_vulnerability(check, repository, mirror, name):
    lock(repository, left="1.0.0")
    code, report, _ = check(database=[mirror], policy=ignore(name))
    assert code == CLEAN
    assert report["tolerated"][0]["reason"] == "ignored by ann until 2999-01-01: not called"


def test_an_ignore_for_one_package_or_file_does_not_reach_further(check, repository, mirror):
    lock(repository, left="1.0.0")
    assert check(database=[mirror], policy=ignore(package="right"))[0] == FINDINGS
    assert check(database=[mirror], policy=ignore(path="docs/*"))[0] == FINDINGS
    assert check(database=[mirror], policy=ignore(package="le*", path="*.json"))[0] == CLEAN


def test_an_expired_ignore_fails_even_when_nothing_is_left_to_ignore(check, mirror):
    code, report, _ = check(database=[mirror], policy=ignore(expires="2020-01-01"))
    assert code == FINDINGS
    assert report["findings"][0]["message"] == "The ignore of CVE-2026-1 by ann expired on 2020-01-01"


@pytest.mark.parametrize("missing", ["owner", "reason", "expires"])
def test_an_ignore_needs_owner_reason_and_expiry(check, mirror, missing):
    text = "".join(line for line in ignore().splitlines(keepends=True) if f"{missing}:" not in line)
    code, _, done = check(database=[mirror], policy=text)
    assert code == USAGE
    assert missing in done.stderr


def test_an_ignore_for_one_vulnerability_does_not_hide_another_of_the_same_record(check, mirror):
    put(mirror, record("GHSA-two", "right", aliases=["CVE-2026-7", "CVE-2026-8"]))
    assert check(database=[mirror], policy=ignore("CVE-2026-7"))[0] == FINDINGS
    assert check(database=[mirror], policy=ignore("GHSA-two"))[0] == CLEAN


def vex(folder, status="not_affected", product="pkg:npm/left@1.0.0", **more):
    statement = {
        "vulnerability": {"name": "CVE-2026-1"},
        "products": [{"@id": product}],
        "status": status,
        "justification": "vulnerable_code_not_in_execute_path",
        **more,
    }
    content = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://example.org/vex/1",
        "author": "ann",
        "timestamp": "2026-01-01T00:00:00Z",
        "version": 1,
        "statements": [statement],
    }
    (folder / "shop.vex.json").write_text(json.dumps(content))
    return "  vex: [shop.vex.json]\n"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, CLEAN),
        ({"status": "fixed"}, CLEAN),
        ({"status": "affected"}, FINDINGS),
        ({"status": "under_investigation"}, FINDINGS),
        ({"product": "pkg:npm/left"}, CLEAN),
        ({"product": "pkg:npm/left@1.0.1"}, FINDINGS),
        ({"product": "pkg:pypi/left@1.0.0"}, FINDINGS),
        ({"vulnerability": {"name": "CVE-2026-2"}}, FINDINGS),
        ({"vulnerability": {"name": "GHSA-left"}}, CLEAN),
        ({"products": [{"@id": "pkg:oci/shop", "subcomponents": [{"@id": "pkg:npm/left@1.0.0"}]}]}, CLEAN),
        ({"products": [{"@id": "pkg:npm/left", "subcomponents": [{"@id": "pkg:npm/inner"}]}]}, FINDINGS),
        ({"products": []}, FINDINGS),
        ({"justification": ""}, USAGE),
    ],
)
def test_a_vex_statement_answers_only_for_its_own_product(check, repository, mirror, changes, expected):
    lock(repository, left="1.0.0")
    assert check(database=[mirror], policy=vex(repository, **changes))[0] == expected


# --- Wrong use --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments", [("--no-such-option",), ("--format", "yaml"), ("a", "b"), ("--config", "nowhere.yaml")]
)
def test_wrong_use_has_its_own_exit_code(check, mirror, arguments):
    assert check(*arguments, database=[mirror])[0] == USAGE


def test_a_policy_that_is_not_understood_is_wrong_use(check, mirror):
    code, _, done = check(database=[mirror], policy="  fail_form: high\n")
    assert code == USAGE
    assert "fail_form" in done.stderr


# --- Is it exploited? --------------------------------------------------------------------------------------


def test_known_exploited_data_is_named_in_the_report_and_fails_closed(check, repository, mirror, tmp_path):
    lock(repository, left="1.9.0", right="1.0.0")
    row = {"cveID": "CVE-2026-1", "dateAdded": "2026-03-04"}
    known = repository / "kev.json"
    known.write_text(json.dumps({"dateReleased": days_ago(1), "vulnerabilities": [row]}), encoding="utf-8")
    policy = "  known_exploited: [kev.json]\n"
    code, report, _ = check(database=[mirror], policy=policy)
    assert code == FINDINGS
    assert report["findings"][0]["properties"]["known_exploited"] == "2026-03-04"
    assert "kev.json" in [one["place"] for one in report["coverage"]["databases"]]
    assert "exploited since 2026-03-04" in check(database=[mirror], policy=policy, form="text")[2].stdout
    lock(repository, left="2.0.0", right="1.0.0")
    known.unlink()
    code, report, _ = check(database=[mirror], policy=policy)
    assert code == INCONCLUSIVE
    assert "kev.json" in reasons(report)


def test_options_may_stand_before_and_behind_the_path_and_one_path_is_enough(repository, mirror, monkeypatch):
    monkeypatch.delenv("KTLO_CONFIG", raising=False)
    options = ["--database", str(mirror), "--format", "json"]
    for line in ([str(repository), *options], [*options, str(repository)]):
        assert CliRunner().invoke(commands(), ["check", *line]).exit_code == CLEAN
    assert CliRunner().invoke(commands(), ["check", str(repository), "other"]).exit_code == USAGE
    assert CliRunner().invoke(commands(), ["check", "--nonsense"]).exit_code == USAGE


# --- Is it reached? ------------------------------------------------------------------------------------------


def python_shop(repository, environment_version="5.3"):
    """A project that loads YAML, with what it has installed."""
    (repository / "package-lock.json").unlink()
    pin = f"pyyaml==5.3 --hash=sha256:{64 * chr(97)}\n"
    (repository / "requirements.txt").write_text(pin, encoding="utf-8")
    (repository / "shop.py").write_text("import yaml\n\ndef read(text):\n    return yaml.load(text)\n")
    packages = repository / ".venv" / "lib" / "python3.11" / "site-packages"
    info = packages / f"PyYAML-{environment_version}.dist-info"
    info.mkdir(parents=True)
    (repository / ".venv" / "pyvenv.cfg").write_text("version = 3.11\n")
    (info / "METADATA").write_text(f"Name: PyYAML\nVersion: {environment_version}\n")
    (info / "RECORD").write_text("yaml/__init__.py,,\n")
    (packages / "yaml").mkdir()
    (packages / "yaml" / "__init__.py").write_text("def load(text):\n    pass\n\ndef dump(x):\n    pass\n")


@pytest.fixture
def python_mirror(tmp_path):
    folder = tmp_path / "pypi"
    folder.mkdir()
    put(folder, record("GHSA-yaml", "pyyaml", ecosystem="PyPI", fixed="5.4", aliases=["CVE-2020-14343"]))
    return folder


def test_a_finding_shows_the_path_from_our_code_to_the_vulnerable_function(check, repository, python_mirror):
    python_shop(repository)
    (repository / "symbols.yaml").write_text("symbols:\n  CVE-2020-14343: ['yaml:load']\n")
    code, report, _ = check(database=[python_mirror], policy="  symbols: [symbols.yaml]\n")
    assert code == FINDINGS
    facts = report["findings"][0]["properties"]
    assert facts["reachability"] == "called"
    assert facts["call_path"] == "shop.read (shop.py:4) > yaml.load"
    text = check(database=[python_mirror], policy="  symbols: [symbols.yaml]\n", form="text")[2].stdout
    assert "our code calls it" in text
    assert "by shop.read (shop.py:4) > yaml.load" in text


def test_unreached_is_tolerated_only_when_policy_says_so_and_unknown_never(check, repository, python_mirror):
    python_shop(repository)
    (repository / "symbols.yaml").write_text("symbols:\n  GHSA-yaml: ['yaml:dump']\n")
    plain = "  symbols: [symbols.yaml]\n"
    asked = plain + "  fail_from_unreached: critical\n"
    high = record("GHSA-yaml", "pyyaml", ecosystem="PyPI", fixed="5.4", aliases=["CVE-2020-14343"])
    high["severity"] = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}]
    put(python_mirror, high)
    assert check("--only", "vulnerabilities", database=[python_mirror], policy=plain)[0] == FINDINGS
    assert check("--only", "vulnerabilities", database=[python_mirror], policy=asked)[0] == CLEAN
    assert (
        check(
            "--only", "vulnerabilities", database=[python_mirror], policy=asked + "  reachability: 'off'\n"
        )[0]
        == FINDINGS
    )
    unnamed = "  fail_from_unreached: critical\n"  # loaded, and nobody names the vulnerable function
    code, report, _ = check("--only", "vulnerabilities", database=[python_mirror], policy=unnamed)
    assert (code, report["findings"][0]["properties"]["reachability"]) == (FINDINGS, "imported")
    (repository / "old.py").write_text("import importlib, sys\nimportlib.import_module(sys.argv[1])\n")
    (repository / "shop.py").write_text("x = 1\n")
    code, report, _ = check("--only", "vulnerabilities", database=[python_mirror], policy=asked)
    assert report["findings"][0]["properties"]["reachability"] == "unknown"
    assert code == FINDINGS


@pytest.mark.parametrize(
    "policy",
    ["  environment: nowhere\n", "  symbols: [away.yaml]\n", "  symbols: [bad.yaml]\n"],
)
def test_an_environment_or_symbol_file_that_cannot_be_read_is_never_clean(
    check, repository, python_mirror, policy
):
    python_shop(repository)
    (repository / "bad.yaml").write_text("symbols:\n  X: [os.system()]\n")
    code, _, done = check(database=[python_mirror], policy=policy)
    assert code in (INCONCLUSIVE, USAGE), done.output


# --- Reachability and environment ---------------------------------------------------------------------------


def judged_with(policy, **facts):
    from datetime import date

    from ktlo.guard.finding import Finding, Level, Location
    from ktlo.guard.policy import judge

    level = facts.pop("level", Level.HIGH)
    one = Finding("vulnerabilities", "CVE-1", level, "m", Location("a"), "f", properties=facts)
    return len(judge([one], policy, date(2026, 11, 26)).failing)


@pytest.mark.parametrize(
    ("facts", "fails"),
    [
        ({"reachability": "called"}, 1),
        ({"reachability": "possible"}, 1),
        ({"reachability": "unknown"}, 1),
        ({"reachability": ""}, 1),
        ({"reachability": "imported"}, 1),  # loaded, and nobody names the vulnerable function
        ({"reachability": "imported", "symbols": "left.pad"}, 0),
        ({"reachability": "installed"}, 0),
    ],
)
def test_only_what_is_known_not_to_be_called_may_have_a_threshold_of_its_own(facts, fails):
    from ktlo.guard.finding import Level
    from ktlo.guard.policy import Policy

    lenient = Policy(fail_from_unreached=Level.CRITICAL)
    assert judged_with(lenient, **facts) == fails
    assert judged_with(Policy(), **facts) == 1  # left out, it makes no difference
    assert judged_with(lenient, **facts, level=Level.CRITICAL) == 1
    assert judged_with(lenient, **facts, level=Level.UNKNOWN) == 1


def test_of_two_thresholds_the_more_lenient_counts_and_none_makes_it_stricter():
    from ktlo.guard.finding import Level
    from ktlo.guard.policy import Policy

    both = Policy(Level.LOW, Level.HIGH, Level.CRITICAL)
    assert judged_with(both, scope="development") == 1
    assert judged_with(both, scope="development", reachability="installed") == 0
    assert judged_with(Policy(Level.CRITICAL, Level.CRITICAL, Level.LOW), reachability="installed") == 0


def test_a_justification_makes_an_ignore_a_statement_that_others_can_read(check, repository, mirror):
    lock(repository, left="1.0.0")
    stated = ignore(justification="vulnerable_code_not_present")
    _, _, done = check(database=[mirror], policy=stated, form="openvex")
    [statement] = json.loads(done.stdout)["statements"]
    assert (statement["status"], statement["justification"]) == (
        "not_affected",
        "vulnerable_code_not_present",
    )
    assert check(database=[mirror], policy=ignore(justification="it is fine"))[0] == USAGE
