"""The list of commands, and the one place where errors become a sentence and an exit code.

Exit codes: 0 done, 1 something failed outside or in the store, 2 wrong use.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ktlo import __version__
from ktlo.errors import KtloError, UserError

app = typer.Typer(
    name="ktlo",
    help="Keeping the lights on: see what it costs, how fast things are restored, and what to mend next."
    "\n\nStart with `ktlo up` in a repository.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Data = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Folder of the store; default: KTLO_DATA or your data folder.", show_default=False
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", help="Settings file; default: KTLO_CONFIG or the nearest ktlo.yaml.", show_default=False
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def _version(asked: bool) -> None:
    if asked:
        print(f"ktlo {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version


def commands() -> typer.Typer:
    """The application with every command registered; importing them stays cheap."""
    from ktlo.cli import (
        check,
        classify,
        dashboards,
        debt,
        deployments,
        doctor,
        errors,
        export,
        findings,
        functions,
        hotspots,
        logs,
        metrics,
        plan,
        promql,
        query,
        report,
        rota,
        secrets,
        service_map,
        service_names,
        service_work,
        services,
        sources,
        sync,
        telemetry,
        traces,
        trends,
        up,
    )

    if not app.registered_commands:
        for module in (
            up,
            sync,
            report,
            plan,
            debt,
            rota,
            metrics,
            deployments,
            promql,
            dashboards,
            query,
            export,
            traces,
            telemetry,
            classify,
            check,
            errors,
            functions,
            hotspots,
            logs,
            findings,
            secrets,
            services,
            trends,
            service_map,
            service_names,
            service_work,
            sources,
            doctor,
        ):
            module.register(app)
    return app


def main() -> None:
    """Run the command line; the entry point of ``ktlo``."""
    try:
        commands()()
    except KtloError as error:
        print(f"ktlo: {error.where + ': ' if error.where else ''}{error.what}", file=sys.stderr)
        if error.fix:
            print(f"      {error.fix}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UserError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
