"""Commits and file changes: complete, right, and the same however many runs they took."""

from __future__ import annotations

import datetime as dt
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ktlo.sources.git import history
from ktlo.sources.git.log import Limits
from ktlo.sources.git.text import text


def numstat(repo) -> dict[str, tuple[int, int, int]]:
    """Files, lines added and deleted of each commit, from what plain ``git log --numstat`` shows."""
    shown: dict[str, list[int]] = {}
    commit: list[int] = []
    for line in repo.git("log", "--numstat", "--format=commit %H").splitlines():
        if line.startswith(b"commit "):
            commit = shown.setdefault(line.split()[1].decode(), [0, 0, 0])
        elif line:
            added, deleted, _ = line.split(b"\t", 2)
            commit[0] += 1
            commit[1] += 0 if added == b"-" else int(added)
            commit[2] += 0 if deleted == b"-" else int(deleted)
    return {sha: (files, added, deleted) for sha, (files, added, deleted) in shown.items()}


def a_lively_history(repo) -> None:
    repo.commit("start", **{"a.py": "1\n2\n3\n", "b.py": "x\n" * 30})
    repo.git("mv", "b.py", "lib.py")
    repo.commit("move")
    repo.git("switch", "--quiet", "-c", "feature")
    repo.write("logo.png", b"\x89PNG\0\0")
    repo.commit("logo", env={"GIT_AUTHOR_NAME": "Bob", "GIT_AUTHOR_EMAIL": "bob@example.org"})
    repo.git("switch", "--quiet", "main")
    repo.commit("other", **{"a.py": "1\n3\n4\n"})
    repo.clock += 60
    repo.git("merge", "--quiet", "--no-edit", "feature")
    repo.commit("nothing")


def test_numbers_agree_with_git_itself(repo, collect):
    a_lively_history(repo)
    shelf = collect(repo.path)
    read = {
        row["sha"]: (row["files_changed"], row["lines_added"], row["lines_deleted"])
        for row in shelf.rows("commits")
    }
    assert read == numstat(repo)
    by_person = repo.git("shortlog", "-sne", "HEAD").decode()
    for mail, count in (("ada@example.org", 5), ("bob@example.org", 1)):
        assert len(shelf.rows("commits", author_email=mail)) == count
        assert f"{count}\t" in next(line for line in by_person.splitlines() if mail in line)


def test_a_commit_comes_in_with_everything_it_says(repo, collect):
    first = repo.commit("start", **{"a.py": "1\n"})
    sha = repo.commit(
        "fix: wrong total\n\nIt was off by one.\n\nCo-authored-by: Bob <bob@example.org>\n",
        env={"GIT_AUTHOR_DATE": "1700000000 -0530", "GIT_AUTHOR_NAME": "Cy", "GIT_AUTHOR_EMAIL": "cy@x.org"},
        **{"a.py": "1\n2\n"},
    )
    row = collect(repo.path).one("commits", sha=sha)
    assert row == {
        "source": row["source"],
        "repository": "shop",
        "sha": sha,
        "parents": [first],
        "authored_at": dt.datetime.fromtimestamp(1700000000, dt.UTC),
        "committed_at": dt.datetime.fromtimestamp(repo.clock, dt.UTC),
        "authored_offset": -330,
        "author_name": "Cy",
        "author_email": "cy@x.org",
        "committer_name": "Ada",
        "committer_email": "ada@example.org",
        "co_authors": ["Bob <bob@example.org>"],
        "subject": "fix: wrong total",
        "body": "It was off by one.\n\nCo-authored-by: Bob <bob@example.org>",
        "is_merge": False,
        "files_changed": 1,
        "lines_added": 1,
        "lines_deleted": 0,
        "paths": ["a.py"],
        "dated_by": "author",
    }


def test_merges_are_marked_and_have_no_file_changes(repo, collect):
    a_lively_history(repo)
    shelf = collect(repo.path)
    merge = shelf.one("commits", is_merge=True)
    assert len(merge["parents"]) == 2
    assert shelf.rows("file_changes", sha=merge["sha"]) == []


def test_renames_and_binary_files_are_known(repo, collect):
    a_lively_history(repo)
    shelf = collect(repo.path)
    moved = shelf.one("file_changes", old_path="b.py")
    assert (moved["path"], moved["lines_added"]) == ("lib.py", 0)
    logo = shelf.one("file_changes", path="logo.png")
    assert (logo["is_binary"], logo["lines_added"]) == (True, 0)


