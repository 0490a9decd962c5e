"""Keeps a bare copy of a remote repository in the data folder, and brings it up to date.

All branches and tags, with their blobs: line counts need them, so a blobless partial clone would fetch
each blob singly. The person's own git configuration (proxies, keys, credential helpers) applies here and
nowhere else; a token travels in the environment, never on a command line or into a file.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from pathlib import Path

from pydantic import SecretStr

from ktlo.errors import SourceError, UserError
from ktlo.settings import data_folder
from ktlo.sources.git.place import SCHEMES, shown
from ktlo.sources.git.program import Git, GitError, run_plain
from ktlo.sources.git.text import text

_SSH = "ssh -oBatchMode=yes -oConnectTimeout=30 -oServerAliveInterval=30 -oServerAliveCountMax=4"
_SLOWEST = ("http.lowSpeedLimit=10", "http.lowSpeedTime=300")
"""Less than 10 bytes a second for 5 minutes is a dead connection; a server that still counts says more."""
_NETWORK = [part for setting in ("protocol.allow=always", *_SLOWEST) for part in ("-c", setting)]
_BRANCHES = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")


def mirror_folder(url: str) -> Path:
    """Where the mirror of a URL is kept."""
    return data_folder() / "mirrors" / hashlib.sha256(shown(url).encode()).hexdigest()[:20]


def network_environment(url: str, token: SecretStr | None) -> dict[str, str]:
    """The person's environment, without prompts, and with the token as an HTTP header if there is one."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    for kept in ("GIT_SSH_COMMAND", "GIT_SSH", "GIT_SSL_CAINFO", "GIT_ASKPASS"):
        if kept in os.environ:
            environment[kept] = os.environ[kept]
    environment |= {
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": ":".join(SCHEMES),
        "GCM_INTERACTIVE": "never",
    }
    environment.setdefault("GIT_SSH_COMMAND", _SSH)
    if token is not None:
        basic = base64.b64encode(f"x-access-token:{token.get_secret_value()}".encode()).decode()
        origin = re.sub(r"(?<=://)([^/]+).*", r"\1/", shown(url))
        environment |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{origin}.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
        }
    return environment


def _failure(url: str, said: str) -> SourceError:
    lowered = said.lower()
    where = shown(url)
    if any(
        word in lowered
        for word in ("authentication", "could not read username", "permission denied", "403", "401")
    ):
        return SourceError(
            f"the remote refuses access: {said}",
            where=where,
            fix="Give `token: env:NAME` (https), or load an SSH key",
        )
    if any(word in lowered for word in ("not found", "does not exist", "does not appear to be")):
        return SourceError(
            "there is no repository at this address, or the token may not see it",
            where=where,
            fix="Check the address; a private repository needs `token: env:NAME`",
        )
    return SourceError(
        f"the remote cannot be reached: {said}", where=where, fix="Nothing is lost; the next run tries again"
    )


def default_branch(git: Git, url: str) -> str:
    """Full ref name of the remote's default branch; empty when the remote has no commits.

    Raises:
        SourceError: the remote cannot be reached, or refuses.
    """
    try:
        listed = text(git.run(*_NETWORK, "ls-remote", "--symref", "--", url, "HEAD"))
    except GitError as error:
        raise _failure(url, error.what) from None
    match = re.search(r"^ref: (\S+)\tHEAD$", listed, re.MULTILINE)
    return match[1] if match else ""


def open_mirror(url: str, token: SecretStr | None) -> Git:
    """The git program over the mirror's folder with network allowed; makes an empty mirror when missing.

    Raises:
        UserError: the data folder cannot be written, or there is no git program.
    """
    folder = mirror_folder(url)
    environment = network_environment(url, token)
    if not (folder / "HEAD").is_file():
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise UserError(
                f"the mirror cannot be made: {error.strerror}",
                where=str(folder),
                fix="Choose a folder you may write to with --data",
            ) from error
        code, _, errors = run_plain(
            ["git", "init", "--quiet", "--bare", "--template=", str(folder)], environment
        )
        if code != 0:
            raise UserError(f"the mirror cannot be made: {text(errors).strip()}", where=str(folder))
    return Git(folder, environment)


def update(git: Git, url: str) -> None:
    """Fetch what changed. What the remote no longer has leaves the refs, but its objects are kept.

    Args:
        git: from :func:`open_mirror`.
        url: the remote.

    Raises:
        SourceError: the remote cannot be reached, or refuses.
    """
    branch = default_branch(git, url)
    kept = ("gc.pruneExpire=never", "gc.auto=2000", "gc.autoDetach=false")
    settings = [part for setting in kept for part in ("-c", setting)]
    try:
        git.run(
            *_NETWORK,
            *settings,
            "fetch",
            "--progress",  # a sign of life for as long as it takes
            "--prune",
            "--no-tags",
            "--no-recurse-submodules",
            "--no-write-fetch-head",
            "--end-of-options",
            url,
            *_BRANCHES,
        )
        if branch:
            git.run("symbolic-ref", "HEAD", branch)
    except GitError as error:
        raise _failure(url, error.what) from None
