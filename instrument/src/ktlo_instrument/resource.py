"""Who reports: the attributes of this process, as OpenTelemetry names them."""

from __future__ import annotations

import os
import platform
import socket
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ktlo_instrument.version import VERSION


def resource(environment: Mapping[str, str] | None = None, folder: Path | None = None) -> dict[str, Any]:
    """Resource attributes: what the environment says, else what can be seen."""
    given = os.environ if environment is None else environment
    found: dict[str, Any] = {
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": "1.0",
        "telemetry.distro.name": "ktlo-instrument",
        "telemetry.distro.version": VERSION,
        "process.pid": os.getpid(),
        "process.runtime.name": sys.implementation.name,
        "process.runtime.version": platform.python_version(),
        "host.name": socket.gethostname(),
    }
    for part in given.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        name, sign, value = part.partition("=")
        if sign and name.strip():
            found[unquote(name.strip())] = unquote(value.strip())
    if given.get("OTEL_SERVICE_NAME"):
        found["service.name"] = given["OTEL_SERVICE_NAME"]
    if not found.get("service.name"):
        script = os.path.basename(sys.argv[0] if getattr(sys, "argv", None) else "") or "python"
        found["service.name"] = f"unknown_service:{script}"
    place = folder or Path.cwd()
    commit = _commit(place)
    if commit:
        found.setdefault("vcs.ref.head.revision", commit)
        found.setdefault("service.version", commit)
    found.setdefault("service.instance.id", str(uuid.uuid4()))
    return found


def _commit(folder: Path) -> str:
    """The commit checked out in the folder or one above it, read from git's own files (gitrepository-layout)."""
    for place in (folder, *folder.parents):
        git = place / ".git"
        try:
            if git.is_file():
                git = (place / git.read_text("utf-8").partition("gitdir:")[2].strip()).resolve()
            if not git.is_dir():
                continue
            head = (git / "HEAD").read_text("utf-8").strip()
            if not head.startswith("ref:"):
                return head if _is_commit(head) else ""
            name = head[4:].strip()
            common = git / "commondir"
            homes = [git]
            if common.is_file():
                homes.append((git / common.read_text("utf-8").strip()).resolve())
            for home in homes:
                if (home / name).is_file():
                    found = (home / name).read_text("utf-8").strip()
                    return found if _is_commit(found) else ""
            for home in homes:
                packed = home / "packed-refs"
                for line in packed.read_text("utf-8").splitlines() if packed.is_file() else ():
                    if line.endswith(" " + name) and _is_commit(line[:40]):
                        return line[:40]
        except (OSError, UnicodeDecodeError, ValueError):
            return ""
        return ""
    return ""


def _is_commit(text: str) -> bool:
    return len(text) in (40, 64) and all(each in "0123456789abcdef" for each in text)
