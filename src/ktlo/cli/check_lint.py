"""``ktlo check accept`` and ``ktlo check adopt``: keep the ratchet of the linters, and find rules worth keeping."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ktlo.cli.main import AsJson, Config
from ktlo.errors import KtloError
from ktlo.wording import counted

if TYPE_CHECKING:
    from ktlo.guard.checks.protocol import Subject
    from ktlo.guard.lint.adopt import Proposal
    from ktlo.guard.lint.ruff_config import Edited

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
    group.command("adopt", cls=command, epilog="Examples:  ktlo check adopt  ·  ktlo check adopt --write")(
        adopt
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
        print(
            f"The baseline is {what}: {counted(done.total, 'findings')} of {', '.join(done.tools)} are known."
        )
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


def adopt(
    path: Place = Path(),
    write: Annotated[bool, typer.Option("--write", help="Write the configuration.")] = False,
    as_json: AsJson = False,
) -> None:
    """Propose ruff rules and style that the code keeps already, and show the configuration that says so.

    A rule is proposed when nothing breaks it today and earlier versions did. Exit codes: 0 done, 2 ruff could not run,
    4 wrong use.
    """
    from ktlo.cli.check import guarded

    def work() -> int:
        from ktlo.guard.lint.adopt import propose, still_broken
        from ktlo.guard.lint.ruff_config import edit
        from ktlo.guard.lint.ruff_config import write as put

        proposal = propose(path)
        edited = edit(path, proposal)
        broken: dict[str, int] = {}
        if write and edited.diff:
            put(path, edited)
            # With the settings of the repository a rule may mean more than by itself: those are taken out again.
            try:
                broken = dict(still_broken(path, edited.added))
            except KtloError:
                put(path, replace(edited, after=edited.before))
                raise
            if broken:
                put(path, replace(edited, after=edited.before))
                edited = edit(path, proposal, tuple(broken))
                put(path, edited)
        if as_json:
            from ktlo.cli.output import print_json

            print_json(
                {
                    "proposal": asdict(proposal),
                    "file": edited.file,
                    "added": edited.added,
                    "diff": edited.diff,
                    "taken_out": broken,
                    "is_written": write,
                }
            )
        else:
            _print(proposal, edited, broken, is_written=write)
        return 0

    raise typer.Exit(guarded(work))


def _print(proposal: Proposal, edited: Edited, broken: dict[str, int], *, is_written: bool) -> None:
    style = proposal.style
    print(
        f"{counted(len(edited.added), 'rules')} are kept by all {proposal.files:,} Python files and were broken"
        " before, in"
        f" {proposal.versions:,} of {counted(proposal.known, 'earlier versions')} ({proposal.tool})."
    )
    if not proposal.versions:
        print("There is no history to learn from, so no rule is proposed: one that never fired says nothing.")
    if style.length:
        over = f", {style.over:,} are longer" if style.over else ""
        print(
            f"  lines: {counted(style.length, 'characters')} hold {counted(style.lines, 'lines')}{over}; the"
            f" longest has {style.longest:,}"
        )
    if style.indent:
        width = f", {style.width} wide" if style.width else ""
        print(f"  indentation: {style.indent}s{width} ({counted(style.indented, 'blocks')})")
    if style.quotes:
        print(f"  quotes: {style.quotes}, {style.quote_share:.1%} of {counted(style.quoted, 'strings')}")
    elif style.quoted:
        print(
            f"  quotes: mixed, {style.quote_share:.0%} of {counted(style.quoted, 'strings')} alike: left open"
        )
    names = {one.code: one for one in proposal.rules}
    for code in edited.added:
        print(f"  {code:<8} {names[code].name}  (before: {names[code].before:,})")
    for code, number in broken.items():
        print(f"  {code:<8} taken out again: with your settings it fires {counted(number, 'times')}")
    if proposal.nearly:
        print("Nearly kept; the ratchet can hold these:")
        for one in proposal.nearly:
            print(f"  {one.code:<8} {one.name}  (now: {one.now:,}, before: {one.before:,})")
    if not edited.diff:
        print(f"{edited.file} says all of this already.")
        return
    print()
    print(_shown_lines(edited.diff))
    print(
        f"Written to {edited.file}."
        if is_written
        else f"ktlo check adopt --write writes it to {edited.file}."
    )


def _shown_lines(text: str) -> str:
    return "\n".join(_shown(line) for line in text.splitlines())


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
