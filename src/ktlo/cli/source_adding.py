"""``ktlo sources add``: what is said, found out or asked becomes a source, which is checked first."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from ktlo.cli.main import AsJson, Config, Data
from ktlo.cli.source_address import ask_address
from ktlo.cli.source_asking import listens_only
from ktlo.cli.source_webhooks import print_hook

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ktlo.sources.options import Option

_PROPOSED = {"csv": ("noun", "mapping")}
"""Options that a kind cannot do without and that are found out when it is added."""

_NAMED = "ktlo.sources.kind"
"""Where a context keeps the kind of which help is wanted."""

_KINDS = sorted(entry.name for entry in entry_points(group="ktlo.sources"))
"""The installed kinds; their names only, none is loaded for a help text."""


class _Adding(TyperCommand):
    """The command; its help lists the options of the kind that is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Notes what is named before ``--help`` ends it."""
        ctx.meta[_NAMED] = next((word for word in args if word in _KINDS), "")
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Writes the command's options, then those of the kind."""
        super().format_options(ctx, formatter)
        if kind := ctx.meta.get(_NAMED):
            from ktlo.cli.client import require_server_extra

            require_server_extra()
            from ktlo.sources.options import options_of
            from ktlo.sources.registry import kind_of

            with formatter.section(
                f"Options of {kind}, each as NAME=VALUE (a list as A,B; deeper ones as JSON)"
            ):
                formatter.write_dl([_in_help(kind, option) for option in options_of(kind_of(kind).config)])


def _in_help(kind: str, option: Option) -> tuple[str, str]:
    from ktlo.sources.options import MAIN

    notes = []
    if option.name == MAIN.get(kind):
        notes.append("may stand alone, as TARGET")
    if option.name in _PROPOSED.get(kind, ()):
        notes.append("proposed from the file")
    elif option.is_required:
        notes.append("needed")
    default = option.default
    said = ",".join(map(str, default)) if isinstance(default, list) else default
    if said not in (None, "", {}):
        notes.append(f"default: {str(said).lower() if isinstance(said, bool) else said}")
    return option.name, option.meaning + (f" [{'; '.join(notes)}]" if notes else "")


def register(commands: typer.Typer) -> None:
    """Add the command."""
    commands.command(
        cls=_Adding,
        epilog="Examples:  ktlo sources add git .  ·  ktlo sources add github acme/shop token=env:GITHUB_TOKEN"
        "  ·  ktlo sources add csv export.csv  ·  ktlo sources add csv export.csv --yes noun=incidents",
    )(add)


def add(
    kind: Annotated[str, typer.Argument(help=f"One of: {', '.join(_KINDS)}.")],
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
    from ktlo.sources.options import MAIN
    from ktlo.sources.registry import kind_of

    cls, ask = kind_of(kind), sys.stdin.isatty() and not yes and not as_json
    given = read_options(kind, target, options or [], cls.config)
    dialogue = None
    if kind == "csv":
        from ktlo.cli.csv_mapping import confirm_mapping

        given = confirm_mapping(given, ask=ask, quiet=as_json)
    elif ask and kind != "webhook":
        from ktlo.cli.source_asking import Dialogue

        dialogue = Dialogue(kind, given, data_folder(data) / "secrets")
        dialogue.run(cls.config, MAIN.get(kind))
    else:
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
            console.print(f"  missing: {missing['what']}: {missing['cost']}. {missing['fix']}", markup=False)
        if listens_only(kind, given) or (dialogue is not None and given.get("webhook_secret")):
            hook = client.get("/sources/hook", params={"source": health["source_id"]})
            print_hook(ask_address(hook, client.get("/settings")["file"]) if ask else hook)
            if dialogue is not None and dialogue.to_paste:
                console.print(f"secret   {dialogue.to_paste}", markup=False, highlight=False, soft_wrap=True)
    if listens_only(kind, given):
        then = "It takes what is sent to it " + (
            "from now on." if health["is_being_read"] else "while `ktlo up` runs."
        )
    else:
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
    from ktlo.sources.options import MAIN

    main = MAIN.get(kind)
    missing = [
        name for name, about in model.model_fields.items() if about.is_required() and name not in given
    ]
    if not given and main and not missing:
        missing = [main]  # has a default, or needs one of two
    if missing:
        spelled = " ".join(name.upper() if name == main else f"{name}=VALUE" for name in missing)
        raise UsageError(
            f"say what to read: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing",
            fix=f"ktlo sources add {kind} {spelled}; "
            + ("easier on the page: Sources, Add a source" if kind == "webhook" else "on a terminal it asks"),
        )


def read_options(kind: str, target: str, options: list[str], model: type[BaseModel]) -> dict[str, Any]:
    """Turn the arguments of ``sources add`` into the source's options.

    Args:
        kind: of the source.
        target: what stands first: the main option, or NAME=VALUE like the others.
        options: NAME=VALUE each.
        model: of the kind's options.

    Raises:
        UsageError: an argument is not NAME=VALUE.
    """
    from ktlo.errors import UsageError
    from ktlo.sources.options import MAIN, options_of, read_value

    known = {option.name: option for option in options_of(model)}
    given: dict[str, Any] = {}
    if "=" in target and (kind not in MAIN or target.partition("=")[0] in known):
        options, target = [target, *options], ""
    if target:
        name = MAIN.get(kind)
        if name is None:
            raise UsageError(
                f"say which option {target!r} is",
                fix=f"Write NAME=VALUE; `ktlo sources add {kind} --help` lists the options: {', '.join(known)}",
            )
        local = kind == "csv" or (
            kind == "git" and "://" not in target and Path(target).expanduser().exists()
        )
        given[name] = str(Path(target).expanduser().absolute()) if local else target
    for option in options:
        name, equals, value = option.partition("=")
        if not equals:
            raise UsageError(f"{option!r} is not NAME=VALUE", fix="For example token=env:GITHUB_TOKEN")
        given[name] = read_value(name, value, known.get(name))
    return given
