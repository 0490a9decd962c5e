"""govulncheck: its stream is judged by what it says, and it never runs unless somebody allowed it."""

from __future__ import annotations

import json
import os
import shutil
import stat

import pytest

from ktlo.guard.finding import Finding, Level, Location
from ktlo.guard.reachability.go import ask_go, environment
from ktlo.guard.reachability.govulncheck import BrokenStreamError, read_stream
from ktlo.guard.reachability.tiers import Tier

CONFIG = {
    "config": {
        "protocol_version": "v1.0.0",
        "scanner_name": "govulncheck",
        "scanner_version": "v1.1.4",
        "db": "https://vuln.go.dev",
        "db_last_modified": "2026-08-20T00:00:00Z",
        "go_version": "go1.24.1",
        "scan_level": "symbol",
        "scan_mode": "source",
    }
}
OSV = {"osv": {"schema_version": "1.3.1", "id": "GO-2022-0603", "aliases": ["CVE-2022-28948", "GHSA-hp87"]}}
YAML = "gopkg.in/yaml.v3"


def frame(function="", package=YAML, receiver="", file="", line=0):
    told = {"module": YAML if package.startswith(YAML) else "example.org/shop", "version": "v3.0.0"}
    if function:
        told |= {"package": package, "function": function}
    if receiver:
        told["receiver"] = receiver
    if file:
        told["position"] = {"filename": file, "offset": 1, "line": line, "column": 2}
    return told


def found(*trace):
    return {"finding": {"osv": "GO-2022-0603", "fixed_version": "v3.0.1", "trace": list(trace)}}


CALLED = found(
    frame("Unmarshal", file="yaml.go", line=88),
    frame("Load", "example.org/shop/config", "*Loader", "config/load.go", 31),
    frame("main", "example.org/shop", file="main.go", line=9),
)


def stream(*messages):
    """Objects one after the other, indented over several lines, as govulncheck writes them."""
    return "\n".join(json.dumps(one, indent=2) for one in messages).encode()


def finding(rule="CVE-2022-28948", package=YAML, path="go.mod"):
    facts = {"ecosystem": "Go", "package": package, "version": "3.0.0"}
    return Finding("vulnerabilities", rule, Level.HIGH, "…", Location(path), rule, properties=facts)


def test_the_nearest_trace_of_a_vulnerability_counts_and_is_told_from_the_project_outwards():
    whole = stream(CONFIG, {"progress": {"message": "Scanning…"}}, OSV, found(frame()), CALLED)
    reach = read_stream(whole).reach["GO-2022-0603", YAML]
    assert reach.tier is Tier.CALLED
    assert reach.path == (
        "example.org/shop.main (main.go:9)",
        "example.org/shop/config.Loader.Load (config/load.go:31)",
        f"{YAML}.Unmarshal (yaml.go:88)",
    )


def test_traces_without_a_function_are_imported_and_without_a_package_installed():
    imported = frame() | {"package": YAML}
    assert read_stream(stream(CONFIG, OSV, found(frame()))).reach["GO-2022-0603", YAML].tier is Tier.INSTALLED
    scan = read_stream(stream(CONFIG, OSV, found(frame()), found(imported)))
    assert scan.reach["GO-2022-0603", YAML].tier is Tier.IMPORTED