def test_submodules_and_symlinks_are_changes_but_no_files(repo, collect):
    repo.write("real.py", "x = 1\n")
    (repo.path / "link.py").symlink_to("real.py")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},lib/other")
    (repo.path / "lib/other").mkdir(parents=True)
    repo.git("add", "real.py", "link.py")
    repo.git("commit", "--quiet", "-m", "three kinds")
    shelf = collect(repo.path)
    assert {row["path"] for row in shelf.rows("file_changes")} == {"lib/other", "link.py", "real.py"}
    assert {row["path"] for row in shelf.rows("files")} == {"real.py"}


def test_the_mailmap_holds_for_authors_and_co_authors(repo, collect):
    repo.write(
        ".mailmap", "Ada Lovelace <ada@home.org> <ada@example.org>\nBob B <bob@home.org> <bob@example.org>\n"
    )
    repo.commit("with\n\nCo-Authored-By: b <bob@example.org>\nCo-authored-by: no contact\n")
    row = collect(repo.path).one("commits")
    assert (row["author_name"], row["author_email"]) == ("Ada Lovelace", "ada@home.org")
    assert row["co_authors"] == ["Bob B <bob@home.org>", "no contact"]


def test_a_mailmap_that_changes_is_applied_to_what_was_collected_before(repo, collect):
    repo.commit(a="1")
    shelf = collect(repo.path)
    repo.write(".mailmap", "<ada@home.org> <ada@example.org>\n")
    repo.commit("mailmap")
    collect(repo.path, shelf)
    assert {row["author_email"] for row in shelf.rows("commits")} == {"ada@home.org"}
    assert {row["author_email"] for row in shelf.rows("file_changes")} == {"ada@home.org"}


def test_messages_in_another_encoding_are_read(repo, collect):
    repo.git("config", "i18n.commitEncoding", "ISO-8859-1")
    repo.commit("größer".encode("latin-1"), a="1")
    assert collect(repo.path).one("commits")["subject"] == "größer"


@pytest.mark.parametrize(
    ("authored", "committed", "by"),
    [
        (0, 1_700_000_000, "committer"),
        (4_300_000_000, 1_700_000_000, "committer"),
        (1_700_200_000, 1_700_000_000, "committer"),
        (1_600_000_000, 0, "author"),
        (0, 0, "none"),
        (4_300_000_000, 4_300_000_000, "none"),
        (10**15, 10**15, "none"),
    ],
)
def test_impossible_dates_are_kept_marked_and_told(repo, collect, authored, committed, by):
    repo.load(
        f"commit refs/heads/main\nauthor A <a@x> {authored} +0000\n"
        f"committer A <a@x> {committed} +0000\ndata 1\nx\nM 644 inline f\ndata 1\nx\n".encode()
    )
    shelf = collect(repo.path)
    row = shelf.one("commits")
    assert row["dated_by"] == by
    if authored < 10**10:
        assert row["authored_at"] == dt.datetime.fromtimestamp(authored, dt.UTC)
    assert bool(shelf.notes) == (by != "author")
    assert all(note.is_kept and row["sha"] in note.place for note in shelf.notes)


NAME = st.binary(max_size=12).map(lambda raw: bytes(b for b in raw if b not in b"\0\n<>"))
FILE = st.binary(min_size=1, max_size=12).map(lambda raw: raw.replace(b"\0", b"").replace(b"/", b"") or b"f")
MESSAGE = st.binary(max_size=40).map(lambda raw: raw.replace(b"\0", b""))


@given(st.lists(st.tuples(NAME, NAME, FILE, MESSAGE), min_size=1, max_size=5))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_names_and_paths_of_any_bytes_come_in(make_repo, tmp_path_factory, collect, commits):
    commits = [one for one in commits if one[2] not in {b".", b"..", b".git"} and one[2].lower() != b".git"]
    repo = make_repo(tmp_path_factory.mktemp("any").as_posix())
    stream = b""
    for number, (name, mail, path, message) in enumerate(commits, 1):
        quoted = b'"' + b"".join(b"\\%03o" % byte for byte in path) + b'"'
        stream += b"commit refs/heads/main\nmark :%d\ncommitter %s <%s> %d +0000\n" % (
            number,
            name + b" " if name else b"",
            mail,
            1_700_000_000 + number,
        )
        stream += b"data %d\n%s\nM 644 inline %s\ndata 8\n%08d\n" % (len(message), message, quoted, number)
    repo.load(stream)
    shelf = collect(repo.path)
    assert len(shelf.rows("commits")) == len(commits)
    touched = {row["path"] for row in shelf.rows("file_changes")}
    assert touched == {text(path) for _, _, path, _ in commits}


