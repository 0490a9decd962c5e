"""The call graph against small programs whose calls are known, by hand and by running them."""

from __future__ import annotations

import pytest
from corpus import Program, programs, run

from ktlo.guard.reachability.engine import Kind
from ktlo.guard.reachability.graph import build_graph

PROGRAMS = programs()


def found(program: Program, folder) -> dict[tuple[str, str], Kind]:
    graph = build_graph(program.write(folder), entries=["main"])
    assert graph.is_complete
    return {(a.name, b.name): kind for a, b, kind, _ in graph.edges() if kind is not Kind.IMPORT}


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda one: one.name)
def test_the_graph_of_a_small_program_is_the_one_written_down(program, tmp_path):
    edges = found(program, tmp_path)
    certain = {pair for pair, kind in edges.items() if kind is Kind.CALL}
    possible = {pair for pair, kind in edges.items() if kind is Kind.POSSIBLE}
    assert certain == {one.pair for one in program.calls if one.is_certain and one.mark != "missed"}
    assert possible == {one.pair for one in program.calls if not one.is_certain and one.mark != "missed"}


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda one: one.name)
def test_what_is_written_down_is_what_happens(program, tmp_path):
    calls, ran = run(program.write(tmp_path))
    true = {one.pair for one in program.calls if one.mark != "false"}
    assert calls <= true
    for one in program.calls:
        if one.is_run:
            # Generators run when they are resumed, in whoever resumes them.
            assert one.pair in calls or (one.callee in ran and not any(b == one.callee for _, b in calls)), (
                one
            )


def test_precision_and_recall_hold_the_aim():
    true = [one for program in PROGRAMS for one in program.calls if one.mark != "false"]
    told = [one for program in PROGRAMS for one in program.calls if one.is_certain and one.mark != "missed"]
    right = [one for one in told if one.mark != "false"]
    all_found = [one for one in true if one.mark != "missed"]
    assert len(PROGRAMS) >= 60
    assert len(right) / len(told) >= 0.97
    assert len(right) / len([one for one in true if one.is_certain]) >= 0.95
    assert len(all_found) / len(true) >= 0.95
