"""Where a repository is, and what it is called: a folder of this machine, or a URL that gets mirrored.

The name is what other tools call it too: ``owner/name`` from the remote's URL, else the folder's name.
Forms of URLs as in "Git URLs", git-clone(1).
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ktlo.errors import UserError
from ktlo.sources.git.program import Git, complaint, offline_environment, run_plain

SCHEMES = ("https", "http", "ssh", "git", "file")
_SCP = re.compile(r"^(?:[\w.~-]+@)?(?P<host>[\w.-]+):(?P<path>(?!/{2}).+)$")


@dataclass(frozen=True, slots=True)
class Name:
    """What a repository is called.

    Attributes:
        repository: ``owner/name``, or the folder's name: what the rows carry.
        source_id: identifier of the source; folders without a remote get a mark made of their path, so
            that two of one name stay two.
    """

    repository: str
    source_id: str


def is_url(path: str) -> bool:
    """True for what git would fetch from elsewhere, false for a folder."""
    if "://" in path:
        return True
    return bool(_SCP.match(path)) and not Path(path).expanduser().exists()


def check_url(url: str) -> None:
    """Refuse URLs that carry a secret or run a program.

    Raises:
        ValueError: in words for a person; never repeats the URL's secret.
    """
    if "\0" in url:
        raise ValueError("a path has no NUL character in it")
    if "://" not in url:
        return
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise ValueError(f"{parts.scheme}:// is not read; give one of {', '.join(SCHEMES)}, or a folder")
    if parts.password or (parts.username and parts.scheme in {"http", "https"}):
        raise ValueError(
            f"credentials do not belong into a URL ({shown(url)}): they would be stored;"
            " give `token: env:NAME` or `token: file:PATH`"
        )


def shown(url: str) -> str:
    """The URL without user and password, for people and for the mirror's folder."""
    return re.sub(r"(?<=://)[^/@]*@", "", url)


def owner_and_name(url: str) -> str:
    """``owner/name`` (or the longer path of a nested group) of a remote's URL; empty for a local path."""
    if "://" in url:
        parts = urlsplit(url)
        if parts.scheme == "file" or not parts.hostname:
            return ""
        path = parts.path
    elif match := _SCP.match(url):
        path = match["path"]
    else:
        return ""
    pieces = [piece for piece in unquote(path).removesuffix("/").removesuffix(".git").split("/") if piece]
    pieces = [piece for piece in pieces if not piece.startswith("~")]
    return "/".join(pieces)


def _folder_name(path: Path) -> str:
    name = path.parent.name if path.name == ".git" else path.name.removesuffix(".git")
    return name or "repository"


def name_of(path: str, given: str) -> Name:
    """Name of the repository at a folder or URL. Never fails: what cannot be read has its folder's name.

    Args:
        path: folder or URL, as configured.
        given: a name of the person's own; empty to find one.
    """
    if given:
        return Name(given, f"git:{given}")
    if is_url(path):
        found = owner_and_name(path)
        folder = Path(urlsplit(path).path) if "://" in path else Path(path)
    else:
        folder = Path(path).expanduser().absolute()
        found = owner_and_name(_remote(folder))
        folder = Path(os.path.normpath(folder))
    if found:
        return Name(found, f"git:{found}")
    mark = hashlib.sha256(str(folder).encode("utf-8", "surrogateescape")).hexdigest()[:6]
    name = _folder_name(folder).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return Name(name, f"git:{name}@{mark}")


def _remote(folder: Path) -> str:
    """URL of ``origin``, else of the only remote; empty when there is none or it cannot be read."""
    try:
        return remote_url(Git(git_folder(folder)))
    except UserError:
        return ""


def remote_url(git: Git) -> str:
    """URL of ``origin``, else of the only remote; empty when there is none."""
    listed = git.ask("config", "--local", "--get-regexp", r"^remote\..*\.url$")
    urls = dict(line.split(" ", 1) for line in listed.splitlines() if " " in line)
    if "remote.origin.url" in urls:
        return urls["remote.origin.url"]
    return next(iter(urls.values())) if len(urls) == 1 else ""


def web_address(url: str) -> str:
    """Address in a browser of a remote at GitHub or GitLab; empty for others, whose pages are not known."""
    match = None if "://" in url else _SCP.match(url)
    host = (match["host"] if match else urlsplit(url).hostname) or ""
    name = owner_and_name(url)
    return f"https://{host}/{name}" if name and ("github" in host or "gitlab" in host) else ""


def git_folder(folder: Path) -> Path:
    """The git directory of a folder: its own, or of the repository it lies in.

    Raises:
        UserError: no such folder, no permission, no repository, no git program, or one that never ends.
    """
    where = str(folder)
    try:
        if not folder.exists():
            raise UserError("there is no such folder", where=where, fix="Check the path")
        if not folder.is_dir():
            raise UserError("this is a file, not a repository", where=where, fix="Give the folder it is in")
        os.listdir(folder)  # noqa: PTH208 - only to learn whether it may be read
    except PermissionError as error:
        raise UserError(
            "the folder may not be read by this user",
            where=where,
            fix="Run ktlo as a user who may read it, or change its permissions",
        ) from error
    code, output, errors = run_plain(
        ["git", "-C", where, "-c", "safe.directory=*", "rev-parse", "--absolute-git-dir"],
        offline_environment(),
    )
    found = Path(os.fsdecode(output.rstrip(b"\n")))
    if code == 0 and os.access(found / "objects", os.R_OK | os.X_OK):
        # Looking for an object that is not there opens everything that objects are kept in.
        probe = ["git", f"--git-dir={found}", "-c", "safe.directory=*", "cat-file", "-e", "0" * 39 + "1"]
        run_plain(probe, offline_environment())
        return found
    if code == 0 and (found / "commondir").is_file():
        return found
    said = complaint(errors)
    closed = any(
        part.exists() and not os.access(part, os.R_OK | os.X_OK)
        for part in (folder / ".git", folder / "objects", found / "objects")
        if code != 0 or part == found / "objects"
    )
    if closed or "ermission denied" in said:
        raise UserError(
            "the repository may not be read by this user",
            where=where,
            fix="Run ktlo as a user who may read it, or change its permissions",
        )
    if "not a git repository" in said or code == 0:
        raise UserError(
            "this folder is no git repository, and lies in none",
            where=where,
            fix="Give the folder that contains .git, a bare repository, or a URL",
        )
    raise UserError(f"git cannot open this repository: {said}", where=where, fix="Mend it, or clone it again")
