"""The dialogue of ``ktlo sources add``: asks what cannot be found out. Only on a terminal.

A secret that is typed is not echoed. It goes into a file of the data folder that only its owner reads, and the source
is given the reference to it.
"""

from __future__ import annotations

import getpass
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ktlo.cli.source_finding import SECRETS, find
from ktlo.errors import UserError

if TYPE_CHECKING:
    from pydantic import BaseModel

_FOUND_ONLY = ("url", "api", "webhook_secret")
"""Options that are looked for, and never asked for by themselves."""
ONLY_LISTEN = ("argocd", "cdevents", "flux", "webhook")
"""Kinds that cannot be asked for anything: without what is set in the sender nothing comes."""
_MAY_ONLY_LISTEN = ("alertmanager", "grafana")
"""Kinds that can be asked where an address is said."""


def listens_only(kind: str, given: dict[str, Any]) -> bool:
    """Whether a source with these options cannot be asked: all that it knows is sent to it."""
    return kind in ONLY_LISTEN or (kind in _MAY_ONLY_LISTEN and not given.get("url"))


@dataclass
class Dialogue:
    """What was said and made in one dialogue.

    Attributes:
        kind: of the source.
        given: its options so far.
        folder: where files with secrets go.
        written: files that were made.
        to_paste: the webhook's secret, when it was made here.
    """

    kind: str
    given: dict[str, Any]
    folder: Path
    written: list[Path] = field(default_factory=list)
    to_paste: str = ""

    def run(self, model: type[BaseModel], main: str | None) -> None:
        """Find out what can be, ask for the rest until the options make sense.

        Args:
            model: of the source's options.
            main: the option that tells which one it is, where the model does not demand it.
        """
        from ktlo.sources.options import asked_first
        from ktlo.sources.registry import make_source

        self._find(model, main)
        for name in [name for name in asked_first(self.kind, model) if name not in self.given]:
            self._ask(name, model, is_needed=model.model_fields[name].is_required())
        is_open = "webhook_secret" in model.model_fields and "webhook_secret" not in self.given
        if is_open and not self._hears_nothing():
            self._offer_webhooks()
        while True:
            try:
                make_source(self.kind, self.given)
            except UserError as error:
                name = error.what.partition(":")[0]
                if name not in model.model_fields:
                    if "name" not in model.model_fields or self.given.get("name"):
                        raise
                    name = "name"  # what is left open has no address: it needs a name
                typer.echo(error.what)
                self._ask(name, model, is_needed=True)
            else:
                return

    def take_back(self) -> None:
        """Remove the files with secrets: the source is not added."""
        for file in self.written:
            file.unlink(missing_ok=True)

    def _find(self, model: type[BaseModel], main: str | None) -> None:
        from ktlo.sources.options import MAY_MATTER

        sought = [
            name
            for name, about in model.model_fields.items()
            if name not in self.given and (about.is_required() or name in (main, *MAY_MATTER, *_FOUND_ONLY))
        ]
        for name, found in find(self.kind, sought, Path.cwd()).items():
            self.given[name] = found.value
            typer.echo(f"{name}: {found.value}, from {found.where}")

    def _ask(self, name: str, model: type[BaseModel], *, is_needed: bool) -> None:
        hint = model.model_fields[name].description or ""
        label = f"{name} ({hint.rstrip('.')})" + ("" if is_needed else " [Enter for none]")
        said = ""
        while not said:
            if name in SECRETS:
                said = getpass.getpass(f"{label}: ").strip()  # asks when nothing is echoed any more
            else:
                said = typer.prompt(label, default="", show_default=False, err=True).strip()
            if said or not is_needed:
                break
            typer.echo(f"{name} is needed. Ctrl-C stops, and nothing is added.", err=True)
        if said:
            self.given[name] = self._kept(name, said) if name in SECRETS else said

    def _hears_nothing(self) -> bool:
        from ktlo.sources.hooked import hears_nothing
        from ktlo.sources.registry import make_source

        try:
            return hears_nothing(make_source(self.kind, self.given))
        except UserError:
            return False

    def _offer_webhooks(self) -> None:
        is_all = listens_only(self.kind, self.given)
        asked = (
            "Make the secret by which its webhooks prove themselves?" if is_all else "Take its webhooks, too?"
        )
        if typer.confirm(asked, default=is_all, err=True):
            self.to_paste = secrets.token_urlsafe(32)
            self.given["webhook_secret"] = self._kept("webhook_secret", self.to_paste)

    def _kept(self, name: str, said: str) -> str:
        """A reference to a secret: as it was said, or to a new file that holds it."""
        from ktlo.settings.secret_reference import is_secret_reference

        if is_secret_reference(said):
            return said
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self.folder / f"{self.kind}-{name}-{secrets.token_hex(4)}"
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(said)
        self.written.append(file)
        typer.echo(f"  kept in {file}", err=True)
        return f"file:{file}"
