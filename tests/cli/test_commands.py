"""Every command: for people, for programs, and when it is used wrongly."""

from __future__ import annotations

import subprocess
import sys

import pytest

MARCH = ("--from", "2025-03-01", "--to", "2025-03-31")


def test_metrics_lists_every_metric(ktlo):
    from ktlo.metrics.registry import definitions

    assert {one["name"] for one in ktlo("metrics", "--json").json()} == set(definitions())
    assert "time_to_restore" in ktlo("metrics").out


def test_a_metric_is_printed_with_its_interval_and_sample(ktlo):
    said = ktlo("metrics", "incidents", *MARCH)
    assert said.code == 0
    assert "Collected: " in said.out
    answer = ktlo("metrics", "time_to_restore", *MARCH, "--by", "service", "--json").json()
    assert {figure["group"] for figure in answer["figures"]} == {"shop", "search"}


def test_rows_and_definition_of_a_metric(ktlo):
    rows = ktlo("metrics", "incidents", *MARCH, "--rows", "--service", "search", "--json").json()
    assert {row["external_id"] for row in rows} == {"INC-3", "INC-4"}
    assert "Kaplan and Meier" in ktlo("metrics", "time_to_restore", "--define").out


def test_query_prints_a_table_json_and_csv(ktlo):
    sql = "SELECT repository, count() AS n FROM ktlo.commits GROUP BY repository ORDER BY repository"
    assert ktlo("query", sql, "--json").json() == [
        {"repository": "acme/search", "n": 5},
        {"repository": "acme/shop", "n": 9},
    ]
    assert ktlo("query", sql, "--csv").out.splitlines()[1:] == ["acme/search,5", "acme/shop,9"]
    assert "acme/search" in ktlo("query", sql).out


def test_sources_are_listed_checked_added_and_removed(ktlo, house_copy):
    assert "git:acme/shop" in ktlo("sources").out
    assert ktlo("sources", "check", "git:acme/shop", "--json").json()["status"] == "ready"
    added = ktlo("sources", "add", "git", str(house_copy / "shop"), "name=acme/cli", "--json")
    assert added.json()["status"] == "ready"
    assert "git:acme/cli" in [one["source_id"] for one in ktlo("sources", "--json").json()]
    removed = ktlo("sources", "remove", "git:acme/cli")
    assert removed.code == 0
    assert "stay in all figures" in removed.out
    assert "ktlo sources remove git:acme/cli --forget" in removed.out
    assert "git:acme/cli" not in ktlo("sources").out


def test_sync_reads_a_source_and_says_what_happened(ktlo, house_copy):
    ktlo("sources", "add", "git", str(house_copy / "shop"), "name=acme/sync")
    run = ktlo("sync", "git:acme/sync", "--json")
    assert run.code == 0
    assert [(step["name"], step["status"]) for step in run.json()["steps"]] == [
        ("git:acme/sync", "complete"),
        ("effort", "complete"),
        ("findings", "complete"),
    ]
    assert ktlo("sources", "remove", "git:acme/sync", "--json").json()["source"] == "git:acme/sync"


def test_a_source_that_cannot_be_read_ends_with_a_sentence_and_exit_code_one(ktlo, tmp_path):
    assert ktlo("sources", "add", "git", f"path={tmp_path}", "name=acme/none").code in (0, 2)
    run = ktlo("sync", "git:acme/none")
    assert run.code in (1, 2)
    assert "git:acme/none" in run.err
    assert "Traceback" not in run.err
    ktlo("sources", "remove", "git:acme/none")


def test_input_that_was_turned_away_is_listed(ktlo):
    rows = ktlo("sources", "rejected", "csv:incidents", "--json").json()
    assert [row["reason"] for row in rows] == ["the end is before the start"]
    assert "the end is before the start" in ktlo("sources", "rejected", "csv:incidents").out


def test_classify_says_why_and_corrects(ktlo):
    [item] = ktlo("classify", "INC-2", "--json").json()
    assert item["category"] == "incident"
    assert ktlo("classify", "INC-2", "--as", "support", "--json").json()["category"] == "support"
    assert "bug_fix" in ktlo("classify", "--unsure").out
    assert ktlo("classify", "no-such-item").code == 1


def test_doctor_looks_at_everything(ktlo):
    found = {one["what"]: one["state"] for one in ktlo("doctor", "--json").json()}
    assert found["git"] == found["engine"] == found["store"] == found["git:acme/shop"] == "ok"
    assert found["server"] == "warning"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("metrics", "mttr"), "there is no metric called 'mttr'"),
        (("metrics", "ktlo_share", "--by", "severity"), "cannot be grouped by severity"),
        (("metrics", "ktlo_share", "--from", "soon"), "'soon' is not a date"),
        (("query", "DROP TABLE ktlo.commits_log"), ""),
        (("query", "SELEC 1"), ""),
        (("classify",), "ktlo classify --unsure"),
        (("classify", "nothing-such", "--as", "debt"), "names no items"),
        (("classify", "INC-1", "--as", "fun"), ""),
        (("sources", "add", "git"), "say what to read"),
        (("sources", "add", "fax", "number=1"), "there is no kind of source called 'fax'"),
        (("sources", "add", "git", ".", "color=red"), "color"),
        (("sources", "add", "git", ".", "token"), "is not NAME=VALUE"),
        (("sources", "add", "github", "acme/shop", "token=ghp_abc"), "env:NAME"),
        (("sources", "add", "csv", "/no/such/file.csv"), "there is no such file"),
        (("sources", "remove", "git:none"), "there is no source 'git:none'"),
        (("sources", "check", "git:none"), "there is no source 'git:none'"),
        (("sync", "git:none"), "there is no source 'git:none'"),
        (("report", "--format", "md", "--from", "2025-03-31", "--to", "2025-03-01"), "before"),
        (("metrics", "--config", "/no/such.yaml"), "there is no such settings file"),
    ],
    ids=" ".join,
)
def test_wrong_use_ends_in_a_sentence_and_exit_code_two(ktlo, words, sentence):
    said = ktlo(*words)
    assert said.code == 2
    assert said.err.startswith("ktlo: ")
    assert sentence in said.err
    assert "Traceback" not in said.err + said.out
    assert "ghp_abc" not in said.err


