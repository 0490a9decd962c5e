"""Which of a commit's two dates can be believed.

Rule as declared at ``Commit.dated_by``: an author's date is impossible before 1971, or after its own commit
by more than a day; any date is impossible more than a day after the moment of collection.
"""

from __future__ import annotations

DAY = 86_400
EARLIEST = 365 * DAY
"""1971-01-01, seconds since 1970."""
_LEAST, _MOST = -2_208_988_800, 10_413_791_999  # 1900-01-01 and 2299-12-31, what every store can hold


def moment(raw: bytes) -> tuple[int, int]:
    """Read git's raw date, ``1577869200 +0130``.

    Returns:
        Seconds since 1970, kept within 1900 and 2299 (0 when there is no date), and the offset in minutes.
    """
    seconds, _, zone = raw.partition(b" ")
    try:
        at = min(max(int(seconds), _LEAST), _MOST)
    except ValueError:
        at = 0
    if zone == b"+0000":
        return at, 0
    try:
        shown = int(zone)
    except ValueError:
        return at, 0
    hours, minutes = divmod(abs(shown), 100)
    offset = hours * 60 + minutes
    if offset > 24 * 60:
        return at, 0
    return at, -offset if shown < 0 else offset


def dated_by(authored: int, committed: int, now: int) -> str:
    """``author``, ``committer`` or ``none``: whose date says when the work was done.

    Args:
        authored: author's date, seconds since 1970.
        committed: committer's date.
        now: moment of collection.
    """
    latest = now + DAY
    committer_holds = EARLIEST <= committed <= latest
    if EARLIEST <= authored <= latest and not (committer_holds and authored > committed + DAY):
        return "author"
    return "committer" if committer_holds else "none"
