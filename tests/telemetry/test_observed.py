"""Calls a minute are over the time in which there can be data, and of a job that ran once over more than its run."""

from __future__ import annotations

import datetime as dt
import time

import pytest
from otlp_requests import TEN, Said, request

from ktlo.receivers.spool import length_prefix
from ktlo.report.service_list import service_list
from ktlo.report.services import columns_of, over_words, period_word, rate_words, red_charts
from ktlo.server.api.telemetry import RedOut
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.streams import TRACES
from ktlo.telemetry.deployments import Mark
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.observed import Observed, Since, Watch, watch, whole
from ktlo.telemetry.pairing import Pairing
from ktlo.telemetry.service_map import Place, service_map
from ktlo.telemetry.services import Judged, operations, rates, series, services
from ktlo.telemetry.since_deploy import since

END = dt.datetime.fromtimestamp(TEN // 1_000_000_000, dt.UTC).replace(minute=0, second=0, microsecond=0)
HOUR = Interval(END - dt.timedelta(hours=1), END)


def ago(minutes: float) -> dt.datetime:
    return END - dt.timedelta(minutes=minutes)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """`old` reports for 90 minutes, `new` for 10, both once a minute; `job` ran 20 minutes ago for two.

    ``old`` calls ``new`` since that is there. `late` was called six times a minute for 20 minutes, the first time half
    an hour and ten seconds ago. The store has been there for 90 minutes, whatever the clock of ``adrift``, 26 years
    slow, and one call of ``new`` say.
    """
    folder = tmp_path_factory.mktemp("observed")
    store = EmbeddedStore(folder / "store")
    store.migrate()
    offset = (END.timestamp() - TEN / 1e9) * 1000

    def at(minutes: float) -> float:
        return offset - minutes * 60_000

    requests = [
        request("old", *(Said(f"{n:016x}", "GET /", at(n), 5) for n in range(1, 91)),
                *(Said(f"{1000 + n:016x}", "call", at(n), 5, kind=3) for n in range(1, 11))),
        request("new", *(Said(f"{2000 + n:016x}", "GET /new", at(n), 5, parent=f"{1000 + n:016x}")
                         for n in range(1, 11))),
        request("new", Said("9999", "GET /new", at(26 * 365 * 1440), 5)),
        request("adrift", Said("9998", "GET /", at(26 * 365 * 1440), 5), Said("9997", "GET /", at(3), 5)),
        request("job", *(Said(f"{3000 + n:016x}", "import", at(20 + n / 60), 5, kind=1) for n in range(120))),
        request("late", *(Said(f"{4000 + n:016x}", "GET /", at(30 + (1 - n) / 6), 5) for n in range(121))),
    ]  # fmt: skip
    bodies = [made.SerializeToString() for made in requests]
    file = folder / "segment"
    file.write_bytes(b"".join(length_prefix(len(body)) + body for body in bodies))
    store.load(TRACES, file, f"{time.monotonic_ns()}")
    Pairing(store, 10_000).round(dt.datetime.now(dt.UTC))
    yield store
    store.close()


def test_a_service_that_is_ten_minutes_old_has_the_rate_of_ten_minutes(shop):
    found = {one.name: one.red for one in services(shop, HOUR)}
    assert found["new"].per_minute == 1
    assert (found["new"].observed.seconds, found["new"].observed.since) == (600, Since.FIRST_RECORD)
    assert found["old"].per_minute == 1
    assert (found["old"].observed.seconds, found["old"].observed.since) == (3600, Since.STRETCH)


def test_a_job_that_ran_once_has_not_the_rate_of_its_run(shop):
    job = next(one.red for one in services(shop, HOUR) if one.name == "job")
    assert job.per_minute == 2
    day = Interval(END - dt.timedelta(days=1), END)
    job = next(one.red for one in services(shop, day) if one.name == "job")
    assert job.observed.since is Since.STORE
    assert job.per_minute == pytest.approx(120 / 90, rel=0.01)


def test_operations_edges_and_places_have_the_same_rate(shop):
    (of_new,) = operations(shop, HOUR, "new")
    assert of_new.red.per_minute == 1
    shown = service_map(shop, HOUR)
    (edge,) = [one for one in shown.edges if one.way.server == Place("service", "new")]
    assert (edge.red.calls, edge.red.per_minute) == (10, 1)
    assert {str(one.place): one.red.per_minute for one in shown.nodes}["new"] == 1


def test_the_bucket_in_which_a_service_began_is_over_the_part_that_it_saw(shop):
    day = Interval(END - dt.timedelta(days=1), END)
    assert day.bucket_seconds == 900
    assert [each.red.per_minute for each in series(shop, day, "new", judged_by=Judged.ASKED)] == [1]
    found = services(shop, day)
    assert rates(shop, day, found)["new"][-1] == 1


def test_json_and_pages_say_what_a_rate_is_over(shop):
    found = services(shop, HOUR)
    new = next(one.red for one in found if one.name == "new")
    old = next(one.red for one in found if one.name == "old")
    told = RedOut.of(new)
    assert (told.per_minute, told.observed_seconds, told.observed_since) == (1, 600, "first_record")
    assert over_words(old) == ""
    assert rate_words(new) == "1 per min (over 10 min, since its first record)"
    view = service_list(found, HOUR, {}, {}, {}, lambda path, given: path, len(found))
    assert "Rate over" in [one.title for one in view.table.headings]
    alone = service_list(
        [one for one in found if one.name == "old"], HOUR, {}, {}, {}, lambda path, given: path, 1
    )
    assert "Rate over" not in [one.title for one in alone.table.headings]


def test_a_stretch_that_ends_later_than_now_ends_now():
    seen = whole(Interval(ago(60), END + dt.timedelta(hours=9)), END)
    assert seen == Observed(ago(60), END, Since.STRETCH)


def test_a_stretch_begins_with_its_first_whole_minute_because_roll_ups_do():
    begun = ago(15) - dt.timedelta(seconds=20)
    assert whole(Interval(begun, END), END).start == ago(15)


def watched(**records: tuple[float, float]) -> Watch:
    """Services by how many minutes ago they reported first and last."""
    made = {name: (ago(first), ago(last)) for name, (first, last) in records.items()}
    return Watch(whole(HOUR, END), min(first for first, _ in made.values()), made)


def test_what_is_known_of_first_and_last_records_decides_what_a_rate_is_over():
    seen = watched(old=(5000, 0), fresh=(0.3, 0.1), silent=(30, 20), pausing=(30, 10), gone=(5000, 4000))
    assert seen.of("fresh") == Observed(ago(1), END, Since.FIRST_RECORD)
    assert seen.of("pausing").since is Since.FIRST_RECORD
    for name in ("old", "silent", "gone", "unknown"):
        assert seen.of(name) == seen.whole, name
    young = watched(old=(40, 0), silent=(30, 20))
    assert young.of("silent") == Observed(ago(40), END, Since.STORE)


def test_an_earlier_stretch_is_held_against_only_from_the_first_record_on():
    seen = watched(shop=(30, 0))
    assert seen.part(Interval(ago(50), ago(25)), "shop") == Interval(ago(30), ago(25))
    assert seen.part(Interval(ago(20), ago(10)), "shop") == Interval(ago(20), ago(10))
    assert seen.part(Interval(ago(90), ago(40)), "shop") == Interval(ago(90), ago(40))


def test_an_environment_in_which_a_service_is_new_counts_from_its_first_record_there(shop):
    assert (
        watch(shop, HOUR, ["old"], "production").of("old") == watch(shop, HOUR, ["old"], "production").whole
    )


def test_a_deployment_soon_after_a_service_began_is_not_told_to_have_brought_more_calls(shop):
    deployed = Mark(ago(80), None, "1.1", "1.0", "", "", False, "telemetry")
    found = since(shop, deployed, ago(20), "old")
    assert (found.before.end, found.before.seconds) == (ago(80), pytest.approx(600, abs=60))
    assert found.changed == ()


def test_no_point_is_drawn_of_less_than_a_minute_and_none_before_the_first_record(shop):
    late = Interval(HOUR.start, END - dt.timedelta(seconds=15))
    (found,) = services(shop, late, names=["late"])
    moments = series(shop, late, "late", judged_by=Judged.ASKED)
    assert (moments[0].at, moments[0].red.calls) == (ago(31), 1)
    assert moments[0].red.per_minute is None
    # A minute in which nothing was called is drawn as none, those after the last call too.
    assert [each.red.per_minute for each in moments[1:-1]] == [6.0] * 20 + [0.0] * 9
    assert (moments[-1].at, moments[-1].red.per_minute) == (ago(1), None)
    rate, errors, _ = red_charts(moments, lambda red: "")
    assert [point.at for point in rate.lines[0].points] == [each.at for each in moments[1:-1]]
    assert errors.lines[0].points[0].at == ago(31)
    drawn = rates(shop, late, [found])["late"]
    assert drawn == [None] * 30 + [6.0] * 20 + [0.0] * 9 + [None]


def test_a_wide_bucket_is_over_the_part_that_was_observed(shop):
    day = Interval(END - dt.timedelta(days=1), END)
    (found,) = services(shop, day, names=["late"])
    moments = [each for each in series(shop, day, "late", judged_by=Judged.ASKED) if each.red.calls]
    assert [(each.at, each.red.calls) for each in moments] == [(ago(45), 1), (ago(30), 90), (ago(15), 30)]
    assert [each.red.per_minute for each in moments] == [None, 6.0, 2.0]
    assert rates(shop, day, [found])["late"][-3:] == [None, 6.0, 2.0]


def test_counts_of_a_part_of_a_bucket_say_so():
    cut = Interval(END - dt.timedelta(minutes=60, seconds=20), END - dt.timedelta(seconds=45))
    only = columns_of(cut, END)
    assert (only[ago(61)], only[ago(60)], only[ago(1)]) == ("20 s", "", "15 s")
    beyond = Interval(ago(5), END + dt.timedelta(hours=1))
    assert list(columns_of(beyond, END))[-1] == ago(1)
    assert period_word(cut) == "minute"
    assert period_word(Interval(END - dt.timedelta(days=1), END)) == "15 minutes"
