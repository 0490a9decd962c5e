"""``ktlo export``: any noun, or the answer of a SELECT, as Parquet files."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from ktlo.cli.main import Config, Data

SETTLED = dt.timedelta(hours=1)
"""A day that was written so long after its end is not written again: late rows had their time."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Examples:  ktlo export spans -o lake --from 7d  ·  ktlo export commits -o lake --one-file"
        "  ·  ktlo export 'SELECT service, count() AS n FROM spans GROUP BY service' -o counts.parquet",
    )(export)


def export(
    what: Annotated[str, typer.Argument(help="A noun (spans, log_records, commits…), or one SELECT.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder for a noun's files by day; file for a SELECT.")
    ],
    from_: Annotated[str, typer.Option("--from", help="Start: 2026-05-01, an instant, or an age (7d).")] = "",
    to: Annotated[str, typer.Option(help="End, not included; now when not given.")] = "",
    time: Annotated[str, typer.Option(help="Column to cut by; found when not given.")] = "",
    one_file: Annotated[
        bool, typer.Option("--one-file", help="One file NOUN.parquet instead of days.")
    ] = False,
    again: Annotated[bool, typer.Option(help="Write days that are there already once more.")] = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Write rows as Parquet (zstd), in folders NOUN/day=2026-11-26/.

    Days that are there and were over when they were written are skipped, so that the same command goes on where it was
    stopped. A day appears whole or not at all.
    """
    from ktlo.cli.client import connect
    from ktlo.errors import UserError

    asked = {"noun": what, "time": time, "since": from_, "until": to}
    with connect(data, config) as client:
        try:
            if " " in what.strip() or "(" in what:
                if from_ or to or time:
                    raise UserError(
                        "a SELECT says itself which rows it wants", fix="Leave --from, --to, --time out"
                    )
                _write(output, client.raw("/export/parquet", {"sql": what}))
                _tell(output)
            elif one_file:
                file = output if output.suffix else output / f"{what}.parquet"
                _write(file, client.raw("/export/parquet", params=asked))
                _tell(file)
            else:
                _by_day(client, asked, output / what, again=again)
        except OSError as error:
            raise UserError(
                f"it cannot be written: {error.strerror}", where=str(error.filename or output)
            ) from error


def _by_day(client: Any, asked: dict[str, str], folder: Path, *, again: bool) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from ktlo.cli.output import notes

    plan = client.get("/export/plan", asked)
    days: dict[str, list[dict[str, Any]]] = {}
    for piece in plan["pieces"]:
        days.setdefault(piece["day"] or "", []).append(piece)
    written = skipped = 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=notes) as progress:
        task = progress.add_task(plan["noun"], total=sum(piece["rows"] for piece in plan["pieces"]))
        for day, pieces in days.items():
            place = folder / f"day={day}" if day else folder / "all"
            rows = sum(piece["rows"] for piece in pieces)
            if not again and day and is_settled(place, day):
                skipped += 1
            else:
                _write_day(client, plan, pieces, place)
                written += 1
            progress.advance(task, rows)
    notes.print(f"{folder}: {written} written, {skipped} there already", markup=False)


def is_settled(place: Path, day: str) -> bool:
    """Whether a day's folder was written when the day was over for good."""
    try:
        written = dt.datetime.fromtimestamp(place.stat().st_mtime, dt.UTC)
    except OSError:
        return False
    end = dt.datetime.combine(dt.date.fromisoformat(day), dt.time(), dt.UTC) + dt.timedelta(days=1)
    return written >= end + SETTLED


def _write_day(client: Any, plan: dict[str, Any], pieces: list[dict[str, Any]], place: Path) -> None:
    new = place.with_name(f".{place.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    for number, piece in enumerate(pieces):
        params = {"noun": plan["noun"], "time": plan["time"], "since": piece["start"], "until": piece["end"]}
        _write(new / f"part-{number:04d}.parquet", client.raw("/export/parquet", params=params))
    # Aside first: removing file by file under the final name could leave half a day there.
    old = place.with_name(f".{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    new.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def _write(file: Path, body: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f".{file.name}.new")
    new.write_bytes(body)
    new.replace(file)


def _tell(file: Path) -> None:
    from ktlo.cli.output import notes

    notes.print(f"{file}: {file.stat().st_size:,} bytes", markup=False)
