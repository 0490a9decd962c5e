"""``ktlo check``: the gate. Its exit codes are its own, because "could not tell" is neither success nor finding.

0 proven clean, 1 findings, 2 inconclusive, 3 database too old, 4 wrong use (also where Typer would say 2).
"""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from ktlo.cli.check_progress import Progress
from ktlo.cli.main import AsJson, Config
from ktlo.errors import KtloError, UserError

if TYPE_CHECKING:
    from ktlo.guard.gate import Run
    from ktlo.guard.verdict import Report

_WRONG_USE = 4
_INCONCLUSIVE = 2


@contextlib.contextmanager
def _wrong_use() -> Iterator[None]:
    """Usage errors leave with 4: 2 would read as inconclusive."""
    try:
        yield
    except Exception as error:
        # Whichever click Typer brings: its usage errors carry the exit code as an attribute.
        if hasattr(error, "exit_code") and hasattr(error, "format_message"):
            error.exit_code = _WRONG_USE
        raise


class CheckCommand(TyperCommand):
    """A command below ``ktlo check``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As its parent, with the exit code of wrong use."""
        with _wrong_use():
            return super().parse_args(ctx, args)


class _Check(TyperGroup):
    """``ktlo check [PATH]``, and its own commands when the first word names one of them.

    A folder that is called like a command is checked as ``./fix``.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = bool(args) and args[0] in self.commands
        # Options of its own may stand behind PATH; those behind a command are the command's.
        ctx.allow_interspersed_args = not named
        with _wrong_use():
            # A group's argument would take the command's name: PATH is filled in before it.
            return super().parse_args(ctx, [".", *args] if named else args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        with _wrong_use():
            if args[0] not in self.commands:
                ctx.fail(f"Got unexpected extra argument ({args[0]})")
            return super().resolve_command(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the command and those below it."""
    group = typer.Typer(cls=_Check, invoke_without_command=True)
    group.callback(
        epilog="Examples:  ktlo check  ·  ktlo check --since origin/main"
        "  ·  ktlo check --report sarif=ktlo.sarif --report markdown=comment.md"
        "  ·  ktlo check --only vulnerabilities --database advisories/pypi.zip"
        "  ·  ktlo check --as-of 2025-01-01..2026-01-01 --every month",
    )(check)
    from ktlo.cli import check_fix, check_lint

    group.command("list", cls=CheckCommand, epilog="Example:  ktlo check list")(list_checks)
    check_lint.register(group, CheckCommand)
    check_fix.register(group, CheckCommand)
    app.add_typer(group, name="check")


@dataclass(frozen=True, slots=True)
class _Wish:
    """What was typed."""

    path: Path
    form: str
    output: Path | None
    reports: tuple[tuple[str, Path], ...]
    as_of: str
    every: str
    report_to: str = ""


