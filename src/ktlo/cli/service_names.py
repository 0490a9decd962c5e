"""``ktlo service-names``: what belongs to which service, and which services of telemetry belong to none yet."""

from __future__ import annotations

from typing import Annotated

import typer

from ktlo.cli.main import AsJson, Config, Data


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "service-names",
        epilog="Examples:  ktlo service-names  ·  ktlo service-names checkout-prod --is checkout"
        "  ·  ktlo service-names x --is ''",
    )(service_names)


def service_names(
    name: Annotated[str, typer.Argument(help="service.name in telemetry.")] = "",
    service: Annotated[
        str | None, typer.Option("--is", help="Say which service of the catalogue it is; '' takes it back.")
    ] = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show what belongs to which service and how sure that is, or say what a name in telemetry means."""
    from ktlo.cli.client import connect
    from ktlo.cli.output import console, print_json, print_table
    from ktlo.errors import UsageError

    if service is not None and not name:
        raise UsageError("which name do you mean?", fix="ktlo service-names checkout-prod --is checkout")
    with connect(data, config) as client:
        if service is None:
            found = client.get("/service-names")
        else:
            found = client.post("/service-names", {"name": name, "service": service})
    if as_json:
        print_json(found)
        return
    members = [one for one in found["members"] if not name or name in (one["service"], one["member"])]
    if members:
        print_table(
            ("service", "what", "name there", "team", "known from", "how sure"),
            [
                (one["service"], one["kind"], one["member"], one["team"], one["found_in"], one["certainty"])
                for one in members
            ],
        )
    unjoined = [one for one in found["unjoined"] if not name or name == one["name"]]
    if unjoined:
        console.print("Services of telemetry that belong to none:", markup=False)
        print_table(
            ("name", "spans", "may be", "because"),
            [
                (
                    one["name"],
                    one["calls"],
                    one["proposals"][0]["service"] if one["proposals"] else "",
                    one["proposals"][0]["why"] if one["proposals"] else "nothing has a name like it",
                )
                for one in unjoined
            ],
        )
    if not members and not unjoined:
        console.print("No service is known yet: `ktlo sources add`, or send telemetry.", markup=False)
