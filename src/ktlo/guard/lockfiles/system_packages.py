"""Packages of a container image's file system, laid out as a folder: Debian's dpkg and Alpine's apk.

Format: dpkg ``var/lib/dpkg/status`` (deb822 paragraphs) and ``status.d`` of distroless images; apk
``lib/apk/db/installed`` (letter, colon, value). Advisories speak of source packages in a release, which
``etc/os-release`` names; another distribution is listed as unchecked.
"""

from __future__ import annotations

from collections.abc import Iterator

from ktlo.guard.lockfiles.gathering import Gathering
from ktlo.guard.lockfiles.protocol import Format, LockFile, Reading, UnreadableError
from ktlo.guard.lockfiles.wording import printable


def _release(file: LockFile) -> dict[str, str]:
    """Fields of ``os-release`` of the image the package database is in."""
    for parent in file.path.parents:
        for name in ("etc/os-release", "usr/lib/os-release"):
            try:
                content = file.tree.read(parent / name).decode("utf-8", "replace")
            except UnreadableError:
                continue
            rows = (line.partition("=") for line in content.splitlines())
            return {key.strip(): value.strip().strip("\"'") for key, _, value in rows}
    return {}


def _ecosystem(file: LockFile, wanted: str) -> str:
    release = _release(file)
    name, version = release.get("ID", ""), release.get("VERSION_ID", "")
    if name != wanted or not version:
        shown = printable(f"{name} {version}".strip()) or "not named"
        raise UnreadableError(
            f"The distribution is {shown}, and of this kind only {wanted} with a version is read"
        )
    if wanted == "debian":
        return f"Debian:{version.partition('.')[0]}"
    return f"Alpine:v{'.'.join(version.split('.')[:2])}"


def _paragraphs(content: str) -> Iterator[tuple[int, dict[str, str]]]:
    start, fields = 0, dict[str, str]()
    for number, line in enumerate([*content.split("\n"), ""], 1):
        if not line.strip():
            if fields:
                yield start, fields
            fields = {}
            continue
        if not fields:
            start = number
        if not line.startswith((" ", "\t")):
            key, _, value = line.partition(":")
            fields[key] = value.strip()


def read_dpkg(file: LockFile) -> Reading:
    """Reads a dpkg status file."""
    ecosystem = _ecosystem(file, "debian")
    gathering = Gathering(file, ecosystem)
    for line, fields in _paragraphs(file.text()):
        if "Package" not in fields or not fields.get("Status", "install ok installed").endswith(" installed"):
            continue
        source, _, version = fields.get("Source", fields["Package"]).partition(" ")
        gathering.add(source, version.strip("() ") or fields.get("Version", ""), line=line)
    return gathering.reading()


def read_apk(file: LockFile) -> Reading:
    """Reads an apk database."""
    ecosystem = _ecosystem(file, "alpine")
    gathering = Gathering(file, ecosystem)
    for line, fields in _paragraphs(file.text()):
        if "P" in fields:
            gathering.add(fields.get("o") or fields["P"], fields.get("V", ""), line=line)
    return gathering.reading()


DPKG = Format("dpkg status", "Debian", ("status",), read_dpkg, within="var/lib/dpkg")
DISTROLESS = Format("dpkg status", "Debian", ("*",), read_dpkg, within="var/lib/dpkg/status.d")
APK = Format("apk database", "Alpine", ("installed",), read_apk, within="lib/apk/db")
