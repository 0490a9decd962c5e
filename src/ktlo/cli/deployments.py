"""``ktlo deployments``: what was deployed, what was in it, which incidents it caused, and what you say of that."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ktlo.cli.main import AsJson, Config, Data


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Examples:  ktlo deployments  ·  ktlo deployments --service web --json"
        "  ·  ktlo deployments 'github:acme/web|17'"
        "  ·  ktlo deployments 'github:acme/web|17' --incident 'pagerduty:acme|P1' --reject",
    )(deployments)


def deployments(
    deployment: Annotated[str, typer.Argument(help="One in full; empty lists them.")] = "",
    service: Annotated[str, typer.Option(help="Only of this service.", show_default=False)] = "",
    elsewhere: Annotated[
        bool, typer.Option("--elsewhere", help="With those into other environments than production.")
    ] = False,
    incident: Annotated[
        str, typer.Option(help="SOURCE|ID of an incident that you speak of.", show_default=False)
    ] = "",
    confirm: Annotated[bool, typer.Option("--confirm", help="Say that it caused the incident.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="Say that it did not.")] = False,
    take_back: Annotated[bool, typer.Option("--take-back", help="Take back what was said.")] = False,
    author: Annotated[str, typer.Option(help="Who says it; your login when empty.", show_default=False)] = "",
    limit: Annotated[int, typer.Option(help="Most deployments to print.", min=1, max=5000)] = 30,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List deployments with the commits and incidents of each; show one; say whether it caused an incident."""
    import getpass

    from ktlo.cli.client import connect
    from ktlo.cli.output import print_json
    from ktlo.errors import UsageError

    said = [
        name for name, is_given in (("confirmed", confirm), ("rejected", reject), ("", take_back)) if is_given
    ]
    if len(said) > 1 or bool(said) != bool(incident) or (said and not deployment):
        raise UsageError(
            "a verdict needs a deployment, an incident, and one of --confirm, --reject and --take-back",
            fix="ktlo deployments 'github:acme/web|17' --incident 'pagerduty:acme|P1' --reject",
        )
    with connect(data, config) as client:
        if said:
            source, _, name = incident.partition("|")
            client.post(
                "/incident-links",
                {"source": source, "incident": name, "deployment": deployment, "verdict": said[0],
                 "author": author or getpass.getuser()},
            )  # fmt: skip
        if deployment:
            found = client.get("/deployment", {"id": deployment})
        else:
            found = client.get(
                "/deployments", {"service": service, "elsewhere": str(elsewhere).lower(), "limit": limit}
            )
    if as_json:
        print_json(found)
    elif deployment:
        _print_one(found)
    else:
        _print_list(found)


def _state(one: dict[str, Any]) -> str:
    words = [one["status"]] if one["status"] not in ("success", "unknown") else []
    words += ["rollback"] if one["is_rollback"] else []
    words += ["taken back"] if one["rolled_back_at"] else []
    words += ["failed"] if one["is_failed"] else []
    return ", ".join(words) or "ok"


def _what(one: dict[str, Any]) -> str:
    return str(one["version"] or one["sha"][:12])


def _print_list(found: dict[str, Any]) -> None:
    from ktlo.cli.output import console, print_table

    if not found["deployments"]:
        console.print(
            "No deployment is known: `ktlo sources add`, or send service.version or the image.", markup=False
        )
        return
    print_table(
        ("when", "service", "what", "state", "commits", "incidents", "told by", "id"),
        [
            (
                one["at"][:16].replace("T", " "), one["service"] or one["repository"], _what(one), _state(one),
                "?" if one["changes"] is None else str(one["changes"]),
                ", ".join(link["incident_id"] for link in one["links"] if link["is_counted"]),
                one["basis"], one["deployment_id"],
            )
            for one in found["deployments"]
        ],
    )  # fmt: skip
    if found["total"] > len(found["deployments"]):
        console.print(f"{found['total']} in all: --limit", markup=False)


def _print_one(one: dict[str, Any]) -> None:
    from ktlo.cli.output import console, print_table

    where = one["environment"] or "production, as no environment is told"
    console.print(
        f"{one['service']} {_what(one)} into {where}, {one['at'][:16]}: {_state(one)}", markup=False
    )
    console.print(f"told by {', '.join(one['told_by'])}", markup=False)
    if one["image"]:
        console.print(f"image {one['image']}", markup=False)
    if one["message"]:
        console.print(f"{one['told_by'][0].partition('|')[0]} says: {one['message']}", markup=False)
    if one["contents_note"]:
        console.print(one["contents_note"], markup=False)
    if one["contents"]:
        print_table(
            ("commit", "what", "request", "first commit", "again"),
            [
                (each["sha"][:12], each["subject"][:80], each["change_id"], each["first_at"][:16].replace("T", " "),
                 "again" if each["is_again"] else "")
                for each in one["contents"]
            ],
        )  # fmt: skip
    if one["links"]:
        print_table(
            ("incident", "confidence", "counted", "said", "because"),
            [
                (f"{link['incident_source']}|{link['incident_id']}", f"{link['confidence']:.0%}",
                 "yes" if link["is_counted"] else "no", link["verdict"], "; ".join(link["reasons"]))
                for link in one["links"]
            ],
        )  # fmt: skip