WHOLE = stream(CONFIG, {"progress": {"message": "x"}}, OSV, CALLED)


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"No vulnerabilities found.\n",
        stream(CONFIG),
        stream(OSV, CALLED),
        stream(CONFIG, CALLED),
        stream(CONFIG, OSV, found()),
        stream({"config": CONFIG["config"] | {"scan_level": "module"}}, OSV),
        stream({"config": CONFIG["config"] | {"protocol_version": "v2.0.0"}}, OSV),
        stream(CONFIG, {"finding": {"osv": 3}}),
        b"[" * 100_000,
        b"\xff\xfe",
        # Between two objects a cut shows by the exit code alone: see the failed runs below.
        *(WHOLE[:cut] for cut in range(40, len(WHOLE) - 1, 97) if not WHOLE[:cut].rstrip().endswith(b"\n}")),
    ],
)
def test_a_stream_that_is_broken_or_cut_off_is_no_answer(broken):
    with pytest.raises(BrokenStreamError):
        read_stream(broken)


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A Go module, and a govulncheck on the PATH that prints what a test writes and notes how it was run."""
    module = tmp_path / "shop"
    module.mkdir()
    (module / "go.mod").write_text("module example.org/shop\n")
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "govulncheck"
    program.write_text(
        f"#!/bin/sh\ntouch {tmp_path}/ran\nenv > {tmp_path}/env\ncat {tmp_path}/out\nexit $(cat {tmp_path}/code)\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "code").write_text("0")
    (tmp_path / "out").write_bytes(WHOLE)
    return module


def ask(shop, *, may_run=True):
    return ask_go(shop, [finding()], database="", seconds=30, may_run=may_run)


def test_nothing_runs_without_leave(shop, tmp_path):
    reach = ask(shop, may_run=False).judge(finding())
    assert reach.tier is Tier.UNKNOWN
    assert "--trust go" in reach.limits
    assert not (tmp_path / "ran").exists()


def test_findings_are_matched_by_any_name_of_the_advisory_and_by_module(shop):
    answers = ask(shop)
    assert answers.judge(finding()).tier is Tier.CALLED
    assert answers.judge(finding("GO-2022-0603")).tier is Tier.CALLED
    assert answers.judge(finding(package="example.org/other")).tier is Tier.INSTALLED
    assert answers.judge(finding("CVE-1999-1")).tier is Tier.UNKNOWN
    assert answers.judge(finding(path="other/go.mod")).tier is Tier.UNKNOWN


@pytest.mark.parametrize("code", [1, 2, 127])
def test_a_failed_run_is_unknown_whatever_it_wrote_before(shop, tmp_path, code):
    (tmp_path / "code").write_text(str(code))
    reach = ask(shop).judge(finding())
    assert reach.tier is Tier.UNKNOWN
    assert f"ended with {code}" in reach.limits


def test_a_call_that_our_databases_do_not_know_is_not_taken_for_clean(shop):
    answers = ask(shop)
    [left] = answers.unmatched([finding("CVE-1999-1")])
    assert "GO-2022-0603" in left.what
    assert answers.unmatched([finding()]) == ()


def test_the_go_command_cannot_run_what_the_repository_brings(shop, tmp_path, monkeypatch):
    monkeypatch.setenv("GOFLAGS", "-toolexec=/evil")
    monkeypatch.setenv("CGO_ENABLED", "1")
    monkeypatch.setenv("SECRET_TOKEN", "s3cret")
    ask(shop)
    given = dict(line.partition("=")[::2] for line in (tmp_path / "env").read_text().splitlines())
    assert given["GOFLAGS"] == "-mod=readonly -buildvcs=false"
    assert (given["CGO_ENABLED"], given["GOPROXY"], given["GOTOOLCHAIN"]) == ("0", "off", "local")
    assert "SECRET_TOKEN" not in given


def test_a_program_that_the_repository_brings_is_never_run(shop, tmp_path, monkeypatch):
    brought = shop / "govulncheck"
    brought.write_text(f"#!/bin/sh\ntouch {tmp_path}/evil\n")
    brought.chmod(0o755)
    monkeypatch.setenv("PATH", f".{os.pathsep}{shop}")
    monkeypatch.chdir(shop)
    assert ask(shop).judge(finding()).limits == "govulncheck is not on the PATH"
    assert not (tmp_path / "evil").exists()


@pytest.mark.skipif(
    not (shutil.which("govulncheck") and shutil.which("go")), reason="govulncheck and go are not installed"
)
def test_a_real_govulncheck_sees_the_call_in_a_real_program(tmp_path):
    module = tmp_path / "shop"
    module.mkdir()
    (module / "go.mod").write_text("module example.org/shop\n\ngo 1.18\n")
    (module / "main.go").write_text(
        'package main\n\nimport (\n\t"html/template"\n\t"os"\n)\n\nfunc main() {\n'
        '\t_ = template.Must(template.New("x").Parse("x")).Execute(os.Stdout, nil)\n}\n'
    )
    record = {
        "id": "GO-2099-0001",
        "modified": "2099-01-01T00:00:00Z",
        "published": "2099-01-01T00:00:00Z",
        "aliases": ["CVE-2099-1"],
        "details": "x",
        "affected": [
            {
                "package": {"name": "stdlib", "ecosystem": "Go"},
                "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}],
                "ecosystem_specific": {
                    "imports": [{"path": "html/template", "symbols": ["Template.Execute"]}]
                },
            }
        ],
    }
    database = tmp_path / "vulndb"
    (database / "ID").mkdir(parents=True)
    (database / "index").mkdir()
    # Both layouts that releases of govulncheck have read.
    (database / "index.json").write_text(json.dumps({"stdlib": record["modified"]}))
    (database / "stdlib.json").write_text(json.dumps([record]))
    (database / "ID" / "GO-2099-0001.json").write_text(json.dumps(record))
    entry = {"id": record["id"], "modified": record["modified"], "aliases": record["aliases"]}
    (database / "index" / "db.json").write_text(json.dumps({"modified": record["modified"]}))
    (database / "index" / "vulns.json").write_text(json.dumps([entry]))
    modules = [{"path": "stdlib", "vulns": [{"id": record["id"], "modified": record["modified"]}]}]
    (database / "index" / "modules.json").write_text(json.dumps(modules))
    about = finding("CVE-2099-1", "stdlib")
    answers = ask_go(module, [about], database=f"file://{database}", seconds=120, may_run=True)
    reach = answers.judge(about)
    assert reach.tier is Tier.CALLED, answers.reasons
    assert reach.path[0].startswith("example.org/shop.main (main.go:")
    assert reach.path[-1].startswith("html/template.Template.Execute")
    assert environment(module)["GOFLAGS"].startswith("-mod=readonly")
