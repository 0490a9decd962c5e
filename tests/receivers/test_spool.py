"""What was appended is on disk; what was cut off is cut off cleanly."""

from __future__ import annotations

import errno
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktlo.receivers import spool as spool_module
from ktlo.receivers.spool import Spool, SpoolFullError, length_prefix, messages


def bodies(segment) -> list[bytes]:
    with segment.file.open("rb") as file:
        return [body for _, body in messages(file)]


def test_appended_messages_are_in_the_closed_segment_in_order(tmp_path):
    spool = Spool(tmp_path)
    for body in (b"one", b"", b"three" * 1000):
        spool.append(body)
    assert spool.closed() == []
    spool.rotate()
    (segment,) = spool.closed()
    assert bodies(segment) == [b"one", b"", b"three" * 1000]
    assert spool.size == segment.size == segment.file.stat().st_size
    spool.remove(segment)
    assert (spool.closed(), spool.size) == ([], 0)


def test_segments_keep_their_order_and_have_names_of_their_own(tmp_path):
    spool = Spool(tmp_path)
    for n in range(12):
        spool.append(b"%d" % n)
        spool.rotate()
    assert [bodies(one) for one in spool.closed()] == [[b"%d" % n] for n in range(12)]
    assert len({one.token for one in spool.closed()}) == 12


@given(st.lists(st.binary(max_size=400), min_size=1, max_size=6), st.data())
def test_whatever_a_crash_cuts_off_whole_messages_stay(tmp_path_factory, given_bodies, data):
    folder = tmp_path_factory.mktemp("spool")
    written = b"".join(length_prefix(len(body)) + body for body in given_bodies)
    cut = data.draw(st.integers(0, len(written)))
    (folder / "000000000001-aa.open").write_bytes(written[:cut])
    recovered = Spool(folder).recover()
    kept = [body for segment in recovered for body in bodies(segment)]
    assert kept == given_bodies[: len(kept)]
    ends = [
        len(b"".join(length_prefix(len(b)) + b for b in given_bodies[: n + 1]))
        for n in range(len(given_bodies))
    ]
    assert len(kept) == sum(end <= cut for end in ends)


def test_a_full_spool_refuses_and_takes_again_when_there_is_room(tmp_path):
    spool = Spool(tmp_path, most_bytes=100)
    spool.append(b"x" * 90)
    with pytest.raises(SpoolFullError, match="behind"):
        spool.append(b"y" * 20)
    spool.rotate()
    (segment,) = spool.closed()
    spool.remove(segment)
    spool.append(b"y" * 20)
    spool.rotate()
    assert [bodies(one) for one in spool.closed()] == [[b"y" * 20]]


