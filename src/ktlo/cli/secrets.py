"""``ktlo secrets``: look for secrets in a repository, and keep the list of known ones.

Exit codes are those of ``ktlo check``: 0 proven clean, 1 findings, 2 inconclusive, 4 wrong use. Nothing here ever
sees a secret: the scanner gives fingerprints and places. What is done about one is in ``secrets_vault``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ktlo.cli import secrets_vault
from ktlo.cli.main import AsJson
from ktlo.errors import KtloError, UserError
from ktlo.wording import counted

if TYPE_CHECKING:
    from ktlo.guard.secrets import SecretsOutcome

_FINDINGS, _INCONCLUSIVE, _WRONG_USE = 1, 2, 4

Place = Annotated[Path, typer.Argument(help="Repository, folder or file.")]
Rules = Annotated[
    Path | None,
    typer.Option(help="Rules in the gitleaks format; default: ktlo's own.", show_default=False),
]
BaselineFile = Annotated[
    Path | None,
    typer.Option(
        "--baseline", help="Known secrets; default: .ktlo/secrets-baseline.json in PATH.", show_default=False
    ),
]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(
        help="Look for secrets, keep the list of known ones, and move, rotate and revoke what was found.",
        no_args_is_help=True,
    )
    group.command(
        epilog="Examples:  ktlo secrets scan  ·  ktlo secrets scan --in history"
        "  ·  ktlo secrets scan --rules .gitleaks.toml"
    )(scan)
    group.command(epilog="Example:  ktlo secrets baseline")(baseline)
    secrets_vault.add_to(group)
    app.add_typer(group, name="secrets")


def scan(
    path: Place = Path(),
    where: Annotated[str, typer.Option("--in", help="tree, staged or history.", metavar="SCOPE")] = "tree",
    rules: Rules = None,
    known: BaselineFile = None,
    as_json: AsJson = False,
) -> None:
    """Look for secrets that are not in the baseline; pass only what could all be read.

    Exit codes: 0 proven clean, 1 findings, 2 inconclusive, 4 wrong use. See docs/check-secrets.md.
    """
    try:
        outcome = _scan(path, where, rules, known)
    except KtloError as error:
        print(f"ktlo: {error}", file=sys.stderr)
        raise typer.Exit(_WRONG_USE if isinstance(error, UserError) else _INCONCLUSIVE) from None
    if as_json:
        import dataclasses

        from ktlo.cli.output import print_json

        print_json(dataclasses.asdict(outcome))
    else:
        _print(outcome)
    raise typer.Exit(_FINDINGS if outcome.findings else _INCONCLUSIVE if outcome.unchecked else 0)


def baseline(path: Place = Path(), rules: Rules = None, known: BaselineFile = None) -> None:
    """Write what the working tree and the history hold now as known; commit the file."""
    from ktlo.guard.secrets import BASELINE, Scope, default_rules, fresh_baseline, load_rules, write_baseline
    from ktlo.guard.secrets import scan as look

    try:
        chosen = load_rules(rules) if rules else default_rules()
        fresh = fresh_baseline()
        outcomes = [look(path, scope, chosen, fresh) for scope in (Scope.TREE, Scope.HISTORY)]
        file = known or path / BASELINE
        count = write_baseline(file, fresh.salt, [one for outcome in outcomes for one in outcome.findings])
    except OSError as error:
        print(f"ktlo: {error.filename}: the baseline cannot be written: {error.strerror}", file=sys.stderr)
        raise typer.Exit(_WRONG_USE) from None
    except KtloError as error:
        print(f"ktlo: {error}", file=sys.stderr)
        raise typer.Exit(_WRONG_USE) from None
    print(
        f"{counted(count, 'known secrets')} written to {file}: fingerprints, no secret. Revoke them all the same."
    )
    for unchecked in (one for outcome in outcomes for one in outcome.unchecked):
        print(f"not checked: {unchecked.what}: {unchecked.reason}", file=sys.stderr)


def _scan(path: Path, where: str, rules: Path | None, known: Path | None) -> SecretsOutcome:
    from ktlo.guard.secrets import BASELINE, Scope, load_rules, read_baseline
    from ktlo.guard.secrets import scan as look

    if where not in list(Scope):
        raise UserError(f"there is no scope {where!r}", fix=f"Choose one of {', '.join(Scope)}")
    if known is not None and not known.exists():
        raise UserError("there is no such baseline", where=str(known), fix="ktlo secrets baseline writes one")
    chosen = load_rules(rules) if rules else None
    return look(path, Scope(where), chosen, read_baseline(known or path / BASELINE))


def _print(outcome: SecretsOutcome) -> None:
    tally = outcome.tally
    allowed = tally.dismissed.get("allow comment", 0)
    count = len(outcome.findings)
    verdict = f"{counted(count, 'secrets')} found" if count else "no secret found"
    print(
        f"{verdict} in {counted(tally.texts, 'texts')} ({outcome.checked / 1e6:.1f} MB); {tally.known} known,"
        f" {allowed} allowed by comment, {counted(tally.binaries, 'binary files')} and"
        f" {counted(tally.links, 'links')} not read"
    )
    for one in outcome.findings:
        at = f" (commit {one.location.commit[:12]})" if one.location.commit else ""
        line = f":{one.location.line}" if one.location.line else ""
        print(f"  {one.location.path}{line}{at}  {one.rule}  {one.level}  {one.fingerprint}")
    for unread in outcome.unchecked:
        print(f"  not checked: {unread.what}: {unread.reason}")
    if outcome.findings:
        print("Revoke each where it was issued, then issue a new one: removing the line is not enough.")
        print(
            "`ktlo secrets move FINGERPRINT --to vault:…` puts one into Vault; `ktlo secrets revoke` ends it."
        )
