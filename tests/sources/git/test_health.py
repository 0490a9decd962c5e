"""Bad places: each ends in one sentence that says what, where and what to do."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest

from ktlo.errors import KtloError, UserError
from ktlo.sources.git import GitConfig, GitSource
from ktlo.sources.protocol import Status


def check(path, **options):
    return asyncio.run(GitSource(GitConfig(path=str(path), **options)).check())


def test_a_repository_in_order_is_ready(repo):
    repo.commit(a="1")
    assert check(repo.path).status is Status.READY


def test_a_bare_repository_is_ready(repo, tmp_path):
    repo.commit(a="1")
    repo.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    assert check(tmp_path / "bare.git").status is Status.READY


def test_a_folder_that_is_no_repository_is_said_so(tmp_path, collect):
    (tmp_path / "plain").mkdir()
    health = check(tmp_path / "plain")
    assert health.status is Status.UNREACHABLE
    assert "no git repository" in health.summary
    assert str(tmp_path / "plain") in health.summary
    with pytest.raises(UserError, match=r"no git repository.*Give the folder"):
        collect(tmp_path / "plain")


def test_a_folder_that_does_not_exist_is_said_so(tmp_path):
    health = check(tmp_path / "nowhere")
    assert (health.status, "no such folder" in health.summary) == (Status.UNREACHABLE, True)


def test_a_file_is_no_repository(tmp_path):
    (tmp_path / "notes").write_text("")
    assert "a file" in check(tmp_path / "notes").summary


def test_an_empty_repository_has_no_numbers_yet(repo, collect):
    health = check(repo.path)
    assert health.status is Status.LIMITED
    assert "empty" in health.summary
    assert collect(repo.path).everything() == {}


def test_a_repository_that_was_empty_is_collected_once_it_is_not(repo, collect):
    shelf = collect(repo.path)
    repo.commit(a="1")
    assert len(collect(repo.path, shelf).rows("commits")) == 1


def test_a_shallow_clone_says_what_is_missing_and_how_to_mend_it(repo, tmp_path):
    for number in range(4):
        repo.commit(a=str(number))
    repo.git("clone", "--quiet", "--depth=2", f"file://{repo.path}", str(tmp_path / "shallow"))
    health = check(tmp_path / "shallow")
    assert health.status is Status.LIMITED
    (missing,) = health.missing
    assert "shallow" in missing.what
    assert "before 2023-11-14" in missing.cost
    assert "fetch --unshallow" in missing.fix


def test_a_missing_git_program_is_said_so(repo, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    health = check(repo.path)
    assert health.status is Status.UNREACHABLE
    assert "git program is not installed" in health.summary


def test_a_remote_that_is_not_there_is_said_so(tmp_path, collect):
    url = f"file://{tmp_path}/nothing.git"
    assert check(url).status is Status.UNREACHABLE
    with pytest.raises(KtloError, match="no repository at this address"):
        collect(url)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user without permission")
def test_a_repository_without_permission_is_said_so(repo):
    repo.commit(a="1")
    (repo.path / ".git").chmod(0)
    repo.path.chmod(0o755)
    # Another user tries: root may read everything.
    code = (
        "import os, sys, asyncio, concurrent.futures.thread; from ktlo.sources.git import GitConfig, GitSource\n"
        "os.chdir(sys.argv[1]); os.setgid(65534); os.setuid(65534)\n"
        "print(asyncio.run(GitSource(GitConfig(path='.')).check()).summary)"
    )
    for parent in repo.path.parents[:3]:
        parent.chmod(0o755)
    said = subprocess.run(
        [sys.executable, "-c", code, str(repo.path)], capture_output=True, text=True, check=True
    ).stdout
    assert "may not be read by this user" in said