def half(file, data):
    """What a disk does that has room for half of a message; ``test_full_disk.py`` has a real one."""
    file.write(data[: len(data) // 2])
    raise OSError(errno.ENOSPC, "No space left on device")


def failing(*_):
    raise OSError(errno.EIO, "Input/output error")


def failing_after(begun, ended):
    """An fsync that is under way from the one event to the other, and then fails."""

    def fails(descriptor):
        begun.set()
        assert ended.wait(60)
        failing()

    return fails


def test_a_full_disk_leaves_no_half_message(tmp_path, monkeypatch):
    spool = Spool(tmp_path)
    spool.append(b"before")
    with monkeypatch.context() as full:
        full.setattr(spool_module, "_write", half)
        with pytest.raises(SpoolFullError, match="No space left"):
            spool.append(b"lost" * 100)
    spool.append(b"after")
    spool.rotate()
    assert [bodies(one) for one in spool.closed()] == [[b"before", b"after"]]


def test_a_message_on_its_way_to_the_disk_while_the_next_finds_no_room_is_acknowledged_and_kept_once(
    tmp_path, monkeypatch
):
    """Refused, it would be sent again and be there twice."""
    spool, fsync = Spool(tmp_path), os.fsync
    spool.append(b"before")
    syncing, refused = threading.Event(), threading.Event()

    def slow(descriptor):
        syncing.set()
        assert refused.wait(60)
        fsync(descriptor)

    monkeypatch.setattr(spool_module.os, "fsync", slow)
    with ThreadPoolExecutor(1) as pool:
        fits = pool.submit(spool.append, b"fits")
        assert syncing.wait(60)
        with monkeypatch.context() as full:
            full.setattr(spool_module, "_write", half)
            with pytest.raises(SpoolFullError):
                spool.append(b"lost" * 100)
        refused.set()
        fits.result()
    spool.append(b"after")
    spool.rotate()
    assert [bodies(one) for one in spool.closed()] == [[b"before", b"fits", b"after"]]


@pytest.mark.parametrize("kept", [[], [b"kept"]], ids=["first", "after another"])
def test_what_fsync_did_not_keep_is_refused_to_all_who_wait_and_is_not_there_when_it_is_sent_again(
    tmp_path, monkeypatch, kept
):
    """One fsync fails for two messages; the next would succeed, whatever became of what the first should have kept."""
    spool, fsync = Spool(tmp_path), os.fsync
    for body in kept:
        spool.append(body)
    syncing, both = threading.Event(), threading.Event()

    spool._open()
    monkeypatch.setattr(spool_module.os, "fsync", failing_after(syncing, both))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(spool.append, b"one")
        assert syncing.wait(60)
        before = spool.open_bytes
        second = pool.submit(spool.append, b"two")
        while spool.open_bytes == before:
            time.sleep(0.001)
        monkeypatch.setattr(spool_module.os, "fsync", fsync)
        both.set()
        assert [type(asked.exception()) for asked in (first, second)] == [SpoolFullError] * 2
    for body in (b"one", b"two"):
        spool.append(body)
    assert spool.size == sum(len(length_prefix(3)) + len(body) for body in [*kept, b"one", b"two"])
    spool.rotate()
    assert [body for segment in spool.closed() for body in bodies(segment)] == [*kept, b"one", b"two"]


def test_a_disk_that_fails_in_every_way_at_once_takes_nothing_of_the_file_that_follows(tmp_path, monkeypatch):
    """While one fsync is under way a write fails, what it left cannot be cut off, and another file begins."""
    spool, fsync = Spool(tmp_path), os.fsync
    spool.append(b"kept")
    syncing, begun = threading.Event(), threading.Event()

    monkeypatch.setattr(spool_module.os, "fsync", failing_after(syncing, begun))
    with ThreadPoolExecutor(2) as pool:
        waits = pool.submit(spool.append, b"waits")
        assert syncing.wait(60)
        monkeypatch.setattr(spool_module.os, "fsync", fsync)
        with monkeypatch.context() as broken:
            broken.setattr(spool_module, "_write", half)
            broken.setattr(spool_module.os, "ftruncate", failing)
            with pytest.raises(SpoolFullError):
                spool.append(b"lost" * 100)
        following = pool.submit(spool.append, b"after")
        while not spool.open_bytes:
            time.sleep(0.001)
        begun.set()
        assert type(waits.exception()) is SpoolFullError
        following.result()
    spool.rotate()
    kept = [body for segment in Spool(tmp_path).recover() for body in bodies(segment)]
    assert [body for body in kept if body != b"waits"] == [b"kept", b"after"]


def test_a_segment_that_cannot_be_synced_when_it_is_closed_keeps_what_was_acknowledged(tmp_path, monkeypatch):
    spool = Spool(tmp_path)
    spool.append(b"kept")

    with monkeypatch.context() as patch:
        patch.setattr(spool_module.os, "fsync", failing)
        with pytest.raises(OSError, match="Input/output"):
            spool.rotate()
    spool.append(b"after")
    spool.rotate()
    assert [bodies(one) for one in spool.closed()] == [[b"kept"], [b"after"]]


def test_many_at_once_lose_nothing(tmp_path):
    spool = Spool(tmp_path)

    def work(worker: int) -> None:
        for n in range(50):
            spool.append(b"%d-%d" % (worker, n))
            if n % 10 == 0:
                spool.rotate()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spool.rotate()
    kept = [body for segment in spool.closed() for body in bodies(segment)]
    assert sorted(kept) == sorted(b"%d-%d" % (w, n) for w in range(8) for n in range(50))


def test_a_segment_that_could_not_be_closed_cleanly_does_not_stop_the_next_messages(tmp_path, monkeypatch):
    spool = Spool(tmp_path)
    spool.append(b"one")
    synced = spool_module._sync_folder

    def no_descriptor(folder):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(spool_module, "_sync_folder", no_descriptor)
    with pytest.raises(OSError, match="Too many"):
        spool.rotate()
    monkeypatch.setattr(spool_module, "_sync_folder", synced)
    spool.append(b"two")
    spool.rotate()
    assert [bodies(one) for one in spool.closed()] == [[b"one"], [b"two"]]
