"""What is asked by two at once is worked out once, and nobody waits for another question."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet

import pytest

from ktlo.planning.remembered import Remembered

LONG = 30.0
SHORT = 0.2


class Working:
    """Work that begins, and goes on until it is let go."""

    def __init__(self) -> None:
        self.begun, self.let_go, self.times = threading.Event(), threading.Event(), 0

    def __call__(self) -> str:
        self.times += 1
        self.begun.set()
        assert self.let_go.wait(LONG)
        return f"answer {self.times}"


@pytest.fixture
def pool():
    with ThreadPoolExecutor(8) as opened:
        yield opened


def _is_waiting(asked: Future[str]) -> bool:
    try:
        asked.result(SHORT)
    except NotYet:
        return True
    return False


def test_all_who_ask_at_once_get_the_answer_that_is_made_once(pool):
    kept, working = Remembered(), Working()
    first = pool.submit(kept.once, "load", working)
    assert working.begun.wait(LONG)
    others = [pool.submit(kept.once, "load", working) for _ in range(5)]
    assert _is_waiting(others[-1])
    working.let_go.set()
    assert {each.result(LONG) for each in (first, *others)} == {"answer 1"}
    assert kept.once("load", working) == "answer 1"


def test_another_question_is_answered_meanwhile(pool):
    kept, working = Remembered(), Working()
    first = pool.submit(kept.once, "load", working)
    assert working.begun.wait(LONG)
    assert pool.submit(kept.once, "plan", lambda: "at once").result(LONG) == "at once"
    assert not first.done()
    working.let_go.set()


def test_an_error_reaches_all_who_wait_and_who_asks_later_tries_again(pool):
    kept, working = Remembered(), Working()

    def breaks() -> str:
        working()
        raise ValueError("the disk is full")

    asked = [pool.submit(kept.once, "load", breaks)]
    assert working.begun.wait(LONG)
    asked.append(pool.submit(kept.once, "load", breaks))
    assert _is_waiting(asked[-1])
    working.let_go.set()
    for each in asked:
        with pytest.raises(ValueError, match="the disk is full"):
            each.result(LONG)
    assert working.times == 1
    assert kept.once("load", lambda: "anew") == "anew"


def test_the_oldest_are_forgotten_and_what_holds_no_longer_is_made_anew():
    kept = Remembered(2)
    for key in "abc":
        kept.once(key, lambda key=key: key)
    assert kept.once("c", lambda: "again") == "c"
    assert kept.once("a", lambda: "again") == "again"
    assert kept.once("a", lambda: "newer", lambda before: before != "again") == "newer"


def test_nothing_is_an_answer_too():
    kept = Remembered()
    assert kept.once("debt", lambda: None) is None
    assert kept.once("debt", lambda: "made twice") is None
