"""Gradle's ``gradle.lockfile``: one ``group:artifact:version=configurations`` a line.

Format: docs.gradle.org "Locking Versions"; before Gradle 7 one file a configuration in ``gradle/dependency-locks``.
"""

from __future__ import annotations

from ktlo.guard.lockfiles.gathering import Gathering
from ktlo.guard.lockfiles.graph import Place
from ktlo.guard.lockfiles.protocol import Format, LockFile, Reading, UnreadableError


def read(file: LockFile) -> Reading:
    """Reads a Gradle lock file of either layout."""
    gathering = Gathering(file, "Maven")
    for number, raw in enumerate(file.text().splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith(("#", "empty=")):
            continue
        coordinates, equals, configurations = line.partition("=")
        parts = coordinates.split(":")
        if len(parts) != 3:
            raise UnreadableError(
                f"Line {number} is not a line of a Gradle lock file", fix="Write the locks again."
            )
        names = configurations.split(",") if equals else [file.path.stem]
        is_development = all("test" in name.lower() for name in names)
        gathering.add(f"{parts[0]}:{parts[1]}", parts[2], line=number, place=Place(None, is_development))
    return gathering.reading(frozenset({"."}))


FORMAT = Format("gradle.lockfile", "Maven", ("gradle.lockfile", "buildscript-gradle.lockfile"), read)
IN_FOLDER = Format("gradle.lockfile", "Maven", ("*.lockfile",), read, within="gradle/dependency-locks")
