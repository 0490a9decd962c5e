"""From acknowledged to stored: once, also when it is sent again, also when the store was away."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from otlp_requests import Said, request, segment

from ktlo.errors import StoreError
from ktlo.receivers import intake as intake_module
from ktlo.receivers.intake import Intake
from ktlo.receivers.resent import DIGEST, RESENT_WITHIN, Taken
from ktlo.receivers.spool import SpoolFullError
from ktlo.store.streams import TRACES


def body(service: str, span: str = "1" * 16) -> bytes:
    return request(service, Said(span, "x")).SerializeToString()


def count(store, service: str) -> int:
    answer = store.query("SELECT count() AS n FROM ktlo.spans WHERE service = {s:String}", {"s": service})
    return answer["n"][0].as_py()


def eventually(wanted, of, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while of() != wanted and time.monotonic() < deadline:
        time.sleep(0.02)
    assert of() == wanted


def test_what_is_taken_is_in_the_store_within_moments_by_itself(store, intake):
    intake.take(body("soon"), 1)
    eventually(1, lambda: count(store, "soon"))
    eventually(0, lambda: intake.waiting)
    assert (intake.tally.requests, intake.tally.items) == (1, 1)


@pytest.mark.parametrize(
    ("size", "took", "seconds"),
    [
        (0, 0.2, 1),  # nothing came: what comes next is soon in the store
        (900, 0.01, 1),
        (900, 0.1, 2),
        (900, 0.4, 3),
        ((256 << 10) - 1, 30, 3),
        (256 << 10, 0.4, 1),  # much comes: larger segments would only take more memory
    ],
)
def test_while_little_comes_loading_it_takes_a_twentieth_of_the_time_and_three_seconds_pass_at_most(
    size, took, seconds
):
    assert intake_module.pause(size, took) == pytest.approx(seconds)


def test_how_long_it_waits_follows_from_what_the_store_was_just_given(store, intake, monkeypatch):
    asked = []

    def pause(size, took):
        asked.append((size, took))
        return 0.02

    monkeypatch.setattr(intake_module, "pause", pause)
    content = body("little")
    intake.take(content, 1)
    eventually(True, lambda: len(asked) > 2)
    assert [size for size, _ in asked if size] == [len(segment(request("little", Said("1" * 16, "x"))))]
    assert all(took > 0 for size, took in asked if size)


def test_a_request_that_is_sent_again_is_acknowledged_and_not_kept_twice(store, intake):
    for _ in range(3):
        intake.take(body("resent"), 1)
    intake.flush()
    assert count(store, "resent") == 1
    assert (intake.tally.requests, intake.tally.resent) == (1, 2)


def test_a_request_that_is_sent_again_while_the_first_is_on_its_way_to_the_disk_is_kept_once(
    store, intake, monkeypatch
):
    append, is_full = intake._spool.append, [True, False]

    def slowly(content):
        time.sleep(0.2)
        if is_full.pop(0):
            raise SpoolFullError("full")
        append(content)

    monkeypatch.setattr(intake._spool, "append", slowly)
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(intake.take, body("at once"), 1) for _ in range(3)]
    # The first found no room, so the second is the first to be kept.
    assert sum(isinstance(one.exception(), SpoolFullError) for one in asked) == 1
    assert sorted(one.result() for one in asked if not one.exception()) == [False, True]
    intake.flush()
    assert count(store, "at once") == 1


def test_the_same_bytes_much_later_are_another_request(store, tmp_path):
    now = [0.0]
    intake = Intake("traces", TRACES, store, tmp_path / "spool", clock=lambda: now[0])
    intake.take(body("later"), 1)
    now[0] = RESENT_WITHIN + 1
    intake.take(body("later"), 1)
    intake.flush()
    assert count(store, "later") == 2
    intake.close()


def test_what_a_process_left_is_stored_by_the_next_and_still_recognised(store, tmp_path):
    folder = tmp_path / "spool"
    folder.mkdir()
    whole = segment(request("left", Said("1" * 16, "x")))
    (folder / "000000000007-ab.open").write_bytes(whole + b"\x7fhalf a message")
    intake = Intake("traces", TRACES, store, folder)
    intake.take(body("left"), 1)
    intake.flush()
    assert count(store, "left") == 1
    assert intake.tally.resent == 1
    intake.close()


def test_a_request_that_a_process_stored_is_still_recognised_by_the_next_and_the_one_after_it(
    store, tmp_path
):
    """Its answer was lost twice: with the process that stored it, and with the one that took it again."""
    folder = tmp_path / "spool"
    for _ in range(3):
        intake = Intake("traces", TRACES, store, folder)
        intake.take(body("thrice"), 1)
        intake.flush()
        intake.close()
    assert intake.tally.resent == 1
    assert count(store, "thrice") == 1


def test_digests_of_former_processes_are_forgotten_in_time_and_half_a_digest_harms_none(tmp_path):
    now = [0.0]
    first, second, third = b"a" * DIGEST, b"b" * DIGEST, b"c" * DIGEST
    taken = Taken(tmp_path / "x.taken", lambda: now[0])
    taken.add(first)
    taken.save(taken.unsaved())
    with (tmp_path / "x.taken").open("ab") as file:
        file.write(b"cut off")
    taken.add(second)
    taken.save(taken.unsaved())
    now[0] = RESENT_WITHIN
    taken.add(third)
    taken.save(taken.unsaved())
    assert third in taken
    assert first not in taken
    assert (tmp_path / "x.taken").read_bytes() == third
    again = Taken(tmp_path / "x.taken", lambda: now[0])
    assert [one in again for one in (first, second, third)] == [True] * 3
    assert (tmp_path / "x.taken").stat().st_size == 3 * DIGEST
    os.utime(tmp_path / "x.taken", (1, 1))
    assert first not in Taken(tmp_path / "x.taken", lambda: now[0])


def test_a_segment_that_was_stored_but_not_removed_is_not_stored_twice(store, tmp_path):
    folder = tmp_path / "spool"
    folder.mkdir()
    file = folder / "000000000009-cd.segment"
    file.write_bytes(segment(request("stored", Said("1" * 16, "x"))))
    store.load(TRACES, file, file.stem)
    intake = Intake("traces", TRACES, store, folder)
    intake.flush()
    assert count(store, "stored") == 1
    assert list(folder.iterdir()) == []
    intake.close()


class Away:
    """A store that does not take anything until it is back."""

    def __init__(self, store):
        self.store = store
        self.is_back = False

    def load(self, *given):
        if not self.is_back:
            raise StoreError("the disk is full")
        self.store.load(*given)

    def query(self, *given):
        if not self.is_back:
            raise StoreError("the disk is full")
        return self.store.query(*given)


def test_while_the_store_is_away_everything_waits_on_disk_and_the_reason_is_told(
    store, tmp_path, monkeypatch
):
    monkeypatch.setattr(intake_module, "FLUSH_SECONDS", 0.05)
    away = Away(store)
    intake = Intake("traces", TRACES, away, tmp_path / "spool")
    for n in range(1, 4):
        intake.take(body("away", f"{n}" * 16), 1)
        with pytest.raises(StoreError):
            intake.flush()
    eventually("the disk is full", lambda: intake.tally.last_error)
    assert intake.waiting > 0
    away.is_back = True
    intake.flush()
    assert count(store, "away") == 3
    assert (intake.waiting, intake.tally.last_error) == (0, "")
    intake.close()


def test_when_the_spool_is_full_senders_are_told_to_wait(store, tmp_path):
    away = Away(store)
    intake = Intake("traces", TRACES, away, tmp_path / "spool", most_bytes=400)
    for n in range(1, 3):
        intake.take(body("full", f"{n}" * 16), 1)
    with pytest.raises(SpoolFullError):
        intake.take(body("full", "3" * 16), 1)
    assert intake.tally.shed == 1
    assert "spool is full" in intake.tally.no_room
    away.is_back = True
    intake.flush()
    intake.take(body("full", "4" * 16), 1)
    assert intake.tally.no_room == ""
    intake.close()
    assert count(store, "full") == 3


def test_a_segment_that_the_store_never_takes_is_set_aside_and_others_pass(store, tmp_path, monkeypatch):
    monkeypatch.setattr(intake_module, "FLUSH_SECONDS", 0.01)
    monkeypatch.setattr(intake_module, "_REFUSED_AFTER", 2)
    folder = tmp_path / "spool"
    folder.mkdir()
    (folder / "000000000001-ee.segment").write_bytes(b"\x05\xff\xff\xff\xff\xff")
    intake = Intake("traces", TRACES, store, folder)
    eventually(1, lambda: intake.tally.set_aside)
    intake.take(body("after"), 1)
    eventually(1, lambda: count(store, "after"))
    assert [file.name for file in folder.glob("*refused")] == ["000000000001-ee.segment-refused"]
    intake.close()


def test_a_request_that_the_store_refuses_does_not_take_its_neighbours_along(store, tmp_path, monkeypatch):
    monkeypatch.setattr(intake_module, "FLUSH_SECONDS", 0.01)
    monkeypatch.setattr(intake_module, "_REFUSED_AFTER", 2)
    folder = tmp_path / "spool"
    folder.mkdir()
    good = [segment(request("beside", Said(f"{n}" * 16, "x"))) for n in range(1, 6)]
    bad = b"\x05\xff\xff\xff\xff\xff"
    (folder / "000000000001-ff.segment").write_bytes(b"".join([*good[:3], bad, *good[3:]]))
    intake = Intake("traces", TRACES, store, folder)
    eventually(1, lambda: intake.tally.set_aside)
    eventually(0, lambda: intake.waiting)
    intake.close()
    assert count(store, "beside") == 5
    assert [(file.name, file.read_bytes()) for file in folder.iterdir()] == [
        ("000000000001-ff.segment-refused", bad)
    ]


def test_on_a_full_disk_nothing_is_set_aside_because_the_disk_is_the_reason(store, tmp_path, monkeypatch):
    class Full(Away):
        def query(self, *given):
            return self.store.query(*given)

    monkeypatch.setattr(intake_module, "FLUSH_SECONDS", 0.01)
    monkeypatch.setattr(intake_module, "_REFUSED_AFTER", 1)
    monkeypatch.setattr(intake_module, "_ROOM", 1 << 62)
    full = Full(store)
    intake = Intake("traces", TRACES, full, tmp_path / "spool")
    intake.take(body("disk"), 1)
    for _ in range(3):
        with pytest.raises(StoreError):
            intake.flush()
    full.is_back = True
    intake.flush()
    assert (count(store, "disk"), intake.tally.set_aside) == (1, 0)
    intake.close()


def test_failures_while_the_store_was_away_are_no_reason_to_load_a_segment_in_parts(
    store, tmp_path, monkeypatch
):
    """Of the whole segment the engine may have kept some tables' rows: its parts have other tokens."""
    tokens = []

    class Shaky(Away):
        answers = False

        def load(self, stream, file, token):
            tokens.append(token)
            super().load(stream, file, token)

        def query(self, *given):
            return self.store.query(*given) if self.answers else super().query(*given)

    monkeypatch.setattr(intake_module, "FLUSH_SECONDS", 3600)
    shaky = Shaky(store)
    intake = Intake("traces", TRACES, shaky, tmp_path / "spool")
    intake.take(body("shaky"), 1)
    for shaky.answers in (False,) * 20 + (True,) * (intake_module._REFUSED_AFTER - 1):
        with pytest.raises(StoreError):
            intake.flush()
    shaky.is_back = True
    intake.flush()
    assert len(set(tokens)) == 1
    assert (count(store, "shaky"), intake.tally.set_aside) == (1, 0)
    intake.close()


