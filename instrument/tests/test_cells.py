"""What calls left in lists is folded in steps, and every call is kept."""

import random
import threading

from ktlo_instrument.pure import NEVER, OUTSIDE


def test_a_clock_that_goes_back_gives_no_negative_time():
    from ktlo_instrument.cells import Cell

    cell, total = Cell(0), Cell(0)
    for wall in (5, -(10**12), 1, 2, 3, 1024, 1025, 0, 1 << 62, 1 << 70):
        cell.of(OUTSIDE, cell.leaf).append(wall)
    cell.move(total)
    calls, wall, own = total.row(1)[2:5]
    assert (calls, wall, own) == (10, 2060 + (1 << 62) + (1 << 70), 2060 + (1 << 62) + (1 << 70))
    _, offset, counts = total.row(1)[6]
    told = {offset + place: count for place, count in enumerate(counts) if count}
    assert told == {-1: 3, 0: 1, 1: 1, 2: 1, 9: 1, 10: 1, 61: 1, 62: 1}


def test_durations_folded_at_once_lie_where_each_lies_by_itself():
    from ktlo_instrument.cells import Shape

    chance = random.Random(6)
    for number in (1, 15, 16, 17, 200, 256, 257, 700):
        for most in (0, 1, 9, 20, 30, 31, 33):
            durations = [
                max(0, (1 << chance.randint(0, most)) + chance.randint(-1, 1)) for _ in range(number)
            ]
            expected = [0] * 64
            for each in durations:
                expected[next(place for place in range(64) if each <= 1 << place)] += 1
            shape, waiting = Shape(), durations[:]
            assert shape.take(waiting) == number
            assert (shape.counts, shape.total, waiting) == (expected, sum(durations), [])


def test_folded_in_many_steps_the_figures_are_those_of_the_calls(bench):
    shop = bench.module("def leaf():\n    pass\ndef outer(n):\n    for _ in range(n):\n        leaf()\n")
    for _ in range(300):
        shop.outer(3)
    rows = bench.rows()
    leaf, outer = rows["leaf"], rows["outer"]
    assert (leaf.calls, outer.calls) == (900, 300)
    assert (leaf.callers, outer.callers) == ({"outer": 900}, {OUTSIDE: 300})
    for row in (leaf, outer):
        assert sum(row.wall_histogram[2]) == sum(row.own_histogram[2]) == row.calls
    assert leaf.wall == leaf.own
    assert outer.own == outer.wall - leaf.wall


def test_what_waits_to_be_folded_stays_small_whoever_calls():
    from ktlo_instrument import cells, pure, threads

    site = pure.Site(1)
    site.left = NEVER
    most = 0

    def call():
        nonlocal most
        for _ in range(2_000):
            site.exit(site.enter())
            mine = threads.this_thread().now[1].leaf[OUTSIDE]
            most = max(most, len(mine))
            turn.wait()

    turn = threading.Barrier(2)
    pair = [threading.Thread(target=call) for _ in range(2)]
    for each in pair:
        each.start()
    for each in pair:
        each.join()
    assert most < 20 * pure.FOLD
    with cells.folding():  # Somebody folds: who calls does not wait, and loses nothing.
        for _ in range(1_000):
            site.exit(site.enter())
    assert sum(row[2] for row in pure.drain() if row[0] == 1) == 5_000


def test_a_fold_that_was_interrupted_does_not_stop_reporting(monkeypatch):
    from ktlo_instrument import cells, pure

    monkeypatch.setattr(cells, "_PATIENCE", 0.05)
    assert cells._lock.acquire(timeout=1)  # As an interrupt leaves it between two instructions.
    site = pure.Site(1)
    site.exit(site.enter())
    assert sum(row[2] for row in pure.drain() if row[0] == 1) == 1
    assert not cells._lock.locked()


def test_a_call_that_ends_while_its_list_is_folded_is_kept():
    from ktlo_instrument.cells import Shape

    class Busy(list):
        """Another thread appends, each time between reading and shortening."""

        def __getitem__(self, place):
            found = list.__getitem__(self, place)
            self.append(7)
            return found

    waiting = Busy([1, 2])
    assert Shape().take(waiting) == 2
    assert list(waiting) == [7]
