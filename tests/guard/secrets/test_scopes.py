"""Working tree, staged changes and history each see what is theirs."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
import zipfile

import pytest

from ktlo.guard.secrets import Limits, Scope, scan, scan_history, scan_staged, scan_tree


def places(outcome) -> list[tuple[str, int]]:
    return [(one.location.path, one.location.line) for one in outcome.findings]


def zipped(members: dict[str, bytes]) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return kept.getvalue()


def tarred(members: dict[str, bytes]) -> bytes:
    kept = io.BytesIO()
    with tarfile.open(fileobj=kept, mode="w:gz") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return kept.getvalue()


def test_the_tree_is_what_git_tracks_and_what_it_does_not_ignore(repo, secret) -> None:
    repo.write(".gitignore", "build/\n")
    repo.write("tracked.py", secret(1))
    repo.commit()
    repo.write("untracked.py", secret(2))
    repo.write("build/ignored.py", secret(3))
    outcome = scan_tree(repo.root)
    assert places(outcome) == [("tracked.py", 1), ("untracked.py", 1)]
    assert not outcome.unchecked


def test_a_folder_of_a_repository_is_scanned_for_itself(repo, secret) -> None:
    repo.write("a/one.py", secret(1))
    repo.write("b/two.py", secret(2))
    repo.commit()
    assert places(scan_tree(repo.root / "b")) == [("two.py", 1)]


def test_a_folder_without_git_is_scanned_whole(tmp_path, secret) -> None:
    (tmp_path / "plain" / "deep").mkdir(parents=True)
    (tmp_path / "plain" / "deep" / "a.txt").write_text(secret())
    assert places(scan_tree(tmp_path / "plain")) == [("deep/a.txt", 1)]


def test_only_what_a_staged_change_adds_is_found(repo, secret) -> None:
    repo.write("a.py", f"old = '{secret(1)}'\n")
    repo.commit()
    repo.write("a.py", f"# moved\nold = '{secret(1)}'\nnew = '{secret(2)}'\n")
    repo.git("add", "a.py")
    repo.write("a.py", "")  # the working tree has no say
    repo.write("b.py", secret(3))  # not staged
    assert places(scan_staged(repo.root)) == [("a.py", 3)]


def test_staged_files_are_found_before_the_first_commit(repo, secret) -> None:
    repo.write("a.py", secret())
    repo.git("add", "a.py")
    assert places(scan_staged(repo.root)) == [("a.py", 1)]
    assert scan_staged(repo.root).unchecked == ()


def test_history_names_the_commit_and_path_where_a_secret_first_appeared(repo, secret) -> None:
    repo.write("notes.md", "books\n")
    repo.commit()
    repo.write("old.py", secret())
    first = repo.commit("plant")
    repo.git("mv", "old.py", "new.py")
    repo.commit("rename")
    [finding] = scan_history(repo.root).findings
    assert (finding.location.path, finding.location.commit) == ("old.py", first)


def test_history_reaches_other_branches_stashes_merges_and_messages(repo, secret) -> None:
    repo.write("a.py", "one\n")
    repo.commit()
    repo.git("checkout", "-q", "-b", "side")
    repo.write("side.py", secret(1))
    repo.commit()
    repo.git("checkout", "-q", "main")
    repo.write("a.py", secret(2))
    repo.git("stash", "-q")
    repo.commit(f"use {secret(3)}")
    repo.git("merge", "-q", "--no-ff", "--no-commit", "side")
    repo.write("evil.py", secret(4))
    merge = repo.commit("merge")
    repo.git("tag", "-a", "v1", "-m", f"with {secret(5)}")
    found = {one.location.path: one.location.commit for one in scan_history(repo.root).findings}
    assert set(found) == {"side.py", "a.py", "evil.py", "(commit message)", "(tag message)"}
    assert found["evil.py"] == merge


def test_a_blob_at_an_allowed_and_at_another_path_is_found_at_the_other(repo, drawn) -> None:
    line = drawn('token = "<aA0:40>7"\n', 1)
    repo.write("app.min.js", line)
    repo.commit()
    repo.write("src/app.py", line)
    repo.commit()
    assert places(scan_history(repo.root)) == [("src/app.py", 1)]


@pytest.mark.parametrize("scope", [Scope.TREE, Scope.STAGED, Scope.HISTORY])
def test_archives_are_looked_into_wherever_they_are(repo, secret, scope: Scope) -> None:
    repo.write("README", "books\n")
    repo.commit()
    inner = zipped({"deep/a.txt": secret(1).encode()})
    repo.write("books.whl", zipped({"x.py": secret(2).encode(), "inner.jar": inner}))
    repo.write("books.tar.gz", tarred({"y.py": secret(3).encode()}))
    repo.write("log.gz", gzip.compress(secret(4).encode()))
    repo.git("add", "-A")
    if scope is Scope.HISTORY:
        repo.commit()
    outcome = scan(repo.root, scope)
    assert [path for path, _ in places(outcome)] == [
        "books.tar.gz!!y.py", "books.whl!inner.jar!deep/a.txt", "books.whl!x.py", "log.gz!",
    ]  # fmt: skip
    assert not outcome.unchecked


def test_a_utf_16_file_is_read_and_a_binary_one_is_counted(repo, secret) -> None:
    repo.write("windows.txt", secret().encode("utf-16"))
    repo.write("picture.png", b"\x89PNG\0" + secret(1).encode())
    outcome = scan_tree(repo.root)
    assert places(outcome) == [("windows.txt", 1)]
    assert outcome.tally.binaries == 1


def test_a_shallow_clone_is_not_proven_clean(repo, tmp_path) -> None:
    repo.commit()
    repo.commit()
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{repo.root}", str(clone)], check=True)
    [unchecked] = scan_history(clone).unchecked
    assert "shallow" in unchecked.reason


def test_a_missing_object_is_not_proven_clean(repo) -> None:
    repo.write("a.py", "gone\n")
    repo.commit()
    name = repo.git("rev-parse", "HEAD:a.py")
    (repo.root / ".git" / "objects" / name[:2] / name[2:]).unlink()
    assert any("lacks it" in one.reason for one in scan_history(repo.root).unchecked)


@pytest.mark.parametrize("scope", [Scope.TREE, Scope.STAGED, Scope.HISTORY])
def test_a_file_above_the_limit_is_not_proven_clean(repo, scope: Scope) -> None:
    repo.write("large.txt", "x" * 5000)
    repo.git("add", "-A")
    if scope is Scope.HISTORY:
        repo.commit()
    [unchecked] = scan(repo.root, scope, limits=Limits(file_bytes=4999)).unchecked
    assert "larger than 4999 bytes" in unchecked.reason


def test_more_findings_than_the_limit_are_told(repo, secret) -> None:
    repo.write("a.py", "\n".join(secret(number) for number in range(5)))
    outcome = scan_tree(repo.root, limits=Limits(findings=3))
    assert len(outcome.findings) == 3
    assert "2 more" in outcome.unchecked[0].reason


def test_a_bare_repository_has_a_history_and_no_tree(repo, secret, tmp_path) -> None:
    repo.write("a.py", secret())
    repo.commit()
    bare = tmp_path / "bare.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(repo.root), str(bare)], check=True)
    assert places(scan_history(bare)) == [("a.py", 1)]
    assert "bare" in scan_tree(bare).unchecked[0].reason