def test_collecting_in_steps_gives_what_collecting_once_gives(repo, collect, new_shelf):
    steps = new_shelf()
    for number in range(3):
        repo.commit(
            f"step {number}", **{f"f{number}.py": "def f():\n    pass  # TODO later\n" * (number + 1)}
        )
        repo.git("tag", f"v{number}")
        collect(repo.path, steps)
    (repo.path / "f0.py").unlink()
    repo.git("tag", "-d", "v1")
    repo.write("f1.py", "\n\n# TODO moved\n")
    repo.write("requirements.txt", "flask>=3\nnumpy\n")
    repo.commit("clean up")
    collect(repo.path, steps)
    assert steps.everything() == collect(repo.path).everything()


def test_a_second_run_without_changes_delivers_nothing(repo, collect):
    a_lively_history(repo)
    repo.git("tag", "v1")
    shelf = collect(repo.path)
    before, batches = shelf.cursor, shelf.batches
    collect(repo.path, shelf)
    assert (shelf.cursor, shelf.batches) == (before, batches)


def test_only_new_commits_are_read(repo, collect, new_shelf):
    a_lively_history(repo)
    first = collect(repo.path)
    new = repo.commit("one more", a="1")
    later = new_shelf(cursor=first.cursor)
    collect(repo.path, later)
    assert [row["sha"] for row in later.rows("commits")] == [new]


@pytest.mark.parametrize("stop_after", [1, 2, 3, 4, 6, 9])
def test_a_run_that_is_cut_off_is_continued_without_loss_or_doubles(
    repo, collect, monkeypatch, stop_after, new_shelf
):
    monkeypatch.setattr(Limits.__init__, "__defaults__", (2, 50_000, 10**7))
    a_lively_history(repo)
    repo.git("tag", "v1")
    whole = collect(repo.path).everything()
    shelf = collect(repo.path, stop_after=stop_after)
    half = len(shelf.rows("commits"))
    again = new_shelf(cursor=shelf.cursor)
    collect(repo.path, again)
    collect(repo.path, shelf, stop_after=1)
    collect(repo.path, shelf)
    assert shelf.everything() == whole
    assert len(again.rows("commits")) == len(whole["commits"]) - half


def test_a_batch_that_was_written_without_its_cursor_is_only_repeated(repo, collect, monkeypatch):
    monkeypatch.setattr(Limits.__init__, "__defaults__", (2, 50_000, 10**7))
    a_lively_history(repo)
    shelf = collect(repo.path, stop_after=2)
    committed = shelf.cursor
    collect(repo.path, shelf, stop_after=2)
    shelf.cursor = committed
    collect(repo.path, shelf)
    assert shelf.everything() == collect(repo.path).everything()


def test_rewritten_history_leaves_nothing_of_the_old(repo, collect):
    a_lively_history(repo)
    shelf = collect(repo.path)
    dropped = repo.head()
    repo.git("reset", "--quiet", "--hard", "HEAD~2")
    repo.commit("another way", a="1\n")
    collect(repo.path, shelf)
    assert shelf.rows("commits", sha=dropped) == []
    assert shelf.everything() == collect(repo.path).everything()


def test_history_that_is_rewritten_in_the_middle_of_a_run_leaves_nothing_of_the_old(
    repo, collect, monkeypatch
):
    monkeypatch.setattr(Limits.__init__, "__defaults__", (1, 50_000, 10**7))
    a_lively_history(repo)
    shelf = collect(repo.path, stop_after=4)
    repo.git("reset", "--quiet", "--hard", "HEAD~3")
    repo.commit("another way", a="1\n")
    collect(repo.path, shelf)
    assert shelf.everything() == collect(repo.path).everything()


def test_commits_that_come_back_after_a_rewrite_are_in_again(repo, collect):
    repo.commit(a="1")
    kept = repo.commit(a="2")
    shelf = collect(repo.path)
    repo.git("reset", "--quiet", "--hard", "HEAD~1")
    collect(repo.path, shelf)
    repo.git("reset", "--quiet", "--hard", kept)
    collect(repo.path, shelf)
    assert shelf.everything() == collect(repo.path).everything()


def test_old_history_that_is_gone_for_good_is_told(repo, collect):
    repo.commit(a="1")
    repo.commit(a="2")
    shelf = collect(repo.path)
    repo.git("reset", "--quiet", "--hard", "HEAD~1")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "--quiet", "--prune=now")
    repo.commit(a="3")
    collect(repo.path, shelf)
    assert any("no longer has this commit" in reason for reason in shelf.reasons())
    assert len(shelf.rows("commits")) == 3


