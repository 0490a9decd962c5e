"""The address by which senders of webhooks reach ktlo, asked in the dialogue of ``ktlo sources add``.

Only where it is not known: the one at hand is of this machine only. The answer goes into ktlo.yaml where that touches
nothing that stands there; else the lines to write are said.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from ktlo.errors import UserError


def ask_address(found: dict[str, Any], file: str) -> dict[str, Any]:
    """Ask for the address and put it into what is pasted into the sender.

    Args:
        found: answer of ``GET /sources/hook``.
        file: the settings file in force; empty where there is none.

    Returns:
        The same with the address that was said; as it was where none was.
    """
    if not found["only_here"]:
        return found
    here = found["url"].partition("/hooks/")[0]
    typer.echo(
        f"\n{here} is of this machine only: a cluster or a service elsewhere cannot reach it.", err=True
    )
    while True:
        said = typer.prompt(
            "Address by which the sender reaches ktlo, such as https://ktlo.example.org [Enter keeps this one]",
            default="",
            show_default=False,
            err=True,
        )
        address = said.strip().rstrip("/")
        if not address:
            return found
        try:
            typer.echo(_noted(address, file), err=True)
        except UserError as error:
            typer.echo(str(error), err=True)
        else:
            return found | {
                "url": found["url"].replace(here, address, 1),
                "paste": found["paste"].replace(here, address),
                "only_here": "",
            }


def _noted(address: str, file: str) -> str:
    """Write ``server.public_url``, and say so.

    Raises:
        UserError: it is no address.
    """
    from pydantic import ValidationError

    from ktlo.settings import ServerSettings, load_settings

    try:
        ServerSettings(public_url=address)
    except ValidationError:
        raise UserError(
            f"{address[:80]!r} is no address", fix="Write it as https://ktlo.example.org"
        ) from None
    lines = f"server:\n  public_url: {address}\n"
    path = Path(file)
    before = path.read_text(encoding="utf-8") if file and path.is_file() else None
    if before is None or any(line.startswith(("server:", "{", "---", "...")) for line in before.splitlines()):
        where = file or "ktlo.yaml, and start ktlo with it"
        return f"Write `public_url: {address}` under `server:` in {where}."
    try:
        path.write_text(f"{before.rstrip()}\n\n{lines}".lstrip(), encoding="utf-8")
    except OSError as error:
        return f"{file} cannot be written ({error.strerror}): write `public_url: {address}` under `server:` in it."
    try:
        load_settings(path)
    except UserError:
        path.write_text(before, encoding="utf-8")
        return f"Write `public_url: {address}` under `server:` in {file}."
    return f"Written into {file}: server.public_url; it holds from the next collection on."
