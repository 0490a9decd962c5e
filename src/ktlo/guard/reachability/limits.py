"""How much of a stranger's program is read before the analysis says that it stopped."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one analysis; what lies beyond is listed as not followed.

    Attributes:
        file_bytes: size of one Python file.
        total_bytes: size of all files that are read.
        files: number of files that are read.
        walked: files and folders of the project that are looked at.
        seconds: time of the whole analysis.
        values: values that one variable may hold; more are not followed.
        certain: functions that one call may mean; where there are more, each is only possible.
        outside: names of other packages that one variable may hold.
        steps: values handed on; a bound that, unlike ``seconds``, does not depend on the machine.
    """

    file_bytes: int = 2 * 2**20
    total_bytes: int = 192 * 2**20
    files: int = 30_000
    walked: int = 500_000
    seconds: float = 120.0
    values: int = 64
    certain: int = 12
    outside: int = 16
    steps: int = 60_000_000
