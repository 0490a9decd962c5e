"""Coverage in production: what never ran, as processes tell it."""

import json
import os

import pytest

from conftest import ENGINES
from ktlo_instrument import coverage
from watched import BY_LINE, USE

by_line = pytest.mark.skipif(not BY_LINE, reason="sys.monitoring begins with Python 3.12")


@pytest.mark.parametrize("engine", ENGINES)
def test_it_is_told_which_functions_ran_and_which_never_did(watch, engine):
    told = watch(USE, engine=engine)
    ran = told.ran("shop.orders")
    stub = (
        {"Basket.stub"} if BY_LINE else set()
    )  # without a line of its own it is not counted, only listened to
    assert {name for name, did in ran.items() if did} == stub | {
        "plain", "Basket.total", "Basket.cached", "Basket.name", "numbers", "later",
    }  # fmt: skip
    assert {name for name, did in ran.items() if not did} == {"never", "Basket.total.<locals>.inner"}


def test_a_record_says_where_and_since_when(watch, tmp_path):
    told = watch(USE)
    record = told.modules["shop.orders"]
    assert record["code.file.path"] == str(tmp_path / "shop" / "orders.py")
    assert record["ktlo.coverage.since"].startswith("20")
    assert record["ktlo.coverage.since"].endswith("Z")
    assert record["resource"]["service.name"] == "shop"
    lines = {name: line for name, line, _ in json.loads(record["ktlo.coverage.functions"])}
    assert lines["plain"] == 5
    assert lines["Basket.cached"] == 27  # its decorator's, as the statistics have it


@by_line
def test_it_is_told_which_lines_never_ran(watch):
    told = watch(USE)
    assert told.never("shop.orders") == [[7, 7], [13, 13], [15, 15], [23, 23]]


@pytest.mark.skipif(BY_LINE, reason="with sys.monitoring lines are known")
def test_where_lines_are_not_known_nothing_is_said_of_them(watch):
    assert watch(USE).never("shop.orders") is None


def test_a_function_that_only_began_ran(watch):
    told = watch(
        """
        import threading, shop.orders as o, os
        waiting = iter(o.numbers())
        next(waiting)
        def forever(): threading.Event().wait()
        threading.Thread(target=forever, daemon=True).start()
        """
    )
    assert told.ran("shop.orders")["numbers"]
    assert told.ran("__main__")["forever"]


def test_modules_that_were_never_imported_are_told_and_the_others_are_not_touched(watch):
    told = watch(
        """
        import shop, ktlo_instrument
        running = ktlo_instrument.current()
        running.coverage.settle()
        for _ in range(9): running.unimported.step(now=True)
        """
    )
    assert len(told.ran("shop.orders")) == 9
    assert not any(told.ran("shop.orders").values())
    assert told.ran("shop.old.coupons") == {"Coupon.redeem": False}
    assert told.modules["shop.old.coupons"]["ktlo.coverage.imported"] is False
    assert told.never("shop.old.coupons") == ([[1, 1], [4, 6]] if BY_LINE else None)
    assert "elsewhere" not in told.modules
    assert "shop.broken" not in told.modules


def test_a_module_that_is_imported_later_is_told_as_it_then_is(watch):
    told = watch(
        """
        import shop, ktlo_instrument
        running = ktlo_instrument.current()
        running.coverage.settle()
        for _ in range(9): running.unimported.step(now=True)
        running._tell_coverage()
        import shop.orders
        shop.orders.never()
        """
    )
    first, last = [each for each in told.records if each["ktlo.module"] == "shop.orders"]
    assert (first["ktlo.coverage.imported"], last["ktlo.coverage.imported"]) == (False, True)
    assert told.ran("shop.orders")["never"]


def test_it_is_told_again_only_when_something_changed(watch):
    told = watch(
        """
        import ktlo_instrument, time
        from shop import orders
        running = ktlo_instrument.current()
        def report():
            running.flush()
            running._tell_coverage()
        report(); report(); report()
        orders.plain(1)
        report()
        """
    )
    assert [each["ktlo.module"] for each in told.records].count("shop.orders") == 2
    assert told.ran("shop.orders")["plain"]


def test_what_did_not_arrive_is_told_again(watch):
    told = watch(
        """
        import ktlo_instrument
        from shop import orders
        running = ktlo_instrument.current()
        running._tell_coverage()
        running.sender._waiting.clear()
        running.sender.dropped += 1
        """
    )
    assert "shop.orders" in told.modules


