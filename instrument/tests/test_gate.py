"""Which calls an engine hands to the gate, by both engines: the first, one in so many, slow, failed, traced."""

import pytest

from ktlo_instrument import requests
from ktlo_instrument.pure import NEVER

SHOP = """
def refuse(kind):
    raise kind("no")

def nothing():
    pass
"""


def test_the_gate_is_told_the_first_call_and_then_one_in_so_many(bench):
    shop = bench.module("def add(a, b=2):\n    c = a + b\n    return c\n")
    shop.add(1)
    index, reasons, _, names, error = bench.told[0]
    assert (reasons, names["a"], names["b"], names[".r"], error) == (4, 1, 2, 3, None)
    site = bench.sites.sites[index]
    assert site.left == NEVER
    site.left, site.tokens, site.limit = 10, 5, 1 << 60
    for _ in range(9):
        shop.add(1)
    assert len(bench.told) == 1
    shop.add(5)
    assert bench.told[1][1] == 8
    assert bench.told[1][3]["a"] == 5


def test_the_gate_is_told_slow_calls_errors_and_traced_ones(bench):
    shop = bench.module(SHOP)
    shop.nothing()
    site = bench.sites.sites[bench.told[0][0]]
    site.tokens, site.limit = 10, 1
    shop.nothing()
    site.limit = NEVER
    with requests.request("/", traced=True):
        shop.nothing()
    with pytest.raises(ValueError, match="no"):
        shop.refuse(ValueError)
    assert [each[1] for each in bench.told] == [4, 1, 16, 4 | 2]
    assert isinstance(bench.told[3][4], ValueError)


def test_the_gate_is_told_no_more_than_the_tokens_allow(bench):
    shop = bench.module(SHOP)
    for _ in range(10):
        with pytest.raises(ValueError, match="no"):
            shop.refuse(ValueError)
    assert len(bench.told) == 1


def test_a_gate_that_fails_is_not_noticed(bench):
    shop = bench.module(SHOP)

    def broken(*given):
        raise RuntimeError("ours")

    from ktlo_instrument import engine

    engine.set_up(bench.engine, broken)
    assert shop.nothing() is None
    with pytest.raises(ValueError, match="no"):
        shop.refuse(ValueError)
    shop.nothing()
    assert bench.rows()["nothing"].calls == 2
