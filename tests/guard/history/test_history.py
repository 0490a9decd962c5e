"""Lock files through a repository's history: what was locked when, and when each vulnerability opened and was fixed."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop import lock, record

from ktlo.guard.history import states as listing
from ktlo.guard.history.exposures import exposures, packages_of
from ktlo.guard.history.reading import Cache, Content, Locked, ReadLineage, _CommitTree, read_states
from ktlo.guard.history.states import State, lineages
from ktlo.guard.history.stretches import stretches
from ktlo.guard.lockfiles.protocol import Limits, UnreadableError
from ktlo.guard.secrets.repository import find_repository, head, lent
from ktlo.guard.vulnerabilities.advisory import read_advisory
from ktlo.guard.vulnerabilities.databases.protocol import Candidate, Package

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)


def day(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"2026-{text}").replace(tzinfo=dt.UTC)


class Team:
    """A repository whose commits have days."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str, at: str = "01-01") -> str:
        moment = f"2026-{at}T00:00:00+00:00"
        environment = dict(os.environ, GIT_AUTHOR_DATE=moment, GIT_COMMITTER_DATE=moment)
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@acme.org", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", *who, *words],
            cwd=self.folder,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def commit(self, at: str, subject: str = "change") -> str:
        self.git("add", "-A", at=at)
        self.git("commit", "-q", "--allow-empty", "-m", subject, at=at)
        return self.git("rev-parse", "HEAD")

    def lock(self, at: str, **versions: str) -> str:
        lock(self.folder, **versions)
        return self.commit(at)

    def read(self, tmp_path: Path, seconds: float = 60) -> list[ReadLineage]:
        repository = find_repository(self.folder)
        assert repository is not None
        cache = Cache(tmp_path / "cache.sqlite")
        with lent(repository, 60) as git:
            read = read_states(git, lineages(git, head(repository).decode()), cache, seconds)
        cache.close()
        return read


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path / "shop")


def held(read: list[ReadLineage]) -> list[tuple[str, str, str, str | None]]:
    return sorted(
        (
            one.record.package, one.record.version, f"{one.record.since_at:%m-%d}",
            f"{one.record.until_at:%m-%d}" if one.record.until_at else None,
        )
        for lineage in read
        for one in stretches("git:acme/shop", "acme/shop", lineage)
    )  # fmt: skip


def found(read: list[ReadLineage], *records: dict) -> tuple[list[tuple], int]:
    both = [one for lineage in read for one in stretches("git:acme/shop", "acme/shop", lineage)]
    advisories = [read_advisory(one, where="test") for one in records]
    candidates = {
        package: [
            Candidate(one, frozenset((one.id, *one.aliases)))
            for one in advisories
            if any(entry.package.name == package.name for entry in one.affected)
        ]
        for package in packages_of(both)
    }
    told = exposures(both, candidates, NOW)
    return [
        (
            one.rule, one.episode, one.version, f"{one.opened_at:%m-%d}",
            f"{one.resolved_at:%m-%d}" if one.resolved_at else None,
        )
        for one in told.findings
    ], told.gone_before  # fmt: skip


def advisory(published: str, fixed: str = "2.0.0", name: str = "left", identifier: str = "GHSA-left") -> dict:
    return record(identifier, name, fixed=fixed, published=f"2026-{published}T00:00:00Z")


def test_stretches_follow_the_lock_file(team: Team, tmp_path: Path) -> None:
    team.lock("01-01", left="1.0.0", right="1.0.0")
    team.lock("02-01", left="1.1.0", right="1.0.0")
    team.lock("03-01", left="2.0.0")
    assert held(team.read(tmp_path)) == [
        ("left", "1.0.0", "01-01", "02-01"),
        ("left", "1.1.0", "02-01", "03-01"),
        ("left", "2.0.0", "03-01", None),
        ("right", "1.0.0", "01-01", "03-01"),
    ]