def test_whatever_breaks_while_the_store_loads_the_next_try_comes(store, tmp_path, monkeypatch):
    monkeypatch.setattr(intake_module, "FLUSH_SECONDS", 0.01)

    class Odd(Away):
        def load(self, *given):
            if not self.is_back:
                self.is_back = True
                raise MemoryError("once")
            self.store.load(*given)

    intake = Intake("traces", TRACES, Odd(store), tmp_path / "spool")
    intake.take(body("odd"), 1)
    eventually(1, lambda: count(store, "odd"))
    intake.close()


def test_whoever_asks_at_the_same_time_no_segment_is_loaded_by_two(store, tmp_path, monkeypatch):
    """Loading twice would be harmless for the rows, but the second would find the file gone and call it an error."""
    monkeypatch.setattr(intake_module, "FLUSH_SECONDS", 0.005)

    class Slow(Away):
        loading = 0

        def load(self, *given):
            self.loading += 1
            assert self.loading == 1
            time.sleep(0.02)
            self.store.load(*given)
            self.loading -= 1

    intake = Intake("traces", TRACES, Slow(store), tmp_path / "spool")
    for n in range(1, 8):
        intake.take(body("together", f"{n}" * 16), 1)
        intake.flush()
    intake.close()
    assert count(store, "together") == 7
    assert intake.tally.last_error == ""


def test_a_request_made_from_another_format_is_recognised_by_what_it_was_made_from_after_a_crash_too(
    store, tmp_path
):
    folder = tmp_path / "spool"
    first = Intake("traces", TRACES, Away(store), folder)
    assert first.take(body("made"), 1, identity=b"as it was written")
    first.close()
    second = Intake("traces", TRACES, store, folder)
    assert not second.take(body("made", "2" * 16), 1, identity=b"as it was written")
    second.close()
    assert count(store, "made") == 1