def test_a_shallow_clone_does_not_invent_changes_and_is_completed_when_deepened(repo, tmp_path, collect):
    for number in range(5):
        repo.commit(f"step {number}", **{"a.py": f"{number}\n", "b.py": "1\n" * number})
    clone = tmp_path / "clone"
    repo.git("clone", "--quiet", "--depth=2", f"file://{repo.path}", str(clone))
    shelf = collect(clone)
    newest, edge = sorted(shelf.rows("commits"), key=lambda row: row["subject"], reverse=True)
    assert (newest["files_changed"], edge["files_changed"], edge["lines_added"]) == (2, 0, 0)
    assert len(edge["parents"]) == 1
    subprocess.run(["git", "-C", clone, "fetch", "--quiet", "--deepen=1"], check=True)
    collect(clone, shelf)
    assert len(shelf.rows("commits")) == 3
    subprocess.run(["git", "-C", clone, "fetch", "--quiet", "--unshallow"], check=True)
    collect(clone, shelf)
    assert shelf.everything() == collect(clone).everything()
    assert len(shelf.rows("commits")) == 5


def test_a_shallow_clone_that_moves_on_loses_nothing(repo, tmp_path, collect):
    for number in range(3):
        repo.commit(**{"a.py": f"{number}\n"})
    clone = tmp_path / "clone"
    repo.git("clone", "--quiet", "--depth=1", f"file://{repo.path}", str(clone))
    shelf = collect(clone)
    repo.commit(**{"a.py": "new\n"})
    subprocess.run(["git", "-C", clone, "fetch", "--quiet", "--depth=1"], check=True)
    subprocess.run(["git", "-C", clone, "reset", "--quiet", "--hard", "origin/main"], check=True)
    collect(clone, shelf)
    assert len(shelf.rows("commits")) == 2


def test_a_damaged_commit_is_stepped_over_and_told(repo, collect):
    repo.commit("one", **{"a.py": "1\n" * 10})
    hurt = repo.commit("two", **{"a.py": "2\n" * 10})
    repo.commit("three", **{"a.py": "3\n" * 10})
    repo.commit("four", **{"b.py": "3\n" * 10})
    blob = repo.git("rev-parse", f"{hurt}:a.py").decode().strip()
    (repo.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    shelf = collect(repo.path)
    assert len(shelf.rows("commits")) == 4
    assert shelf.one("commits", subject="one")["lines_added"] == 10
    assert shelf.one("commits", subject="two")["files_changed"] == 0
    assert sum("git fsck" in note.reason for note in shelf.notes) == 2


def test_only_the_default_branch_is_followed_unless_all_is_asked_for(repo, collect):
    repo.commit("one", a="1")
    repo.git("switch", "--quiet", "-c", "idea")
    repo.commit("two", a="2")
    repo.git("switch", "--quiet", "main")
    shelf = collect(repo.path)
    assert [row["subject"] for row in shelf.rows("commits")] == ["one"]
    collect(repo.path, shelf, refs="all")
    assert {row["subject"] for row in shelf.rows("commits")} == {"one", "two"}


def test_a_bare_repository_gives_the_numbers_of_its_clone(repo, collect, tmp_path):
    a_lively_history(repo)
    repo.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare" / "shop.git"))
    drop = {"source", "repository"}
    bare, own = (
        {
            table: [{k: v for k, v in row.items() if k not in drop} for row in rows]
            for table, rows in collect(path).everything().items()
        }
        for path in (tmp_path / "bare" / "shop.git", repo.path)
    )
    assert bare == own


def test_a_thousand_odd_dates_are_not_told_one_by_one(repo, collect, monkeypatch):
    monkeypatch.setattr("ktlo.sources.git.run.SHOWN", 3)
    repo.load(
        b"".join(b"commit refs/heads/main\ncommitter A <a@x> %d +0000\ndata 0\n" % n for n in range(10))
    )
    shelf = collect(repo.path)
    assert len(shelf.rows("commits")) == 10
    assert len(shelf.notes) == 4
    assert shelf.notes[-1].excerpt == "7 more in this run"


def test_tags_come_go_and_move(repo, collect):
    first = repo.commit(a="1")
    repo.git("tag", "light")
    repo.git("tag", "-a", "v1", "-m", "release")
    repo.git("tag", "tree", "HEAD^{tree}")
    shelf = collect(repo.path)
    assert {(row["name"], row["sha"]) for row in shelf.rows("tags")} == {("light", first), ("v1", first)}
    second = repo.commit(a="2")
    repo.git("tag", "-d", "light")
    repo.git("tag", "-f", "-a", "v1", "-m", "again")
    collect(repo.path, shelf)
    assert [(row["name"], row["sha"]) for row in shelf.rows("tags")] == [("v1", second)]


def test_no_more_than_a_bounded_number_of_damaged_commits_is_stepped_over():
    assert 1 <= history.UNREADABLE <= 1000