def test_it_reports_by_itself_in_its_time(watch):
    told = watch(
        "import time\nfrom shop import orders\norders.never()\ntime.sleep(1.5)\nimport os\nos._exit(0)\n",
        KTLO_INSTRUMENT_INTERVAL="0.2",
        KTLO_INSTRUMENT_COVERAGE_INTERVAL="0.5",
    )
    assert told.ran("shop.orders")["never"]
    assert len(told.records) < 8


def test_it_can_be_switched_off(watch):
    assert watch(USE, KTLO_INSTRUMENT_COVERAGE="0").records == []


def test_what_is_left_out_is_not_told(watch):
    told = watch(USE, KTLO_INSTRUMENT_EXCLUDE="shop.orders.never")
    assert "never" not in told.ran("shop.orders")
    if BY_LINE:
        assert told.never("shop.orders") == [[7, 7], [23, 23]]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_tells_what_it_and_its_parent_ran(watch):
    told = watch(
        """
        import os, sys
        from shop import orders
        orders.plain(1)
        pid = os.fork()
        if pid == 0:
            orders.never()
            sys.exit(0)
        os.waitpid(pid, 0)
        """
    )
    by_process = {}
    for each in told.records:
        if each["ktlo.module"] == "shop.orders":
            functions = json.loads(each["ktlo.coverage.functions"])
            ran = {name for name, _, did in functions if did}
            by_process[each["resource"]["service.instance.id"]] = ran
    assert sorted(sorted(each) for each in by_process.values()) == [
        ["never", "plain"] if BY_LINE else ["never"],
        ["plain"],
    ]


def test_what_runs_in_threads_is_seen(watch):
    told = watch(
        """
        import threading
        from shop import orders
        threads = [threading.Thread(target=each) for each in (orders.never, orders.Basket().total)]
        [each.start() for each in threads]; [each.join() for each in threads]
        """
    )
    ran = told.ran("shop.orders")
    assert ran["never"]
    assert ran["Basket.total"]


def test_a_module_that_is_loaded_again_is_told_as_it_is_now(watch):
    told = watch(
        """
        import importlib, pathlib, sys
        sys.dont_write_bytecode = True
        from shop import orders
        orders.plain(1); orders.never()
        place = pathlib.Path(orders.__file__)
        place.write_text("# moved\\n\\n" + place.read_text())
        importlib.reload(orders)
        orders.plain(1)
        """
    )
    record = told.modules["shop.orders"]
    lines = {name: (line, did) for name, line, did in json.loads(record["ktlo.coverage.functions"])}
    assert lines["plain"] == (7, 1)
    assert lines["never"] == (14, 0)


def test_large_modules_are_told_in_parts(watch, tmp_path):
    (tmp_path / "shop" / "large.py").write_text("".join(f"def f{n}():\n    pass\n\n" for n in range(450)))
    told = watch("import shop.large\nshop.large.f3()\nshop.large.f449()\n")
    parts = [each for each in told.records if each["ktlo.module"] == "shop.large"]
    functions = [each for part in parts for each in json.loads(part["ktlo.coverage.functions"])]
    assert len(parts) == 3
    assert len(functions) == 450
    assert {name for name, _, ran in functions if ran} == {"f3", "f449"}
    # Lines of a module are told once: what several records of it say of lines is what none of them ran.
    assert sum("ktlo.coverage.lines_never" in part for part in parts) == (1 if BY_LINE else 0)


def test_a_million_functions_are_bounded_and_what_is_left_out_is_counted():
    kept = coverage.Coverage()
    functions = tuple((f"f{number}", number, None) for number in range(50_000))
    for number in range(20):
        kept._keep(coverage.Module(f"m{number}", f"m{number}.py", functions, None))
    assert sum(len(each.functions) for each in kept._modules.values()) == 200_000
    assert kept.beyond == 16
    kept._keep(coverage.Module("m0", "m0.py", functions, None))
    assert len(kept._modules) == 4


def test_a_module_that_was_loaded_by_others_is_not_told_as_never_imported(watch):
    told = watch(
        """
        import ktlo_instrument, sys
        hook = sys.meta_path.pop(sys.meta_path.index(ktlo_instrument.current().hook))
        from shop import orders
        sys.meta_path.insert(0, hook)
        import shop.old
        running = ktlo_instrument.current()
        running.coverage.settle()
        for _ in range(9): running.unimported.step(now=True)
        """
    )
    assert "shop.old.coupons" in told.modules
    assert "shop.orders" not in told.modules
