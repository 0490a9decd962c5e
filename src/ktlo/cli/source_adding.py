"""``ktlo sources add``: what is said, found out or asked becomes a source, which is checked first."""

from __future__ import annotations

import sys
from collections.abc import Collection
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any

import typer

from ktlo.cli.main import AsJson, Config, Data
from ktlo.cli.source_address import ask_address
from ktlo.cli.source_asking import ONLY_LISTEN
from ktlo.cli.source_webhooks import print_hook

_MAIN = {
    "git": "path",
    "github": "repository",
    "csv": "file",
    "gitlab": "project",
    "jira": "url",
    "redmine": "url",
    "sentry": "organization",
    "servicenow": "url",
    "statuspage": "url",
    "alertmanager": "url",
    "grafana": "url",
}
"""The option that a bare argument of `sources add` stands for."""


_KINDS = ", ".join(sorted(entry.name for entry in entry_points(group="ktlo.sources")))
"""The installed kinds; their names only, none is loaded for a help text."""


def register(commands: typer.Typer) -> None:
    """Add the command."""
    commands.command(
        epilog="Examples:  ktlo sources add git .  ·  ktlo sources add github acme/shop token=env:GITHUB_TOKEN"
        "  ·  ktlo sources add csv export.csv  ·  ktlo sources add csv export.csv --yes noun=incidents"
    )(add)


def add(
    kind: Annotated[str, typer.Argument(help=f"One of: {_KINDS}.")],
    target: Annotated[str, typer.Argument(help="Path, URL, owner/name or file.")] = "",
    options: Annotated[list[str] | None, typer.Argument(help="Further options as NAME=VALUE.")] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Add it even if it cannot be reached now.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Take what is proposed without asking.")] = False,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Add a source. It is checked first; the running server reads it at once, else `ktlo sync` does."""
    from ktlo.cli.client import connect, require_server_extra
    from ktlo.cli.output import console, print_json
    from ktlo.errors import UserError
    from ktlo.settings import data_folder

    require_server_extra()
    from ktlo.sources.registry import kinds

    cls, ask = kinds().get(kind), sys.stdin.isatty() and not yes and not as_json
    given = read_options(kind, target, options or [], cls.config.model_fields if cls else ())
    dialogue = None
    if kind == "csv":
        from ktlo.cli.csv_mapping import confirm_mapping

        given = confirm_mapping(given, ask=ask, quiet=as_json)
    elif cls is not None and ask and kind != "webhook":
        from ktlo.cli.source_asking import Dialogue

        dialogue = Dialogue(kind, given, data_folder(data) / "secrets")
        dialogue.run(cls.config, _MAIN.get(kind))
    elif cls is not None:
        demand(kind, given, cls.config)
    unreachable = "add" if anyway else "refuse"
    body = {"kind": kind, "options": given, "unreachable": unreachable}
    with connect(data, config) as client:
        try:
            health = client.post("/sources", body)
        except UserError as error:
            if dialogue is None or anyway:
                raise
            console.print(str(error), markup=False)
            if not typer.confirm("Add it all the same?", default=False, err=True):
                dialogue.take_back()
                raise typer.Exit(2) from error
            health = client.post("/sources", body | {"unreachable": "add"})
        if as_json:
            print_json(health)
            return
        console.print(f"{health['status']}: {health['summary']}", markup=False)
        for missing in health["missing"]:
            console.print(f"  missing: {missing['what']}. {missing['cost']} {missing['fix']}", markup=False)
        if kind in ONLY_LISTEN or (dialogue is not None and given.get("webhook_secret")):
            hook = client.get("/sources/hook", params={"source": health["source_id"]})
            print_hook(ask_address(hook, client.get("/settings")["file"]) if ask else hook)
            if dialogue is not None and dialogue.to_paste:
                console.print(f"secret   {dialogue.to_paste}", markup=False, highlight=False, soft_wrap=True)
    then = "It is being read now." if health["is_being_read"] else "`ktlo sync` reads it now."
    console.print(f"{_outcome(health)} {then}", markup=False, highlight=False)


def _outcome(added: dict[str, Any]) -> str:
    """What became of the source, as one sentence."""
    if not added["was_there"]:
        return f"Added {added['source_id']}."
    if not added["changed"]:
        return f"{added['source_id']} is there already, with the same options: nothing is changed."
    return f"{added['source_id']} is there already; changed: {', '.join(added['changed'])}."


def demand(kind: str, given: dict[str, Any], model: Any) -> None:
    """Demand that nothing is missing where nobody can be asked.

    Raises:
        UsageError: names what is missing.
    """
    from ktlo.errors import UsageError

    main = _MAIN.get(kind)
    missing = [
        name for name, about in model.model_fields.items() if about.is_required() and name not in given
    ]
    if not given and main and not missing:
        missing = [main]  # has a default, or needs one of two
    if missing:
        spelled = " ".join(name.upper() if name == main else f"{name}=VALUE" for name in missing)
        raise UsageError(
            f"say what to read: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing",
            fix=f"ktlo sources add {kind} {spelled}; on a terminal it asks",
        )


def read_options(kind: str, target: str, options: list[str], names: Collection[str] = ()) -> dict[str, Any]:
    """Turn the arguments of ``sources add`` into the source's options.

    Args:
        kind: of the source.
        target: what stands first: the main option, or NAME=VALUE like the others.
        options: NAME=VALUE each.
        names: of the kind's options.

    Raises:
        UsageError: an argument is not NAME=VALUE.
    """
    import json

    from ktlo.errors import UsageError

    given: dict[str, Any] = {}
    if "=" in target and (kind not in _MAIN or target.partition("=")[0] in names):
        options, target = [target, *options], ""
    if target:
        name = _MAIN.get(kind)
        if name is None:
            raise UsageError(f"say which option {target!r} is", fix="Write NAME=VALUE")
        local = kind == "csv" or (
            kind == "git" and "://" not in target and Path(target).expanduser().exists()
        )
        given[name] = str(Path(target).expanduser().absolute()) if local else target
    for option in options:
        name, equals, value = option.partition("=")
        if not equals:
            raise UsageError(f"{option!r} is not NAME=VALUE", fix="For example token=env:GITHUB_TOKEN")
        structured = value[:1] in "[{" or value in ("true", "false")
        given[name] = json.loads(value) if structured else value
    return given
