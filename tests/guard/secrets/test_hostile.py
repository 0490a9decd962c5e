"""A hostile repository costs bounded time and memory, runs nothing, and leads nowhere outside itself."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from pathlib import Path

import pytest

from ktlo.guard.secrets import Limits, Scope, scan, scan_tree


def zipped(members: dict[str, bytes]) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return kept.getvalue()


def test_links_of_files_and_folders_are_not_followed(repo, secret, tmp_path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.py").write_text(secret())
    (repo.root / "file").symlink_to(outside / "a.py")
    (repo.root / "folder").symlink_to(outside)
    (repo.root / "loop").symlink_to(repo.root)
    repo.commit()
    outcome = scan_tree(repo.root)
    assert (outcome.findings, outcome.unchecked, outcome.tally.links) == ((), (), 3)


def test_a_tracked_folder_that_became_a_link_is_not_followed(repo, secret, tmp_path) -> None:
    repo.write("folder/a.py", "books\n")
    repo.commit()
    (repo.root / "folder" / "a.py").unlink()
    (repo.root / "folder").rmdir()
    (tmp_path / "a.py").write_text(secret())
    (repo.root / "folder").symlink_to(tmp_path)
    assert scan_tree(repo.root).findings == ()


def test_a_pipe_is_never_opened(tmp_path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    os.mkfifo(folder / "pipe")
    [unchecked] = scan_tree(folder).unchecked
    assert (unchecked.what, "pipe" in unchecked.reason) == ("pipe", True)


@pytest.mark.parametrize("scope", list(Scope))
def test_nothing_that_the_repository_configures_is_run(repo, secret, tmp_path, scope: Scope) -> None:
    proof = tmp_path / "proof"
    trap = repo.write("trap.sh", f"#!/bin/sh\ntouch {proof}\ncat\n")
    trap.chmod(0o755)
    repo.write(".gitattributes", "* diff=trap filter=trap merge=trap\n")
    repo.write("a.py", secret())
    repo.commit()
    repo.write("b.py", secret(1))
    repo.git("add", "-A")
    with (repo.root / ".git" / "config").open("a") as config:
        config.write(
            f"[core]\n\tfsmonitor = {trap}\n\thooksPath = {tmp_path}\n\tpager = {trap}\n\tsshCommand = {trap}\n"
            f"\talternateRefsCommand = {trap}\n\tworktree = {tmp_path}\n[diff]\n\texternal = {trap}\n"
            f'[diff "trap"]\n\ttextconv = {trap}\n\tcommand = {trap}\n[filter "trap"]\n\tclean = {trap}\n'
            f"\tsmudge = {trap}\n\tprocess = {trap}\n\trequired = true\n[gpg]\n\tprogram = {trap}\n"
            f"[log]\n\tshowSignature = true\n[alias]\n\trev-list = !{trap}\n"
        )
    for hook in ("post-index-change", "fsmonitor-watchman", "reference-transaction", "pre-commit"):
        (repo.root / ".git" / "hooks" / hook).write_text(f"#!/bin/sh\ntouch {proof}\n")
        (repo.root / ".git" / "hooks" / hook).chmod(0o755)
    outcome = scan(repo.root, scope)
    assert outcome.findings
    assert not proof.exists()


def test_names_with_line_breaks_and_escape_codes_are_shown_escaped(repo, secret) -> None:
    repo.write("a\n\x1b[31m.py", secret())
    [finding] = scan_tree(repo.root).findings
    assert finding.location.path == "a\\n\\x1b[31m.py"
    assert finding.message.isprintable()


def test_a_name_that_is_no_text_is_scanned_and_shown_escaped(repo, secret) -> None:
    Path(os.fsdecode(os.fsencode(repo.root) + b"/caf\xe9.py")).write_text(secret())
    [finding] = scan_tree(repo.root).findings
    assert finding.location.path == "caf\\udce9.py"


@pytest.mark.parametrize(
    ("name", "data", "limits", "said"),
    [
        ("bomb.zip", zipped({"a": b"\0" * (8 << 20)}), Limits(), "limit (size or ratio)"),
        ("bomb.gz", gzip.compress(b"\0" * (8 << 20)), Limits(), "limit (size or ratio)"),
        ("many.zip", zipped({f"{n}": b"" for n in range(50)}), Limits(archive_members=20), "more members"),
        (
            "large.zip",
            zipped({"a": b"books" * 200_000}),
            Limits(archive_bytes=10_000),
            "limit (size or ratio)",
        ),
        (
            "deep.zip",
            zipped({"a.zip": zipped({"b.zip": zipped({})})}),
            Limits(archive_depth=2),
            "inside more",
        ),
        ("broken.zip", zipped({"a": b"books" * 99})[:60], Limits(), "cannot be read"),
        ("broken.gz", gzip.compress(os.urandom(999))[:200], Limits(), "cannot be read"),
        ("member.zip", zipped({"a": b"books" * 99}), Limits(file_bytes=300), "larger than the limit"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
def test_an_archive_that_cannot_be_read_to_its_end_is_not_proven_clean(
    repo, name, data, limits, said
) -> None:
    repo.write(name, data)
    assert [one.reason for one in scan_tree(repo.root, limits=limits).unchecked if said in one.reason]


def test_an_encrypted_archive_is_not_proven_clean(repo) -> None:
    data = bytearray(zipped({"a": b"books"}))
    data[data.find(b"PK\x01\x02") + 8] |= 1
    repo.write("locked.zip", bytes(data))
    assert "encrypted" in scan_tree(repo.root).unchecked[0].reason


def test_a_repository_git_does_not_accept_is_scanned_as_a_folder_and_told(repo, secret) -> None:
    repo.write("a.py", secret())
    (repo.root / ".git" / "HEAD").write_text("nonsense")
    outcome = scan_tree(repo.root)
    assert [one.location.path for one in outcome.findings] == ["a.py"]
    assert outcome.unchecked
    assert scan(repo.root, Scope.HISTORY).unchecked
    assert scan(repo.root, Scope.STAGED).unchecked


def test_a_damaged_object_is_told_with_what_was_seen_before_it(repo, secret) -> None:
    repo.write("a.py", secret())
    repo.write("z.py", "books\n")
    repo.commit()
    name = repo.git("rev-parse", "HEAD:z.py")
    file = repo.root / ".git" / "objects" / name[:2] / name[2:]
    file.chmod(0o644)
    file.write_bytes(b"nonsense")
    outcome = scan(repo.root, Scope.HISTORY)
    assert outcome.unchecked
    assert [one.location.path for one in outcome.findings] == ["a.py"]


def test_a_file_that_may_not_be_read_is_told(repo, monkeypatch) -> None:
    repo.write("a.py", "books\n")
    real = os.open

    def refuse(path, *rest, **more):
        if str(path).endswith("a.py"):
            raise PermissionError(13, "Permission denied")
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)  # tests may run as root, whom no mode stops
    assert "Permission denied" in scan_tree(repo.root).unchecked[0].reason


def test_a_text_with_endless_matches_is_cut_and_told(repo, secret) -> None:
    repo.write("a.py", "\n".join(secret(number) for number in range(250)))
    assert "so many matches" in scan_tree(repo.root).unchecked[0].reason


def test_a_folder_that_is_not_there_is_told(tmp_path) -> None:
    assert scan_tree(tmp_path / "none").unchecked


def test_a_submodule_that_is_checked_out_is_scanned_with_the_tree(repo, secret, tmp_path) -> None:
    inner = repo.root / "vendored"
    inner.mkdir()
    repo.git("-C", str(inner), "init", "-q")
    (inner / "a.py").write_text(secret())
    assert [one.location.path for one in scan_tree(repo.root).findings] == ["vendored/a.py"]