def test_a_finding_opens_with_the_advisory_and_ends_with_the_fix(team: Team, tmp_path: Path) -> None:
    brought = team.lock("01-01", left="1.0.0")
    fixed = team.lock("03-01", left="2.0.0")
    read = team.read(tmp_path)
    assert found(read, advisory("02-01")) == ([("GHSA-left", 1, "1.0.0", "02-01", "03-01")], 0)
    both = [one for lineage in read for one in stretches("g", "acme/shop", lineage)]
    candidates = {
        Package("npm", "left", ""): [
            Candidate(read_advisory(advisory("02-01"), where=""), frozenset({"GHSA-left"}))
        ]
    }
    one = exposures(both, candidates, NOW).findings[0]
    assert (one.introduced_sha, one.resolved_sha) == (brought, fixed)
    assert one.introduced_at == day("01-01")
    assert one.published_at == day("02-01")
    assert one.fixed_version == "2.0.0"


def test_a_finding_opens_with_the_version_where_the_advisory_is_older(team: Team, tmp_path: Path) -> None:
    team.lock("02-01", left="1.0.0")
    assert found(team.read(tmp_path), advisory("01-01"))[0] == [("GHSA-left", 1, "1.0.0", "02-01", None)]


def test_a_bump_to_another_affected_version_fixes_nothing(team: Team, tmp_path: Path) -> None:
    team.lock("01-01", left="1.0.0")
    team.lock("02-01", left="1.5.0")
    team.lock("03-01", left="2.0.0")
    assert found(team.read(tmp_path), advisory("01-10"))[0] == [("GHSA-left", 1, "1.5.0", "01-10", "03-01")]


def test_what_comes_back_is_another_episode(team: Team, tmp_path: Path) -> None:
    team.lock("01-01", left="1.0.0")
    team.lock("02-01", left="2.0.0")
    team.lock("03-01", left="1.0.0")
    assert found(team.read(tmp_path), advisory("01-10"))[0] == [
        ("GHSA-left", 1, "1.0.0", "01-10", "02-01"),
        ("GHSA-left", 2, "1.0.0", "03-01", None),
    ]


def test_what_was_gone_before_it_was_published_was_never_a_finding(team: Team, tmp_path: Path) -> None:
    team.lock("01-01", left="1.0.0")
    team.lock("02-01", left="2.0.0")
    assert found(team.read(tmp_path), advisory("03-01")) == ([], 1)


def test_a_withdrawn_advisory_makes_no_finding(team: Team, tmp_path: Path) -> None:
    team.lock("01-01", left="1.0.0")
    withdrawn = {**advisory("01-10"), "withdrawn": "2026-02-01T00:00:00Z"}
    assert found(team.read(tmp_path), withdrawn) == ([], 0)


def test_a_renamed_lock_file_goes_on(team: Team, tmp_path: Path) -> None:
    team.lock("01-01", left="1.0.0")
    (team.folder / "web").mkdir()
    team.git("mv", "package-lock.json", "web/package-lock.json")
    team.commit("02-01")
    lock(team.folder / "web", left="2.0.0")
    team.commit("03-01")
    read = team.read(tmp_path)
    assert [one.path for one in read] == ["web/package-lock.json"]
    assert found(read, advisory("01-10"))[0] == [("GHSA-left", 1, "1.0.0", "01-10", "03-01")]


def test_a_removed_lock_file_ends_its_stretches(team: Team, tmp_path: Path) -> None:
    team.lock("01-01", left="1.0.0")
    (team.folder / "package-lock.json").unlink()
    team.commit("02-01")
    assert held(team.read(tmp_path)) == [("left", "1.0.0", "01-01", "02-01")]


def test_a_state_that_cannot_be_read_changes_nothing(team: Team, tmp_path: Path) -> None:
    team.lock("01-01", left="1.0.0")
    (team.folder / "package-lock.json").write_text("<<<<<<< HEAD")
    team.commit("02-01")
    team.lock("03-01", left="2.0.0")
    assert held(team.read(tmp_path)) == [
        ("left", "1.0.0", "01-01", "03-01"),
        ("left", "2.0.0", "03-01", None),
    ]


def test_a_branch_counts_with_its_merge(team: Team, tmp_path: Path) -> None:
    team.lock("01-01", left="1.0.0")
    team.git("checkout", "-q", "-b", "update")
    team.lock("01-10", left="2.0.0")
    team.git("checkout", "-q", "main")
    team.git("merge", "-q", "--no-ff", "-m", "Merge update", "update", at="02-01")
    assert held(team.read(tmp_path)) == [
        ("left", "1.0.0", "01-01", "02-01"),
        ("left", "2.0.0", "02-01", None),
    ]


