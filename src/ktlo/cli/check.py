"""``ktlo check``: the gate. Its exit codes are its own, because "could not tell" is neither success nor finding.

0 proven clean, 1 findings, 2 inconclusive, 3 database too old, 4 wrong use (also where Typer would say 2).
"""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from ktlo.cli.main import Config
from ktlo.errors import KtloError, UserError

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
        epilog="Examples:  ktlo check  ·  ktlo check --format sarif --output ktlo.sarif"
        "  ·  ktlo check --database advisories/pypi.zip",
    )(check)
    app.add_typer(group, name="check")


def check(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="Folder of the repository.")] = Path(),
    form: Annotated[
        str, typer.Option("--format", help="text, json, sarif, junit or github.", metavar="FORMAT")
    ] = "text",
    output: Annotated[
        Path | None,
        typer.Option(help="File to write; default: standard output.", show_default=False),
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
    config: Config = None,
) -> None:
    """Check that no dependency has a known vulnerability; pass only what is proven clean.

    Exit codes: 0 proven clean, 1 findings, 2 inconclusive, 3 database too old, 4 wrong use. See docs/check.md.
    """
    if context.invoked_subcommand is not None:
        return
    try:
        code = _check(path, form, output, database, cache, config)
    except UserError as error:
        _say(error)
        code = _WRONG_USE
    except KtloError as error:
        _say(error)
        code = _INCONCLUSIVE
    except Exception:  # noqa: BLE001 - a bug of ours must not end in 1, which says that something was found
        traceback.print_exc()
        print("ktlo: the check itself broke, so nothing is proven", file=sys.stderr)
        code = _INCONCLUSIVE
    raise typer.Exit(code)


def _check(
    path: Path,
    form: str,
    output: Path | None,
    databases: list[str] | None,
    cache: Path | None,
    config: Path | None,
) -> int:
    from datetime import UTC, datetime

    from ktlo.guard.formats import FORMATS, renderer
    from ktlo.guard.gate import Run, cache_folder, run
    from ktlo.settings import GuardSettings, find_settings_file, load_settings

    if form not in FORMATS:
        raise UserError(f"there is no format {form!r}", fix=f"Choose one of {', '.join(FORMATS)}")
    file = find_settings_file(config, start=path)
    settings: GuardSettings = load_settings(file).guard
    beside = file.parent if file else path
    if databases:
        # What the command line names starts from where it is typed.
        settings = settings.model_copy(update={"databases": [_place(one) for one in databases]})
    report = run(
        Run(
            root=path,
            settings=settings,
            beside=beside,
            policy_place=file.name if file else "ktlo.yaml",
            now=datetime.now(UTC),
            cache=cache or cache_folder(),
        )
    )
    text = renderer(form)(report)
    if output is None:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UserError(f"the report cannot be written: {error.strerror}", where=str(output)) from error
        print(report.headline, file=sys.stderr)
    return int(report.code)


def _place(given: str) -> str:
    return given if given.startswith(("https://", "http://")) else str(Path(given).expanduser().absolute())


def _say(error: KtloError) -> None:
    print(f"ktlo: {error.where + ': ' if error.where else ''}{error.what}", file=sys.stderr)
    if error.fix:
        print(f"      {error.fix}", file=sys.stderr)
