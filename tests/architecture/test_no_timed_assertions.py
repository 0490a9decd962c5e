"""No test asserts how long something took: a busy machine fails it, or a garbage collection that falls into it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INTERVALS = {
    f"{name}{unit}"
    for name in ("monotonic", "perf_counter", "process_time", "thread_time")
    for unit in ("", "_ns")
}
"""Clocks that tell nothing but how long something took."""
CLOCKS = INTERVALS | {"time", "time_ns"}
INSTEAD = (
    "a test must not assert how long something took, it fails on a busy machine. Count what costs the time (calls, "
    "bytes, rows), or hold the other side with an Event and assert the order; a hang ends at the timeout of a client "
    "or of subprocess; what is about speed is measured in benchmarks/, as a ratio against a peer or a floor"
)


def _called(node: ast.AST) -> str:
    """The name of the function of `time` or `timeit` that is called, or nothing."""
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
        return node.func.attr if node.func.value.id in ("time", "timeit") else ""
    is_known = isinstance(node.func, ast.Name) and node.func.id in INTERVALS | {"timeit"}
    return node.func.id if is_known else ""  # type: ignore[union-attr]


def _stored(node: ast.AST) -> tuple[list[ast.AST], ast.AST | None]:
    """Where something is kept, and what: by assignment, or added to a list."""
    if isinstance(node, ast.Assign):
        return [each for target in node.targets for each in ast.walk(target)], node.value
    if isinstance(node, (ast.AnnAssign, ast.NamedExpr, ast.AugAssign)):
        return list(ast.walk(node.target)), node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "append":
        return [node.func.value], node.args[0]
    return [], None


class Function:
    """What the names of one function stand for: moments of a clock, or lengths of time."""

    def __init__(self, function: ast.AST, lengths: set[str]) -> None:
        self.moments: set[str] = set()
        self.attributes: set[str] = set()
        self.lengths = set(lengths)
        for node in ast.walk(function):
            where, what = _stored(node)
            if what and _called(what) in CLOCKS:
                self.moments |= {each.id for each in where if isinstance(each, ast.Name)}
        for node in ast.walk(function):
            where, what = _stored(node)
            if what and self.is_length(what):
                self.attributes |= {each.attr for each in where if isinstance(each, ast.Attribute)}
                self.lengths |= {each.id for each in where if isinstance(each, ast.Name)} | self.attributes

    def is_length(self, expression: ast.AST) -> bool:
        """Whether a difference of two moments of a clock is in it."""
        for node in ast.walk(expression):
            if _called(node) in ("timeit", "repeat") or self._named(node) in self.lengths:
                return True
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
                sides = (node.left, node.right)
                if all(_called(side) in CLOCKS or self._named(side) in self.moments for side in sides):
                    return True
                if any(_called(side) in INTERVALS for side in sides):
                    return not any(isinstance(side, ast.Constant) for side in sides)
        return False

    @staticmethod
    def _named(node: ast.AST) -> str:
        if isinstance(node, ast.Attribute):
            return node.attr
        return node.id if isinstance(node, ast.Name) else ""


def timed(text: str) -> list[int]:
    """Lines on which a length of time is asserted; the deadline of a loop that waits is none."""
    tree = ast.parse(text)
    functions = [each for each in ast.walk(tree) if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef))]
    in_loops = {
        inner for loop in ast.walk(tree) if isinstance(loop, (ast.While, ast.For)) for inner in ast.walk(loop)
    }
    attributes = set().union(*(Function(function, set()).attributes for function in functions))
    found = set()
    for function in functions:
        known = Function(function, attributes)
        for node in ast.walk(function):
            for compared in ast.walk(node.test) if isinstance(node, ast.Assert) else ():
                if isinstance(compared, ast.Compare) and (
                    known.is_length(compared)
                    or (
                        node not in in_loops
                        and any(_called(each) in INTERVALS for each in ast.walk(compared))
                    )
                ):
                    found.add(node.lineno)
    return sorted(found)


@pytest.mark.parametrize(
    "body",
    [
        "began = time.monotonic()\n work()\n assert time.monotonic() - began < 5",
        "began = time.process_time()\n work()\n took = time.process_time() - began\n assert 0 <= took < BOUND, took",
        "began = perf_counter()\n ended = perf_counter()\n assert ended - began == pytest.approx(1)",
        "began = time.time()\n taken = []\n taken.append(time.time() - began)\n assert min(taken) < 1",
        "seen.seconds.append(time.monotonic() - began)\ndef test_b(seen):\n assert max(seen.seconds) < 1",
        "until = time.monotonic() + 5\n work()\n assert time.monotonic() < until",
        "load = timeit.timeit(work, number=1)\n assert load < 2 * timeit.timeit(other)",
        "for each in many:\n  began = time.monotonic()\n  assert time.monotonic() - began < 5",
    ],
)
def test_a_timed_assertion_is_found(body: str) -> None:
    assert timed(f"def test_a():\n {body}\n")


@pytest.mark.parametrize(
    "body",
    [
        "until = time.monotonic() + 60\n while not done():\n  assert time.monotonic() < until, 'it does not end'",
        "began = time.time_ns()\n work()\n assert began - 60 < told() <= time.time_ns() + 1",
        "began = time.monotonic()\n work()\n print(time.monotonic() - began)\n assert done()",
        "now = time.time_ns() - AGO\n assert said(now - YEAR) == 'a year ago'",
        "began = time.monotonic()\ndef test_b(began, ended):\n assert ended - began == HOUR",
    ],
)
def test_a_deadline_a_time_of_day_and_what_is_only_printed_are_none(body: str) -> None:
    assert not timed(f"def test_a():\n {body}\n")


def test_no_test_asserts_how_long_something_took() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for folder in ("tests", "instrument/tests")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line in timed(path.read_text(encoding="utf-8"))
    ]
    assert not found, f"{', '.join(found)}: {INSTEAD}"