def check(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="Folder of the repository.")] = Path(),
    form: Annotated[
        str, typer.Option("--format", help="Form of the report; docs/check.md lists them.", metavar="FORMAT")
    ] = "text",
    output: Annotated[
        Path | None,
        typer.Option(help="File to write; default: standard output.", show_default=False),
    ] = None,
    report: Annotated[
        list[str] | None,
        typer.Option(help="A further report of the same run; may be repeated.", metavar="FORMAT=FILE"),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="Run only this check; may be repeated. `ktlo check list` names them.", metavar="CHECK"
        ),
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option(help="Leave this check out; may be repeated.", metavar="CHECK")
    ] = None,
    since: Annotated[
        str,
        typer.Option(
            help="Judge only what the change adds since it left this branch, tag or commit.",
            metavar="REV",
            show_default=False,
        ),
    ] = "",
    as_of: Annotated[
        str,
        typer.Option(
            "--as-of",
            help="Rehearse: what the gate would have said on this day, or on days of a range A..B.",
            metavar="DATE",
            show_default=False,
        ),
    ] = "",
    every: Annotated[
        str, typer.Option(help="Step of a range: day, week, month or quarter.", metavar="STEP")
    ] = "month",
    sarif: Annotated[
        list[Path] | None,
        typer.Option(help="Report of another tool that the lint check takes in.", show_default=False),
    ] = None,
    trust: Annotated[
        list[str] | None,
        typer.Option(
            help="Let this tool run the repository's own code: eslint, clippy, golangci-lint, go (govulncheck).",
            metavar="LINTER",
        ),
    ] = None,
    database: Annotated[
        list[str] | None,
        typer.Option(
            help="Advisory database instead of guard.databases: URL of an OSV service, folder, zip or tar.",
            show_default=False,
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(help="Folder for indexes; default: your cache folder.", show_default=False),
    ] = None,
    report_to: Annotated[
        str,
        typer.Option(
            "--report-to",
            help="Send the report to this ktlo server, too (token: KTLO_TOKEN); the exit code stays the check's.",
            metavar="URL",
            show_default=False,
        ),
    ] = "",
    config: Config = None,
) -> None:
    """Check a repository: vulnerabilities, secrets, linters, workflow files, licences. Pass only what is proven clean.

    Exit codes: 0 proven clean, 1 findings, 2 inconclusive, 3 database too old, 4 wrong use. See docs/check.md.
    """
    if context.invoked_subcommand is not None:
        return

    def work() -> int:
        from dataclasses import replace

        from ktlo.guard.formats import FORMATS
        from ktlo.guard.lint.linters import named

        reports = tuple(_report(one) for one in report or ())
        for name in (form, *(name for name, _ in reports)):
            if name not in FORMATS:
                raise UserError(f"there is no format {name!r}", fix=f"Choose one of {', '.join(FORMATS)}")
        address = _address(report_to, as_of)
        if as_of and since:
            raise UserError("--as-of and --since are two questions", fix="Ask one of them")
        asked = run_of(path, database, cache, config)
        asked = replace(
            asked,
            only=tuple(only or ()),
            skip=tuple(skip or ()),
            since=since,
            sarif=tuple(sarif or ()),
            trusted=asked.trusted | {named(one) for one in trust or ()},
        )
        return _answer(_Wish(path, form, output, reports, as_of, every, address), asked)

    raise typer.Exit(guarded(work))


def list_checks(as_json: AsJson = False) -> None:
    """Print every check that `ktlo check` knows, also those that other packages add."""

    def work() -> int:
        from ktlo.guard.checks.registry import Broken, chosen

        rows = [
            (one.name, f"cannot be loaded: {one.reason}" if isinstance(one, Broken) else one.summary)
            for one in chosen()
        ]
        if as_json:
            from ktlo.cli.output import print_json

            print_json([{"check": name, "summary": summary} for name, summary in rows])
        else:
            for name, summary in rows:
                print(f"{name:<16} {summary}")
        return 0

    raise typer.Exit(guarded(work))


def guarded(work: Callable[[], int]) -> int:
    """Run a command of the gate; every way in which it breaks has an exit code that is neither 0 nor 1."""
    try:
        return work()
    except UserError as error:
        _say(error)
        return _WRONG_USE
    except KtloError as error:
        _say(error)
        return _INCONCLUSIVE
    except Exception:  # noqa: BLE001 - a bug of ours must not end in 1, which says that something was found
        traceback.print_exc()
        print("ktlo: the check itself broke, so nothing is proven", file=sys.stderr)
        return _INCONCLUSIVE


