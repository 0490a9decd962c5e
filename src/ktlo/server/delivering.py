"""Lets delivery be derived: with the clones that ktlo reads, and what people said of links."""

from __future__ import annotations

from pathlib import Path

from ktlo.delivery.derive import Derived, derive_delivery, link_again
from ktlo.delivery.verdicts import Verdict, read_said, say
from ktlo.errors import KtloError, NotFoundError
from ktlo.server.runtime import Runtime
from ktlo.sources.git.mirror import mirror_folder
from ktlo.sources.git.place import git_folder, is_url, name_of
from ktlo.sources.git.program import Git


def clones(runtime: Runtime) -> dict[str, Git]:
    """Git over the folder of every repository that is read, by the repository's name."""
    found: dict[str, Git] = {}
    for entry in runtime.sources():
        if entry.kind != "git":
            continue
        path = str(entry.options.get("path", "."))
        try:
            folder = mirror_folder(path) if is_url(path) else git_folder(Path(path).expanduser().absolute())
            name = name_of(path, str(entry.options.get("name", ""))).repository
        except KtloError:
            continue  # the source itself says what is wrong with it
        if folder.is_dir():
            found.setdefault(name, Git(folder))
    return found


def derive_for(runtime: Runtime) -> Derived:
    """Derive deployments, changes and links from everything that is known now."""
    return derive_delivery(runtime.store, runtime.settings, read_said(runtime.state), clones(runtime))


def say_link(
    runtime: Runtime, incident: tuple[str, str], deployment: str, verdict: Verdict | None, author: str
) -> None:
    """Keep what a person says of a link; the numbers follow at once.

    Raises:
        NotFoundError: there is no such incident or deployment.
    """
    source, identifier = incident
    if not _count(
        runtime,
        "SELECT count() AS n FROM ktlo.incidents WHERE source = {source:String} AND external_id = {id:String}",
        {"source": source, "id": identifier},
    ):
        raise NotFoundError(
            f"there is no incident {identifier!r} of {source!r}",
            fix="`ktlo query 'SELECT * FROM ktlo.incidents'`",
        )
    if not _count(
        runtime,
        "SELECT count() AS n FROM ktlo.service_deployments WHERE has(told_by, {id:String})",
        {"id": deployment},
    ):
        raise NotFoundError(f"there is no deployment {deployment!r}", fix="`ktlo deployments` lists them")
    say(runtime.state, incident, deployment, verdict, author)
    link_again(runtime.store, runtime.state, runtime.settings)


def _count(runtime: Runtime, sql: str, values: dict[str, str]) -> int:
    found: int = runtime.store.query(sql, values)["n"][0].as_py()
    return found
