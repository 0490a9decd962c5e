"""Every linter that ktlo knows: how it is recognised, run and read. A further one is an entry of :data:`LINTERS`.

Whether one can be made to run a repository's code decides whether it runs by default: a configuration of ruff, biome,
shellcheck or actionlint is data; one of eslint is a program, clippy builds the project (``build.rs``), and
golangci-lint loads it through the Go toolchain. docs/check-linters.md has the table; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ktlo.errors import UserError
from ktlo.guard.lint.remark import Remark
from ktlo.guard.lint.reports import read_actionlint, read_clippy, read_eslint, read_shellcheck
from ktlo.guard.lint.sarif_report import read_sarif

Reader = Callable[[bytes, Path], tuple[Remark, ...]]


@dataclass(frozen=True, slots=True)
class Linter:
    """One linter.

    Attributes:
        name: how people call it.
        summary: what it looks at.
        program: what is run.
        arguments: its arguments; files come behind them when ``suffixes`` are given.
        version: arguments that make it tell its version.
        good: exit codes with a complete report.
        read: reads its output; raises ``LintError``.
        configured_by: names of files, anywhere in the tree, that show that the repository uses it.
        mentioned_in: a file in the root, and words in it that show the same.
        suffixes: endings of the files it is given; empty when it finds them itself.
        shebangs: words in the first line of files without an ending that make them such files.
        runs_code: how a repository makes it run code, a clause; empty when it cannot.
        own_place: where a repository keeps its own copy, which counts when it is trusted.
        variables: environment variables it needs of ours.
        output_variable: names a folder for what it makes, so that nothing is written into the repository.
    """

    name: str
    summary: str
    program: str
    arguments: tuple[str, ...]
    read: Reader
    configured_by: tuple[str, ...]
    version: tuple[str, ...] = ("--version",)
    good: frozenset[int] = frozenset({0, 1})
    mentioned_in: tuple[tuple[str, str], ...] = ()
    suffixes: tuple[str, ...] = ()
    shebangs: tuple[str, ...] = ()
    runs_code: str = ""
    own_place: str = ""
    variables: tuple[str, ...] = ()
    output_variable: str = ""


def _sarif_of(tool: str) -> Reader:
    def read(text: bytes, root: Path) -> tuple[Remark, ...]:
        return read_sarif(text, root, tool)

    return read


LINTERS: tuple[Linter, ...] = (
    Linter(
        name="ruff",
        summary="Python",
        program="ruff",
        arguments=(
            "check", "--output-format", "sarif", "--exit-zero", "--no-fix", "--no-cache", "--force-exclude",
            "--quiet", ".",
        ),
        good=frozenset({0}),
        read=_sarif_of("ruff"),
        configured_by=("ruff.toml", ".ruff.toml"),
        mentioned_in=(("pyproject.toml", "[tool.ruff"),),
    ),
    Linter(
        name="biome",
        summary="JavaScript, TypeScript, CSS, JSON",
        program="biome",
        arguments=("lint", "--reporter=sarif", "--max-diagnostics=none", "--colors=off", "."),
        read=_sarif_of("biome"),
        configured_by=("biome.json", "biome.jsonc", ".biome.json", ".biome.jsonc"),
    ),
    Linter(
        name="shellcheck",
        summary="shell scripts",
        program="shellcheck",
        arguments=("--format=json1", "--"),
        read=read_shellcheck,
        configured_by=(".shellcheckrc", "shellcheckrc"),
        suffixes=(".sh", ".bash", ".ksh", ".dash"),
        shebangs=("sh", "bash", "dash", "ksh"),
    ),
    Linter(
        name="actionlint",
        summary="GitHub Actions workflows",
        program="actionlint",
        arguments=("-format", "{{json .}}", "-no-color", "-shellcheck=", "-pyflakes="),
        version=("-version",),
        read=read_actionlint,
        configured_by=("actionlint.yaml", "actionlint.yml"),
    ),
    Linter(
        name="eslint",
        summary="JavaScript, TypeScript",
        program="eslint",
        arguments=("--format=json", "."),
        read=read_eslint,
        configured_by=(
            "eslint.config.js", "eslint.config.mjs", "eslint.config.cjs", "eslint.config.ts", "eslint.config.mts",
            "eslint.config.cts", ".eslintrc", ".eslintrc.js", ".eslintrc.cjs", ".eslintrc.json", ".eslintrc.yml",
            ".eslintrc.yaml",
        ),
        runs_code="its configuration and plugins are programs",
        own_place="node_modules/.bin/eslint",
    ),
    Linter(
        name="clippy",
        summary="Rust",
        program="cargo",
        # Lints that stop a build by default are lints all the same; what does not compile is none.
        arguments=(
            "clippy", "--message-format=json", "--quiet", "--workspace", "--all-targets", "--locked", "--",
            "--cap-lints", "warn",
        ),
        version=("clippy", "--version"),
        good=frozenset({0}),
        read=read_clippy,
        configured_by=("clippy.toml", ".clippy.toml"),
        mentioned_in=(("Cargo.toml", "lints.clippy"),),
        runs_code="it builds the project, and build.rs and macros are programs",
        variables=("HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"),
        output_variable="CARGO_TARGET_DIR",
    ),
    Linter(
        name="golangci-lint",
        summary="Go",
        program="golangci-lint",
        arguments=(
            "run", "--output.sarif.path=stdout", "--issues-exit-code=0", "--show-stats=false", "--color=never",
        ),
        good=frozenset({0}),
        read=_sarif_of("golangci-lint"),
        configured_by=(".golangci.yml", ".golangci.yaml", ".golangci.toml", ".golangci.json"),
        runs_code="it loads the project through the Go toolchain, with plugins and cgo",
        variables=("HOME", "GOPATH", "GOCACHE", "GOMODCACHE", "GOFLAGS", "GOPROXY"),
    ),
)  # fmt: skip


TRUSTED_TOOLS = ("go",)
"""Tools besides linters that ``--trust`` names: ``go`` for govulncheck (guard/reachability)."""


def named(name: str) -> str:
    """The name of a linter that exists, or of another tool that may be trusted.

    Raises:
        UserError: there is none of that name.
    """
    known = [*(one.name for one in LINTERS), *TRUSTED_TOOLS]
    if name not in known:
        raise UserError(f"there is no linter {name!r}", fix=f"Choose from {', '.join(known)}")
    return name


def mentions(hooks: str, linter: Linter) -> bool:
    """Whether a pre-commit configuration has a hook of this linter."""
    words = ("id: " + linter.name, f'id: "{linter.name}', f"id: '{linter.name}")
    return any(word in hooks for word in words)


def command(linter: Linter, program: Path, files: Sequence[str]) -> list[str]:
    """What is run."""
    # A file name cannot be taken for an option: behind "--", and with its folder.
    return [str(program), *linter.arguments, *(f"./{file}" for file in files)]
