"""The parser of git's log: whatever bytes people put into names, messages and paths come back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ktlo.sources.git.log import Limits, read_log
from ktlo.sources.git.program import GitError

ANY = st.binary(max_size=30).map(lambda raw: raw.replace(b"\0", b""))
LINE = ANY.map(lambda raw: raw.replace(b"\n", b""))
PATH = st.binary(min_size=1, max_size=30).map(lambda raw: raw.replace(b"\0", b"/") or b"/")
CHANGE = st.tuples(
    st.one_of(st.just(-1), st.integers(0, 10**6)), st.integers(0, 10**6), PATH, st.one_of(st.just(b""), PATH)
)
COMMIT = st.tuples(LINE, LINE, LINE, LINE, ANY, LINE, ANY, st.lists(CHANGE, max_size=4))


def printed(commits: list) -> tuple[bytes, list]:
    """What ``git log`` would print for these commits, and what should be read from it."""
    out, expected = b"", []
    for number, (a_name, a_mail, c_name, c_mail, trailers, subject, body, changes) in enumerate(commits):
        header = [b"%040x" % number, b"", b"1700000000 +0100", b"1700000000 +0100"]
        header += [a_name, a_mail, c_name, c_mail, trailers, subject, body]
        out += b"".join(field + b"\0" for field in header) + b"\0"
        for position, (added, deleted, path, old) in enumerate(changes):
            counts = b"-\t-\t" if added < 0 else b"%d\t%d\t" % (added, deleted)
            out += (b"" if position else b"\n") + counts
            out += b"\0" + old + b"\0" + path + b"\0" if old else path + b"\0"
        read = [(added, 0 if added < 0 else deleted, path, old) for added, deleted, path, old in changes]
        expected.append((tuple(header), read))
    return out, expected


def read(pieces: list[bytes], limits: Limits) -> list:
    found = []
    for block in read_log(pieces, limits):
        for index, header in enumerate(block.headers):
            changes = [
                row[1:]
                for row in zip(
                    block.change_commit, block.added, block.deleted, block.path, block.old_path, strict=True
                )
                if row[0] == index
            ]
            found.append((header[:-1], changes))
    return found


@given(st.lists(COMMIT, max_size=6), st.integers(1, 40), st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_any_bytes_come_back_however_the_stream_is_cut_and_batched(commits, cut, batch):
    output, expected = printed(commits)
    pieces = [output[start : start + cut] for start in range(0, len(output), cut)]
    assert read(pieces, Limits(commits=batch)) == expected


@given(st.lists(COMMIT, min_size=1, max_size=4), st.data())
@settings(max_examples=100, deadline=None)
def test_a_stream_that_breaks_off_yields_the_complete_commits_and_then_the_failure(commits, data):
    output, expected = printed(commits)
    end = data.draw(st.integers(0, len(output)))

    def breaking():
        yield output[:end]
        raise GitError("object missing")

    found = []
    blocks = read_log(breaking())
    with pytest.raises(GitError):  # noqa: PT012 - what came before the failure is looked at too
        for block in blocks:
            found += [header[:-1] for header in block.headers]
    assert found == [header for header, _ in expected[: len(found)]]


def test_a_block_forgets_the_changes_of_commits_that_are_not_wanted():
    commit = (b"n", b"m", b"n", b"m", b"", b"s", b"")
    output, _ = printed([(*commit, [(1, 2, b"a", b"")] * 2), (*commit, [(3, 4, b"b", b"")])])
    (block,) = read_log([output])
    block.keep_changes([False, True])
    assert (block.change_commit, block.added, block.path) == ([1], [3], [b"b"])