def run_of(path: Path, databases: list[str] | None, cache: Path | None, config: Path | None) -> Run:
    """A run by the settings that count for a folder.

    Args:
        path: the folder.
        databases: instead of those of the settings.
        cache: instead of the person's own.
        config: instead of the nearest ktlo.yaml.
    """
    from datetime import UTC, datetime

    from ktlo.guard.gate import Run, cache_folder
    from ktlo.settings import find_settings_file, load_settings

    file = find_settings_file(config, start=path)
    if config is None and file is not None and file.is_symlink():
        # Else an error in what it leads to would show that file.
        raise UserError("the settings file of a repository must not be a link", where=str(file))
    settings = load_settings(file).guard
    if databases:
        # What the command line names starts from where it is typed.
        settings = settings.model_copy(update={"databases": [_place(one) for one in databases]})
    # Whoever may change the repository must not decide that its code is run.
    is_foreign = file is not None and not file.resolve().is_relative_to(path.resolve())
    return Run(
        root=path,
        settings=settings,
        beside=file.parent if file else path,
        policy_place=file.name if file else "ktlo.yaml",
        now=datetime.now(UTC),
        cache=cache or cache_folder(),
        trusted=frozenset(settings.lint.trust) if is_foreign else frozenset(),
    )


def _answer(wish: _Wish, asked: Run) -> int:
    from dataclasses import replace

    progress = Progress(sys.stderr)
    asked = replace(asked, told=progress.told)
    try:
        if ".." in wish.as_of:
            return _rehearse(wish, asked, progress)
        report = _judged(wish, asked)
    finally:
        progress.clear()
    _write(report, wish)
    if wish.report_to:
        _send(report, wish, asked)
    return int(report.code)


def _address(given: str, as_of: str) -> str:
    if given and as_of:
        raise UserError("a rehearsal of the past says nothing of today", fix="Leave out --report-to")
    if not given:
        return ""
    from ktlo.cli.check_reporting import check_address

    return check_address(given)


def _send(report: Report, wish: _Wish, asked: Run) -> None:
    """Tell the server; what goes wrong is said and changes no verdict."""
    from ktlo.cli.check_reporting import report_to

    try:
        print(f"ktlo: {report_to(report, wish.report_to, wish.path, asked.now)}", file=sys.stderr)
    except KtloError as error:
        print(f"ktlo: not reported: {error}", file=sys.stderr)


def _judged(wish: _Wish, asked: Run) -> Report:
    if not wish.as_of:
        from ktlo.guard.gate import run

        return run(asked)
    from ktlo.guard.rehearsal import days_of, rehearse

    [day] = days_of(wish.as_of, wish.every, asked.now.date())
    return rehearse(asked, day)


def _rehearse(wish: _Wish, asked: Run, progress: Progress) -> int:
    from ktlo.guard.formats.rehearsal import render_json, render_text
    from ktlo.guard.rehearsal import days_of, rehearse_all

    if wish.form not in ("text", "json") or wish.reports:
        raise UserError("a rehearsal of many days is told as text or json", fix="Leave out --report")
    days = days_of(wish.as_of, wish.every, asked.now.date())
    rehearsal = rehearse_all(asked, days)
    progress.clear()
    text = render_json(rehearsal) if wish.form == "json" else render_text(rehearsal)
    if wish.output is None:
        sys.stdout.write(text)
    else:
        _put(wish.output, text)
    return int(rehearsal.code)


def _write(report: Report, wish: _Wish) -> None:
    from ktlo.guard.formats import renderer

    for name, file in wish.reports:
        _put(file, renderer(name)(report))
    text = renderer(wish.form)(report)
    if wish.output is None:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        _put(wish.output, text)
        print(report.headline, file=sys.stderr)


def _put(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"the report cannot be written: {error.strerror}", where=str(file)) from error


def _report(given: str) -> tuple[str, Path]:
    name, sign, file = given.partition("=")
    if not sign or not file:
        raise UserError(f"{given!r} names no file", fix="Write --report sarif=ktlo.sarif")
    return name, Path(file)


def _place(given: str) -> str:
    return given if given.startswith(("https://", "http://")) else str(Path(given).expanduser().absolute())


def _say(error: KtloError) -> None:
    print(f"ktlo: {error.where + ': ' if error.where else ''}{error.what}", file=sys.stderr)
    if error.fix:
        print(f"      {error.fix}", file=sys.stderr)
