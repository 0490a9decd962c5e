"""Which place a source reads, whatever it is called: two sources of one place would count everything twice.

Compared when a source is added. Forms of URLs as in "Git URLs", git-clone(1).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ktlo.sources.git.place import is_url, owner_and_name, shown
from ktlo.sources.protocol import Source


def place_of(source: Source, options: Mapping[str, Any]) -> str:
    """What is read, in one spelling; empty for kinds whose places are not compared.

    Args:
        source: configured source.
        options: its options.
    """
    if source.kind == "github":
        # GitHub takes either case for the same repository.
        return source.source_id.casefold()
    if source.kind != "git":
        return ""
    path = str(options.get("path", "."))
    if not is_url(path):
        return str(_top(Path(path).expanduser()))
    if "://" not in path:
        host = path.partition(":")[0].rpartition("@")[2]
        return f"{host.casefold()}/{owner_and_name(path)}"
    parts = urlsplit(shown(path))
    if parts.scheme == "file":
        return str(_top(Path(unquote(parts.path))))
    port = f":{parts.port}" if parts.port else ""
    return f"{(parts.hostname or '').casefold()}{port}/{owner_and_name(path)}"


def _top(path: Path) -> Path:
    """The repository's folder that a path means: links followed, from a folder inside up to the top."""
    path = path.resolve()
    if path.name == ".git":
        return path.parent
    if (path / "HEAD").is_file() and (path / "objects").is_dir():
        return path
    return next((folder for folder in (path, *path.parents) if (folder / ".git").exists()), path)