def test_without_time_the_newest_state_is_read_and_the_next_run_goes_on(team: Team, tmp_path: Path) -> None:
    for month in range(1, 6):
        team.lock(f"0{month}-01", left=f"1.{month}.0")
    first = team.read(tmp_path, seconds=0)
    assert [len(one.contents) for one in first] == [1]
    assert not first[0].is_whole
    cut = stretches("g", "r", first[0])
    assert not cut[0].begins_in_sight, "it may have been there before what was read"
    whole = team.read(tmp_path)
    assert whole[0].is_whole
    again = team.read(tmp_path, seconds=0)
    assert len(again[0].contents) == 5, "what was read once is kept"


def test_many_states_are_thinned_to_the_last_of_each_week(team: Team, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(listing, "MOST_STATES", 3)
    for number in range(1, 7):
        team.lock(f"01-0{number}", left=f"1.{number}.0")  # 1 to 4 January end one week, 5 and 6 begin another
    assert held(team.read(tmp_path)) == [
        ("left", "1.4.0", "01-04", "01-06"),
        ("left", "1.6.0", "01-06", None),
    ]


def test_a_damaged_cache_is_begun_anew(team: Team, tmp_path: Path) -> None:
    (tmp_path / "cache.sqlite").write_bytes(b"no database" * 100)
    team.lock("01-01", left="1.0.0")
    assert held(team.read(tmp_path)) == [("left", "1.0.0", "01-01", None)]


def test_odd_names_are_escaped(team: Team, tmp_path: Path) -> None:
    odd = team.folder / "a\x1b[31m\nb"
    lock(odd, left="1.0.0")
    team.commit("01-01")
    both = [one for lineage in team.read(tmp_path) for one in stretches("g", "r", lineage)]
    assert [one.record.path for one in both] == ["a\\x1b[31m\\nb/package-lock.json"]


@pytest.mark.parametrize("included", ["/etc/passwd", "../outside.txt", "link.txt"])
def test_nothing_outside_of_the_commit_is_read(team: Team, tmp_path: Path, included: str) -> None:
    (tmp_path / "outside.txt").write_text("secret==1.0\n")
    (team.folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    (team.folder / "requirements.txt").write_text(f"left==1.0 --hash=sha256:{'0' * 64}\n-r {included}\n")
    team.commit("01-01")
    assert "secret" not in str(held(team.read(tmp_path)))


def test_a_reader_has_no_way_to_the_disk(team: Team, tmp_path: Path) -> None:
    team.lock("01-01", left="1.0.0")
    repository = find_repository(team.folder)
    assert repository is not None
    with lent(repository, 60) as git:
        tree = _CommitTree(git, head(repository).decode(), Limits())
        assert tree.exists(PurePosixPath("package-lock.json"))
        assert not tree.exists(PurePosixPath("/etc/passwd"))
        assert list(tree.folders()) == []
        with pytest.raises(UnreadableError):
            tree.inside(PurePosixPath("package-lock.json"))
        with pytest.raises(UnreadableError):
            tree.read(PurePosixPath("/etc/passwd"))


@given(st.lists(st.sets(st.sampled_from(["1", "2", "3"])), min_size=1, max_size=12))
def test_stretches_say_for_each_state_what_it_held(held_versions: list[set[str]]) -> None:
    contents = [
        Content(
            State("p", "p", f"{index:040x}", day("01-01") + dt.timedelta(days=index), False),
            tuple(Locked("npm", "left", version, "", "", 0) for version in sorted(versions)),
        )
        for index, versions in enumerate(held_versions)
    ]
    said = stretches("g", "r", ReadLineage("p", tuple(reversed(contents)), True))
    for content, versions in zip(contents, held_versions, strict=True):
        at = content.state.at
        now = {
            one.record.version
            for one in said
            if one.record.since_at <= at and (one.record.until_at is None or at < one.record.until_at)
        }
        assert now == versions
