"""How much a scan may read, so that a hostile repository costs bounded time and memory.

What passes a limit is reported as unchecked; raising a limit is the person's choice.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a scan.

    Attributes:
        file_bytes: largest file, blob or archive member.
        archive_depth: archives inside archives; a compressed tar counts as two.
        archive_members: members of one archive, with those of archives inside.
        archive_bytes: unpacked bytes of one archive, with those of archives inside.
        archive_ratio: unpacked bytes for each packed byte.
        findings: findings of one scan.
        git_seconds: time for one run of git.
    """

    file_bytes: int = 64 << 20
    archive_depth: int = 6
    archive_members: int = 20_000
    archive_bytes: int = 256 << 20
    archive_ratio: int = 200
    findings: int = 5_000
    git_seconds: float = 3_600
