"""The service desk's event log of `../shared/data` (not part of the repository) comes in right.

Ten incidents were checked by hand against their raw rows: reopened ones (102, 294, 403), ones whose
`resolved_at` is "?" (93), ones resolved twice without reopening (45, 135, 1230), one with rows out of time
order (137), ones changed before they were opened (130, 135).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ktlo.sources.csv import CsvSource, propose

from .conftest import House

LOG = Path(__file__).parents[3].parent / "shared" / "data" / "itsm" / "incident_event_log.csv"
pytestmark = pytest.mark.skipif(
    not LOG.is_file(), reason="the service desk's log is not beside the repository"
)

BY_HAND = """
INC0000045 2016-02-29 01:16 2016-02-29 08:53 2016-02-29 08:53 2016-03-05 12:00 0
INC0000047 2016-02-29 04:40 2016-02-29 05:30 2016-03-01 09:52 2016-03-06 10:00 0
INC0000093 2016-02-29 08:56 2016-02-29 08:56 2016-02-29 08:56 2016-03-05 10:00 0
INC0000102 2016-02-29 09:06 2016-02-29 20:09 2016-03-17 16:28 2016-03-24 18:59 1
INC0000130 2016-02-29 09:41 2016-03-01 14:13 2016-03-03 10:16 2016-03-08 11:00 0
INC0000135 2016-02-29 09:45 2016-02-29 09:45 2016-02-29 15:27 2016-03-05 17:00 0
INC0000137 2016-02-29 09:48 2016-02-29 11:03 2016-02-29 11:03 2016-03-05 12:00 0
INC0000294 2016-02-29 14:06 2016-03-02 15:31 2016-03-14 08:10 2016-03-24 18:50 1
INC0000403 2016-02-29 17:48 2016-02-29 17:52 2016-03-07 16:33 2016-03-24 18:40 1
INC0001230 2016-03-02 11:48 2016-03-07 15:28 2016-03-07 15:28 2016-03-28 10:59 0
""".strip().splitlines()


def test_the_service_desks_log_comes_in_as_checked_by_hand(house: House) -> None:
    proposal = propose(LOG)
    assert proposal.is_ready
    assert proposal.options["dates"] == "day_first"
    assert proposal.options["shape"] == "events"
    assert (proposal.rows, proposal.items, proposal.rejected) == (5998, 890, 0)

    outcome = house.run(CsvSource(proposal.config()))
    assert (outcome.status, outcome.rejected) == ("complete", 0)
    rows = house.rows(
        """
        SELECT external_id || ' ' || formatDateTime(detected_at, '%Y-%m-%d %H:%i') || ' '
            || formatDateTime(acknowledged_at, '%Y-%m-%d %H:%i') || ' '
            || formatDateTime(resolved_at, '%Y-%m-%d %H:%i') || ' '
            || formatDateTime(closed_at, '%Y-%m-%d %H:%i') || ' ' || toString(reopen_count) AS line
        FROM ktlo.incidents ORDER BY external_id"""
    )
    lines = [row["line"] for row in rows]
    assert len(lines) == 890
    assert [line for line in lines if line.split()[0] in {known.split()[0] for known in BY_HAND}] == BY_HAND

    (summed,) = house.rows(
        "SELECT countIf(state = 'resolved') AS resolved, countIf(reopen_count > 0) AS reopened,"
        " sum(reopen_count) AS times, toString(max(observed_until)) AS horizon FROM ktlo.incidents"
    )
    assert summed == {"resolved": 890, "reopened": 10, "times": 11, "horizon": "2017-02-04 19:00:00.000000"}
    (steps,) = house.rows(
        "SELECT countIf(kind = 'reopened') AS reopened, countIf(kind = 'resolved') AS resolved,"
        " countIf(kind = 'closed') AS closed, countIf(kind = 'detected') AS detected FROM ktlo.incident_events"
    )
    assert steps == {"reopened": 11, "resolved": 901, "closed": 890, "detected": 890}


def test_reading_the_log_again_reads_nothing(house: House) -> None:
    source = CsvSource(propose(LOG).config())
    house.run(source)
    assert house.run(source).rows == 0
