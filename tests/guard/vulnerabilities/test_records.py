"""Advisories as they come: real ones, names that mean the same, severities, and records made to break a reader."""

from __future__ import annotations

import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ktlo.errors import UserError
from ktlo.guard.finding import Level
from ktlo.guard.untrusted_yaml import load_yaml
from ktlo.guard.vulnerabilities.advisory import read_advisory
from ktlo.guard.vulnerabilities.aliases import close_aliases, is_named
from ktlo.guard.vulnerabilities.databases.index import IndexedMirror
from ktlo.guard.vulnerabilities.databases.protocol import Package
from ktlo.guard.vulnerabilities.match import Verdict, match
from ktlo.guard.vulnerabilities.severity import severity_of

REAL = Path(__file__).parents[4] / "shared" / "data" / "advisories"
PYPA = REAL / "pypa-advisory-database-2024-10-10.tar.xz"
GO = REAL / "go-vulndb-osv-2026-08-21.tar.xz"


def affecting(mirror, package):
    return {
        name
        for one in mirror.candidates([package])[package]
        if match(one.advisory, *package).verdict is Verdict.AFFECTED
        for name in one.identity
        if name.startswith("CVE-")
    }


@pytest.mark.skipif(not PYPA.exists(), reason="the real advisories are not on this machine")
def test_real_advisories_about_python_packages_are_read_and_matched(tmp_path):
    mirror = IndexedMirror(PYPA, tmp_path, datetime(2024, 10, 11, tzinfo=UTC))
    state = mirror.state()
    assert (state.ecosystems, state.records, state.unread) == ({"PyPI"}, 2661, ())
    assert state.newest.date().isoformat() == "2024-10-10"
    assert affecting(mirror, Package("PyPI", "Requests", "2.19.0")) == {"CVE-2018-18074", "CVE-2023-32681"}
    assert affecting(mirror, Package("PyPI", "requests", "2.31.0")) == set()
    mirror.close()


@pytest.mark.skipif(not GO.exists(), reason="the real advisories are not on this machine")
def test_real_advisories_about_go_modules_are_read_and_matched(tmp_path):
    mirror = IndexedMirror(GO, tmp_path, datetime(2026, 8, 22, tzinfo=UTC))
    assert mirror.state().records == 4291
    assert mirror.state().unread == ()
    gin = "github.com/gin-gonic/gin"
    assert affecting(mirror, Package("Go", gin, "v1.6.0")) == {"CVE-2020-28483", "CVE-2023-29401"}
    assert affecting(mirror, Package("Go", gin, "v1.9.1")) == set()
    mirror.close()


def test_names_of_one_vulnerability_are_closed_through_records_that_match_nothing():
    closed = close_aliases(
        [("PYSEC-1", ("GHSA-1",)), ("GHSA-1", ("CVE-1",)), ("GO-1", ("CVE-1",)), ("X", ())]
    )
    assert closed["PYSEC-1"] == closed["GO-1"] == {"PYSEC-1", "GHSA-1", "GO-1", "CVE-1"}
    assert closed["X"] == {"X"}


def test_a_chain_that_would_join_two_cves_is_taken_apart():
    closed = close_aliases([("PYSEC-1", ("GHSA-1", "CVE-1")), ("GHSA-1", ("CVE-2",))])
    assert "CVE-2" not in closed["PYSEC-1"]
    assert "CVE-1" not in closed["GHSA-1"]


def test_one_of_several_cves_does_not_speak_for_the_record():
    both = frozenset({"GHSA-1", "CVE-1", "CVE-2"})
    assert not is_named(both, "GHSA-1", ["CVE-1"])
    assert is_named(both, "GHSA-1", ["CVE-1", "CVE-2"])
    assert is_named(both, "GHSA-1", ["GHSA-1"])


def about(**more):
    entry = {"package": {"ecosystem": "npm", "name": "x"}, **more.pop("entry", {})}
    return read_advisory({"id": "X", "affected": [entry], **more}, where="")


V3 = {"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}
V4 = {"type": "CVSS_V4", "score": "CVSS:4.0/AV:L/AC:H/AT:P/PR:H/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N"}


@pytest.mark.parametrize(
    ("advisory", "level"),
    [
        (about(severity=[V3]), Level.CRITICAL),
        (about(severity=[V3, V4]), Level.LOW),
        (about(severity=[V4], entry={"severity": [V3]}), Level.CRITICAL),
        (about(database_specific={"severity": "MODERATE"}), Level.MEDIUM),
        (about(severity=[{"type": "CVSS_V3", "score": "nonsense"}]), Level.UNKNOWN),
        (about(database_specific={"severity": ["HIGH"]}), Level.UNKNOWN),
        (about(), Level.UNKNOWN),
    ],
)
def test_severity_is_the_newest_vector_then_the_publishers_word_then_unknown(advisory, level):
    assert severity_of(advisory, "npm", "x").level is level


def test_versions_in_yaml_stay_as_they_are_written():
    assert load_yaml(b"versions: [1.10, 2, 1e3, no, null]", where="x") == {
        "versions": ["1.10", "2", "1e3", "no", "null"]
    }


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 200_000,
        b"- " * 100_000,
        b"a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]",
        b"base: &b {x: 1}\nother: {<<: *b}",
        b"&a [*a]",
        b"? [a]\n: b",
        b"a: b: c",
        b"\xff\xfe\x00",
        b"a: 'open",
    ],
    ids=["deep flow", "deep block", "bomb", "merge", "itself", "key", "broken", "not text", "open"],
)
def test_yaml_made_to_break_a_reader_is_refused_with_a_sentence(text):
    with pytest.raises(UserError, match="YAML"):
        load_yaml(text, where="x.yaml")


def test_a_document_of_too_many_parts_is_refused():
    with pytest.raises(UserError, match="more than 10"):
        load_yaml(b"[1,2,3,4,5,6,7,8,9,10,11]", where="x", most_nodes=10)


@pytest.mark.parametrize(
    "record",
    [[], 3, {}, {"id": 3}, {"id": ""}, {"id": "X", "affected": {}}, {"id": "X", "affected": [{"versions": "1.0"}]},
     {"id": "X", "affected": [{"versions": [1.0]}]}, {"id": "X", "affected": [{"ranges": [{"events": []}]}]}],
    ids=str,
)  # fmt: skip
def test_a_record_of_another_shape_is_refused_with_a_sentence(record):
    with pytest.raises(UserError, match="OSV record"):
        read_advisory(record, where="x.json")


def test_a_huge_record_is_named_and_the_rest_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("ktlo.guard.vulnerabilities.databases.mirror.LARGEST_RECORD", 1000)
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "big.json").write_text('{"id": "BIG", "details": "' + "x" * 5000 + '"}')
    (folder / "small.json").write_text('{"id": "SMALL", "affected": []}')
    with tarfile.open(tmp_path / "m.tar.gz", "w:gz") as archive:
        archive.add(folder, "m")
    for place in (folder, tmp_path / "m.tar.gz"):
        mirror = IndexedMirror(place, tmp_path / "cache", datetime.now(UTC))
        assert mirror.state().records == 1
        assert "big.json: larger than" in mirror.state().unread[0]
        mirror.close()


def test_links_in_a_mirror_are_not_followed(tmp_path):
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "loop").symlink_to(folder)
    (tmp_path / "outside.json").write_text('{"id": "OUT", "affected": []}')
    (folder / "out.json").symlink_to(tmp_path / "outside.json")
    mirror = IndexedMirror(folder, tmp_path / "cache", datetime.now(UTC))
    assert mirror.state().records == 0
    mirror.close()