def test_an_unknown_option_is_told_with_the_usage(ktlo):
    said = ktlo("metrics", "--nope")
    assert said.code == 2
    assert "--nope" in said.err


def test_settings_that_are_wrong_name_the_key(ktlo, tmp_path):
    file = tmp_path / "ktlo.yaml"
    file.write_text("servces: {}", encoding="utf-8")
    said = ktlo("metrics", "--config", str(file))
    assert said.code == 2
    assert "servces" in said.err


def test_every_command_has_help_with_examples(ktlo):
    for command in ("up", "sync", "report", "metrics", "query", "classify", "sources", "doctor"):
        said = ktlo(command, "--help")
        assert said.code == 0
        assert "Example" in said.out, command


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['ktlo', '--help']\n"
        "from ktlo.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'chdb', 'fastapi', 'pyarrow', 'numpy', 'sqlalchemy', 'httpx', 'pydantic', 'rich'}\n"
        "heavy &= set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_running_server_is_asked_instead_of_the_store(ktlo, house_copy, serve):
    import os

    from ktlo.server.address import Address, announce, withdraw
    from ktlo.server.app import make_app
    from ktlo.server.runtime import Runtime
    from ktlo.server.security import Access
    from ktlo.settings import load_settings

    file = house_copy / "ktlo.yaml"
    runtime = Runtime(load_settings(file), house_copy / "data", file)
    try:
        with serve(make_app(runtime, Access("token"))) as url:
            announce(house_copy / "data", Address(url, "token", os.getpid()))
            assert ktlo("query", "SELECT 1 AS one", "--json").json() == [{"one": 1}]
            assert ktlo("metrics", "mttr").code == 2
            found = {one["what"]: one["detail"] for one in ktlo("doctor", "--json").json()}
            assert found["settings"] == f"{file} (server's)"
        said = ktlo("query", "SELECT 1")
        assert said.code == 1
        assert "the server does not answer" in said.err
    finally:
        withdraw(house_copy / "data")
        runtime.close()


def test_a_store_that_another_process_has_open_is_told_with_what_to_do(ktlo, house_copy):
    hold = (
        "import fcntl, sys, time; f = open(sys.argv[1], 'a+'); fcntl.flock(f, fcntl.LOCK_EX);"
        " print('held', flush=True); time.sleep(60)"
    )
    lock = house_copy / "data" / "ktlo.lock"
    other = subprocess.Popen([sys.executable, "-c", hold, str(lock)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "held\n"
        said = ktlo("metrics")
        assert said.code == 2
        assert "has this store open" in said.err
    finally:
        other.kill()
        other.wait()
        other.stdout.close()


def test_the_work_behind_a_service_says_how_to_join_one_that_is_not(ktlo):
    said = ktlo("service-work", "nobody-prod")
    assert said.code == 0
    assert "ktlo service-names nobody-prod --is SERVICE" in said.out
    told = ktlo("service-work", "nobody-prod", "--json").json()
    assert (told["cards"], told["nothing"]["title"]) == ([], "nobody-prod belongs to no service yet")


def test_the_help_of_up_names_every_port_that_it_opens_and_its_settings(ktlo):
    from ktlo.settings import Settings

    said, known = ktlo("up", "--help").out, Settings()
    for section in ("server", "telemetry", "sql"):
        settings = getattr(known, section)
        for name in type(settings).model_fields:
            if name.endswith("port"):
                (line,) = [
                    one
                    for one in said.splitlines()
                    if one.strip().startswith(f"- {getattr(settings, name)} ")
                ]
                assert f"`{section}.host`" in line
                assert f"`{section}.{name}`" in line


def test_what_a_source_lacks_is_a_sentence_and_a_removed_one_stays_in_the_list(ktlo, tmp_path):
    file = tmp_path / "incident-list.csv"
    file.write_text("incident id,opened at\nX-1,2025-03-01 10:00\n", encoding="utf-8")
    assert ktlo("sources", "add", "csv", str(file), "--yes").code == 0
    assert ktlo("sync", "csv:incident-list").code == 0
    (found,) = [one for one in ktlo("doctor", "--json").json() if one["what"] == "csv:incident-list"]
    assert found["detail"] == (
        "1 file of incidents can be read. Missing: the state (what is open is told from empty end dates only)."
        " Map state if the file has it"
    )
    assert ktlo("sources", "remove", "csv:incident-list").code == 0
    listed = ktlo("sources", "list", "--json").json()
    assert listed == ktlo("sources", "--json").json()
    (left,) = [one for one in listed if one["source_id"] == "csv:incident-list"]
    assert (left["status"], left["rows"]["incidents"]) == ("removed", 1)
    assert ktlo("sources", "remove", "csv:incident-list", "--forget").code == 0
