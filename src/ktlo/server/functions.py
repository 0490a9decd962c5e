"""What the pages and the API of functions ask, gathered once for both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ktlo.errors import KtloError, NotFoundError, UsageError
from ktlo.report.function_page import Parts
from ktlo.server.runtime import Runtime
from ktlo.sources.git.mirror import mirror_folder
from ktlo.sources.git.place import git_folder, is_url, name_of, remote_url, web_address
from ktlo.sources.git.program import Git
from ktlo.telemetry.coverage import Watched, present, watched
from ktlo.telemetry.function_calls import told_calls
from ktlo.telemetry.function_changes import Since, since_deployment
from ktlo.telemetry.function_files import Sent, matched
from ktlo.telemetry.function_graph import neighbours
from ktlo.telemetry.function_source import Line, items_of, place_of, text_of, touches
from ktlo.telemetry.functions import Asked, Function, declared, one_function, over_time, version_of
from ktlo.telemetry.interval import Interval

MOST_COMPARED = 20
"""Services whose last deployment is looked into for the list."""


def since_of(running: Runtime, of: Interval, found: Sequence[Function], environment: str) -> dict[str, Since]:
    """What the last deployment changed about functions, by service."""
    names = list(dict.fromkeys(one.service for one in found))[:MOST_COMPARED]
    known = {name: since_deployment(running.store, of, name, environment) for name in names}
    return {name: one for name, one in known.items() if one is not None}


def git_of(running: Runtime, repository: str) -> Git | None:
    """The repository on this machine that a git source reads; ``None`` when there is none."""
    for entry in running.sources():
        if entry.kind != "git":
            continue
        path = str(entry.options.get("path", "."))
        try:
            if name_of(path, str(entry.options.get("name", ""))).repository != repository:
                continue
            folder = mirror_folder(path) if is_url(path) else git_folder(Path(path).expanduser().absolute())
        except KtloError:
            continue
        if folder.is_dir():
            return Git(folder)
    return None


def parts_of(running: Runtime, of: Interval, asked: Asked, name: str) -> tuple[Parts, tuple[Line, ...]]:
    """Everything that is known of one function, and its source text at the deployed commit.

    Raises:
        NotFoundError: it did not run in the stretch.
        UsageError: no service was said.
    """
    if not name:
        raise UsageError(
            "of which function?", where="name", fix="Give its qualified name; /functions lists them"
        )
    store = running.store
    found = one_function(store, of, asked, name)
    asked = Asked(found.service, asked.version, asked.environment, asked.route)
    callers, callees = neighbours(store, of, asked, name, found.origin)
    slow, failed = told_calls(store, of, asked, name, found.origin)
    since = since_deployment(store, of, found.service, asked.environment)
    version = asked.version or version_of(store, of, found, since.deployment.version if since else "")
    path, line = declared(store, of, found, version)
    sent = Sent(found.service, path)
    match = matched(store, [sent], {found.service: [version]})[sent]
    git = git_of(running, match.repository) if match.is_matched else None
    place = (
        place_of(store, found.service, match, line, version, web_address(remote_url(git)) if git else "")
        if match.is_matched
        else None
    )
    text = text_of(git, place) if git and place else ()
    changed, touched = touches(store, place, git, len(text)) if place else ([], "file")
    parts = Parts(
        found, tuple(over_time(store, of, asked, [found])[(found.service, name)]), tuple(callers), tuple(callees),
        tuple(slow), tuple(failed), since, place, match.reason, tuple(changed), touched,
        tuple(items_of(store, found.service, place)),
    )  # fmt: skip
    return parts, text


def watched_of(
    running: Runtime, service: str, version: str, environment: str
) -> tuple[list[Watched], Watched | None]:
    """Versions that were watched, and the one that is asked for: by default the one deployed last.

    Raises:
        NotFoundError: the version that is asked for was not watched.
    """
    versions = watched(running.store, service, environment)
    if not version:
        return versions, next(iter(present(versions)), None)
    asked = next((one for one in versions if one.version == version), None)
    if asked is None:
        known = ", ".join(one.version[:12] for one in versions[:5]) or "none"
        raise NotFoundError(
            f"version {version[:80]!r} of {service[:80] or 'any service'!r} was not watched",
            where="version",
            fix=f"Watched were: {known}",
        )
    return versions, asked
