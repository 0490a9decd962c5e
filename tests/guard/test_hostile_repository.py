"""A repository that means harm: nothing of it runs or is written, nothing outside is read, and a bomb stays small."""

from __future__ import annotations

import functools
import io
import os
import zipfile
from pathlib import Path

import pytest
from repositories import Repo
from shop import lock
from typer.testing import CliRunner

from ktlo.cli.main import commands
from ktlo.guard.formats import FORMATS
from ktlo.guard.secrets.limits import Limits


@functools.cache
def bomb() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("zeros.txt", b"a" * (300 << 20))
    return made.getvalue()


@pytest.fixture
def world(tmp_path, monkeypatch, mirror):
    """A repository with every trap at once, and where a trap would leave its trace."""
    monkeypatch.delenv("KTLO_CONFIG", raising=False)
    proof = tmp_path / "proof"
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "workflow.yml").write_text("on: push\njobs: {outside-was-read: {steps: []}}\n")
    (outside / "ruff.toml").write_text("outside-was-read = 1\n")
    (outside / "code.py").write_text("import outside_was_read\n")
    repo = Repo(tmp_path / "shop")
    lock(repo.root, left="2.0.0")
    script = f"#!/bin/sh\ntouch {proof}\n"

    def trap(path: str) -> None:
        repo.write(path, script).chmod(0o755)

    for name in ("ruff", "biome", "shellcheck", "zizmor", "eslint", "git", "cargo"):
        for folder in ("", "bin/", "node_modules/.bin/", ".venv/bin/"):
            trap(f"{folder}{name}")
    repo.write("eslint.config.js", f"require('fs').writeFileSync('{proof}', '')\n")
    repo.write("build.rs", "fn main() {}\n")
    repo.write("clippy.toml", "")
    repo.write("conftest.py", f"open({str(proof)!r}, 'w')\n")
    repo.write("sitecustomize.py", f"open({str(proof)!r}, 'w')\n")
    repo.write("ruff.toml", "[lint]\nselect = ['F']\n")
    repo.write("biome.json", "{}")
    repo.write(
        "ktlo.yaml", "guard: {lint: {trust: [eslint, clippy], require: [eslint]}, check_seconds: 30}\n"
    )
    repo.write(".gitattributes", "* filter=trap diff=trap merge=trap export-subst ident\n")
    repo.write("a.py", "x = 1\n")
    repo.commit()
    repo.git("checkout", "-q", "-b", "change")
    repo.write("b.py", "x = 2\n")
    (repo.root / "loop").symlink_to(repo.root)
    (repo.root / "a-loop").symlink_to("b-loop")
    (repo.root / "b-loop").symlink_to("a-loop")
    (repo.root / "code.py").symlink_to(outside / "code.py")
    (repo.root / "theirs").symlink_to(outside)
    (repo.root / ".github" / "workflows").mkdir(parents=True)
    (repo.root / ".github" / "workflows" / "a.yml").symlink_to(outside / "workflow.yml")
    repo.write("n\x1b[2J\n::error::e.py", "import os\n")
    repo.write("n\x1b[2J\n::error::e.lock/package-lock.json", "{")
    repo.write("bomb.zip", bomb())
    with (repo.root / ".git" / "config").open("a") as config:
        git = repo.root / "git"
        config.write(
            f"[core]\n\tfsmonitor = {git}\n\thooksPath = {repo.root}/bin\n\tsshCommand = {git}\n\tpager = {git}\n"
            f"\teditor = {git}\n\tworktree = {outside}\n[diff]\n\texternal = {git}\n"
            f'[filter "trap"]\n\tclean = {git}\n\tsmudge = {git}\n\trequired = true\n'
            f'[diff "trap"]\n\ttextconv = {git}\n[credential]\n\thelper = {git}\n'
        )
    for hook in ("post-checkout", "post-index-change", "reference-transaction", "pre-commit", "post-merge"):
        trap(f".git/hooks/{hook}")
    monkeypatch.chdir(repo.root)
    monkeypatch.setenv("PATH", f".:{repo.root}/bin:{os.environ['PATH']}")
    return repo, proof, mirror, tmp_path


@pytest.fixture
def unpacked(monkeypatch) -> list[int]:
    """Bytes that were unpacked of archives, read by read."""
    sizes: list[int] = []
    read = zipfile.ZipExtFile.read

    def counted(self, size=-1):
        piece = read(self, size)
        sizes.append(len(piece))
        return piece

    monkeypatch.setattr(zipfile.ZipExtFile, "read", counted)
    return sizes


def state(root: Path) -> dict[str, object]:
    """Every file with its content and times."""
    found: dict[str, object] = {}
    for folder, names, files in os.walk(root, followlinks=False):
        for name in (*names, *files):
            path = Path(folder) / name
            about = path.lstat()
            found[str(path)] = (about.st_mode, about.st_size, about.st_mtime_ns)
    return found


@pytest.mark.parametrize(
    "arguments",
    [(), ("--since", "main"), ("--as-of", "2999-01-01"), ("--only", "lint", "--only", "workflows")],
    ids=" ".join,
)
def test_nothing_runs_nothing_is_written_and_it_does_not_pass(world, arguments, unpacked):
    repo, proof, mirror, folder = world
    before = state(repo.root)
    line = ["check", ".", "--database", str(mirror), "--cache", str(folder / "cache"), "--format", "json"]
    done = CliRunner().invoke(commands(), [*line, *arguments])
    assert done.exit_code in (1, 2, 4), done.stderr
    assert done.exit_code != 4 or "2999" in str(arguments)
    assert not proof.exists()
    assert state(repo.root) == before
    assert "outside_was_read" not in done.stdout + done.stderr
    assert "outside-was-read" not in done.stdout + done.stderr
    assert sum(unpacked) < 2 * Limits().file_bytes
    assert "Traceback" not in done.stderr


def test_names_neither_steer_a_terminal_nor_issue_a_command(world):
    _, _, mirror, folder = world
    forms = [form for form in FORMATS if form not in ("json", "sarif", "cyclonedx")]
    written = {form: folder / f"report.{form}" for form in forms}
    reports = [part for form, file in written.items() for part in ("--report", f"{form}={file}")]
    line = ["check", ".", "--database", str(mirror), "--cache", str(folder / "cache"), "--skip", "secrets"]
    CliRunner().invoke(commands(), [*line, *reports])
    for file in written.values():
        text = file.read_text(encoding="utf-8")
        assert "\x1b" not in text
        assert not any(row.startswith("::error::e.") for row in text.splitlines())


@pytest.mark.parametrize("command", [("accept",), ("adopt", "--write")], ids=" ".join)
def test_commands_that_write_run_nothing_and_write_their_own_file_only(world, command):
    repo, proof, _, _ = world
    before = state(repo.root)
    done = CliRunner().invoke(commands(), ["check", *command])
    assert not proof.exists(), done.stdout
    changed = {
        Path(path).name for path in set(state(repo.root).items()) ^ set(before.items()) for path in [path[0]]
    }
    assert changed <= {"shop", ".ktlo", "lint-baseline.json", "ruff.toml"}
