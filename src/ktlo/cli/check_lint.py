"""``ktlo check accept`` and ``ktlo check adopt``: keep the ratchet of the linters, and find rules worth keeping."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ktlo.cli.main import Config

if TYPE_CHECKING:
    from ktlo.guard.checks.protocol import Subject

Place = Annotated[Path, typer.Argument(help="Folder of the repository.")]
Reports = Annotated[
    list[Path] | None,
    typer.Option("--sarif", help="Report of another tool to count as well.", show_default=False),
]
Trusted = Annotated[
    list[str] | None,
    typer.Option(
        "--trust", help="Let this linter run the repository's own code: eslint, clippy, golangci-lint.",
        metavar="LINTER",
    ),
]  # fmt: skip


def register(group: typer.Typer, command: type[Any]) -> None:
    """Add the commands.

    Args:
        group: ``ktlo check``.
        command: class of its commands, with their exit codes.
    """
    group.command("accept", cls=command, epilog="Examples:  ktlo check accept  ·  ktlo check accept --allow")(
        accept
    )


def accept(
    path: Place = Path(),
    allow: Annotated[bool, typer.Option("--allow", help="Counts may also rise.")] = False,
    sarif: Reports = None,
    trust: Trusted = None,
    config: Config = None,
) -> None:
    """Write what the linters find now to .ktlo/lint-baseline.json: lower counts, and higher ones only with --allow.

    Exit codes: 0 written, 1 a count would have risen, 2 a linter could not run, 4 wrong use.
    """
    from ktlo.cli.check import guarded

    def work() -> int:
        from ktlo.guard.lint.accept import accept as write

        done = write(subject_of(path, sarif, trust, config), allow_more=allow)
        what = "written" if done.is_new else f"lowered by {done.lower:,}"
        print(f"The baseline is {what}: {done.total:,} findings of {', '.join(done.tools)} are known.")
        for one in done.risen:
            print(f"  raised: {_shown(one.path)}  {_shown(one.rule)}  from {one.allowed:,} to {one.found:,}")
        for one in done.refused:
            print(
                f"  not raised: {_shown(one.path)}  {_shown(one.rule)}  has {one.found:,}, allowed are"
                f" {one.allowed:,}",
                file=sys.stderr,
            )
        if done.refused:
            print("Mend these, or raise the counts with --allow.", file=sys.stderr)
        return 1 if done.refused else 0

    raise typer.Exit(guarded(work))


def subject_of(path: Path, sarif: list[Path] | None, trust: list[str] | None, config: Path | None) -> Subject:
    """What the linters look at, by the same settings as ``ktlo check``."""
    from ktlo.cli.check import run_of
    from ktlo.guard.checks.protocol import LockFiles, Subject
    from ktlo.guard.lint.linters import named

    asked = run_of(path, None, None, config)
    return Subject(
        root=path,
        settings=asked.settings,
        beside=asked.beside,
        now=asked.now,
        cache=asked.cache,
        lock_files=LockFiles(path),
        as_of=asked.now,
        sarif=tuple(sarif or ()),
        trusted=asked.trusted | {named(one) for one in trust or ()},
    )


def _shown(text: str) -> str:
    from ktlo.guard.formats.text import printable

    return printable(text)
