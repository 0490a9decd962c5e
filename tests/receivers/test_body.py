"""Bodies are decompressed within a limit, and what is not whole is refused."""

from __future__ import annotations

import gzip
import zlib
from itertools import chain
from types import SimpleNamespace
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ktlo.receivers import body as bodies
from ktlo.receivers.body import MOST_MEMBERS, BadBodyError, TooLargeError, decompress
from ktlo.receivers.elastic import lines
from ktlo.receivers.elastic.lines import Lines

PACKERS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.compress,
    "identity": bytes,
    "": bytes,
}


@given(st.binary(max_size=5000), st.sampled_from(sorted(PACKERS)))
def test_what_was_compressed_comes_back(plain, encoding):
    assert decompress(PACKERS[encoding](plain), encoding) == plain


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_a_bomb_is_given_up_at_the_limit(encoding):
    bomb = PACKERS[encoding](bytes(64 << 20))
    assert len(bomb) < 100_000
    with pytest.raises(TooLargeError, match="1 MiB"):
        decompress(bomb, encoding, most=1 << 20)


def test_a_plain_body_over_the_limit_is_refused():
    with pytest.raises(TooLargeError):
        decompress(b"x" * 11, "", most=10)
    assert decompress(b"x" * 10, "", most=10) == b"x" * 10


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
@pytest.mark.parametrize("cut", [1, 5, 200])
def test_a_body_that_is_cut_off_is_refused(encoding, cut):
    whole = PACKERS[encoding](bytes(range(256)) * 40)
    with pytest.raises(BadBodyError):
        decompress(whole[:-cut], encoding)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_a_body_of_something_else_is_refused(encoding):
    with pytest.raises(BadBodyError):
        decompress(b"this is not compressed at all", encoding)


def test_an_unknown_encoding_is_named():
    with pytest.raises(BadBodyError, match="br"):
        decompress(b"x", "br")


def test_a_gzip_body_of_several_members_is_read_whole():
    parts = [b"one", b"", b"three" * 100]
    assert decompress(b"".join(gzip.compress(part) for part in parts), "gzip") == b"".join(parts)
    with pytest.raises(TooLargeError):
        decompress(gzip.compress(b"x" * 6) + gzip.compress(b"y" * 6), "gzip", most=10)
    with pytest.raises(BadBodyError):
        decompress(gzip.compress(b"x") + b"something else", "gzip")


@given(st.lists(st.binary(max_size=40_000), min_size=1, max_size=5))
def test_members_are_told_apart_wherever_they_end(parts):
    packed = b"".join(gzip.compress(part, 0) for part in parts)
    assert decompress(packed, "gzip") == b"".join(parts)
    with pytest.raises(BadBodyError):
        decompress(packed[:-1], "gzip")


class Inflating:
    """Stands for zlib: how many readers were made, and how many bytes they were given."""

    def __init__(self) -> None:
        self.readers = self.given = 0

    def decompressobj(self, *told: int) -> SimpleNamespace:
        real = zlib.decompressobj(*told)
        self.readers += 1

        class Reader:
            def decompress(_, given: bytes, most: int = 0) -> bytes:  # noqa: N805
                self.given += len(given)
                return real.decompress(given, most)

            def __getattr__(_, name: str) -> Any:  # noqa: N805
                return getattr(real, name)

        return Reader()


MANY_MEMBERS = gzip.compress(b"") * 200_000


@pytest.fixture
def inflating(monkeypatch) -> Inflating:
    counted = Inflating()
    for module in (bodies, lines):
        stand_in = SimpleNamespace(decompressobj=counted.decompressobj, error=zlib.error)
        monkeypatch.setattr(module, "zlib", stand_in)
    return counted


def test_members_by_the_hundred_thousand_cost_next_to_nothing(inflating):
    """A reader copies what follows its member: given all of it, four megabytes took a minute, 64 would take hours."""
    with pytest.raises(BadBodyError, match="10,000 members"):
        decompress(MANY_MEMBERS, "gzip")
    assert inflating.readers == MOST_MEMBERS
    assert inflating.given <= MOST_MEMBERS << 14


def test_members_by_the_hundred_thousand_in_lines_cost_next_to_nothing(inflating):
    arriving, step = Lines("gzip"), 1 << 16  # as a server hands it on
    pieces = iter([MANY_MEMBERS[at : at + step] for at in range(0, len(MANY_MEMBERS), step)])
    with pytest.raises(BadBodyError, match="10,000 members"):
        list(chain.from_iterable(map(arriving.feed, pieces)))
    assert inflating.readers == MOST_MEMBERS
    assert inflating.given <= MOST_MEMBERS * step
    assert len(list(pieces)) > 50  # of 62: the rest is not taken any more
