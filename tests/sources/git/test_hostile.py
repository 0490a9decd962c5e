"""A hostile repository cannot run anything, reach anything, or make ktlo load something huge."""

from __future__ import annotations

import os
import subprocess
import zlib

import pytest

from ktlo.errors import UserError
from ktlo.sources.git.blobs import LARGEST
from ktlo.sources.git.program import Git, SilentError


@pytest.fixture
def trap(repo, tmp_path):
    """A repository whose every known way to run a program writes a file; returns that file's path."""
    touched = tmp_path / "touched"
    script = tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {touched}\ncat\n")
    script.chmod(0o755)
    repo.write(".gitattributes", "* diff=evil filter=evil\n")
    repo.write("a.py", "x = 1  # TODO\n")
    repo.commit("start")
    repo.commit("more", **{"a.py": "x = 2  # TODO\n", "requirements.txt": "flask\n"})
    for hook in ("post-checkout", "post-index-change", "reference-transaction", "pre-auto-gc"):
        file = repo.path / ".git/hooks" / hook
        file.parent.mkdir(exist_ok=True)
        file.write_text(script.read_text())
        file.chmod(0o755)
    for key in (
        "core.fsmonitor",
        "core.pager",
        "core.editor",
        "core.sshCommand",
        "core.askPass",
        "core.gitProxy",
        "core.alternateRefsCommand",
        "pager.log",
        "pager.blame",
        "diff.external",
        "diff.evil.command",
        "diff.evil.textconv",
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "gpg.program",
        "gpg.ssh.program",
        "credential.helper",
        "remote.origin.uploadpack",
        "alias.log",
        "alias.rev-list",
    ):
        repo.git("config", key, f"!{script}" if key.startswith("alias.") else str(script))
    for key, value in {
        "log.showSignature": "true",
        "diff.orderFile": "/dev/zero",
        "mailmap.file": "/dev/zero",
        "blame.ignoreRevsFile": "/dev/zero",
        "core.attributesFile": "/dev/zero",
        "diff.relative": "true",
        "diff.algorithm": "patience",
        "log.follow": "true",
        "log.showRoot": "false",
        "submodule.recurse": "true",
        "color.ui": "always",
    }.items():
        repo.git("config", key, value)
    touched.unlink(missing_ok=True)
    return touched


def test_nothing_that_a_repository_configures_is_run_or_obeyed(repo, trap, collect):
    shelf = collect(repo.path)
    assert not trap.exists()
    assert len(shelf.rows("commits")) == 2
    assert shelf.one("commits", subject="start")["files_changed"] == 2
    assert shelf.one("markers")["author_email"] == "ada@example.org"


def test_a_partial_clone_is_not_completed_behind_ones_back(repo, collect, tmp_path):
    repo.commit(a="1")
    repo.commit(a="2")
    repo.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    subprocess.run(
        ["git", "clone", "--quiet", "--bare", "--filter=blob:none", f"file://{repo.path}", str(clone)],
        check=True,
        capture_output=True,
    )
    missing = ["git", "-C", str(clone), "rev-list", "--objects", "--all", "--missing=print"]
    before = subprocess.run(missing, capture_output=True, check=True).stdout
    shelf = collect(clone)
    assert subprocess.run(missing, capture_output=True, check=True).stdout == before
    assert b"?" in before
    assert len(shelf.rows("commits")) == 2
    assert any("partial clone" in reason for reason in shelf.reasons())


def test_reading_writes_nothing_into_the_repository(repo, collect):
    repo.commit(a="1")
    before = {file: file.stat().st_mtime_ns for file in repo.path.rglob("*")}
    collect(repo.path)
    assert {file: file.stat().st_mtime_ns for file in repo.path.rglob("*")} == before


def test_a_large_file_is_listed_and_never_loaded(repo, collect):
    repo.write("big.py", b"x = 1\n" * (LARGEST // 6 + 1))
    repo.commit("start")
    shelf = collect(repo.path)
    assert shelf.rows("files") == []
    assert shelf.one("file_changes")["lines_added"] == LARGEST // 6 + 1
    (note,) = shelf.notes
    assert "1 MiB" in note.reason
    assert (note.is_kept, "big.py" in note.place) == (True, True)


def test_a_blob_of_two_gigabytes_is_never_loaded(repo, collect):
    """Its object says 2 GiB and holds nothing: whoever tries to load it fails."""
    repo.commit("small", **{"a.py": "x = 1\n"})
    for name, blob in (("huge.bin", "1" * 40), ("huge.py", "2" * 40)):
        file = repo.path / ".git/objects" / blob[:2] / blob[2:]
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(zlib.compress(b"blob %d\0" % 2**31))
        repo.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{name}")
    repo.git("commit", "--quiet", "-m", "huge")
    shelf = collect(repo.path)
    huge = shelf.one("file_changes", path="huge.bin")
    assert (huge["is_binary"], huge["lines_added"]) == (True, 0)
    assert {row["path"] for row in shelf.rows("files")} == {"a.py"}
    assert all("1 MiB" in reason for reason in shelf.reasons())


def test_stopping_ends_what_is_running(repo):
    repo.commit(a="1")
    git = Git(repo.path / ".git")
    pieces = git.stream("log", "--stdin", stdin=[b"HEAD"])
    next(pieces)
    git.stop()
    pieces.close()
    with pytest.raises(Exception, match="stopped"):
        git.run("rev-parse", "HEAD")


@pytest.mark.parametrize("place", ["config", "objects/info/alternates"])
def test_a_pipe_among_its_files_ends_in_a_sentence_instead_of_waiting_for_ever(
    repo, collect, monkeypatch, place
):
    repo.commit(a="1")
    pipe = repo.path / ".git/pipe"
    os.mkfifo(pipe)
    if place == "config":
        repo.git("config", "include.path", "pipe")
    else:
        pipe.rename(repo.path / ".git" / place)
    monkeypatch.setattr("ktlo.sources.git.program.OPENING", 0.5)
    with pytest.raises(UserError, match=r"does not come back within .* a pipe or a device"):
        collect(repo.path)


def test_git_that_falls_silent_is_ended(repo, monkeypatch):
    repo.commit(a="1")
    (repo.path / ".git/refs/heads/main").unlink()
    os.mkfifo(repo.path / ".git/refs/heads/main")
    monkeypatch.setattr("ktlo.sources.git.program.SILENCE", 0.3)
    with pytest.raises(SilentError, match="silent"):
        Git(repo.path / ".git").run("rev-parse", "HEAD")
