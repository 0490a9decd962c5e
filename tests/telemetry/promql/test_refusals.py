"""What cannot be answered says what is wrong, where it stands, and what to do."""

from __future__ import annotations

import contextlib

import promql_world as world
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ktlo.errors import UsageError
from ktlo.telemetry.promql.evaluate import SUPPORTED, answer
from ktlo.telemetry.promql.parsing import parsed
from ktlo.telemetry.promql.places import PromqlError
from ktlo.telemetry.promql.question import Asked, Limits

AT = world.START + 3_600_000
SOURCE = world.source()


@pytest.mark.parametrize(
    ("expression", "said", "marked"),
    [
        ("", "there is no expression", ""),
        ("sum(rate(queue_length[5m])", "unclosed left parenthesis", "("),
        ("rate(queue_length)", "expected type matrix", "rate"),
        ("sum(frobnicate(queue_length))", "unknown function with name 'frobnicate'", "frobnicate"),
        ("info(queue_length)", "info is not supported", "info"),
        ("1 + queue_length * ) 2", "unexpected right parenthesis", ")"),
        ("queue_length +", "this is not PromQL", "+"),
        ("queue_length * / limit", "this is not PromQL", "/"),
        ('queue_length{job=~"("}', "illegal regex", '('),
        ("rate(queue_length[$__interval])", "variable of a dashboard", "$__interval"),
        ("rate(queue_length[5q])", "bad number or duration", "5q"),
        ("holt_winters(queue_length[5m], 0.1, 0.1)", "unknown function", "holt_winters"),
        ("queue_length[5m]", "range of samples", "queue_length[5m]"),
        ("owner * on (job) group_left (instance) queue_length", "several series of the right side", None),
        ("queue_length + on (job) limit", "several series", None),
        ('label_replace(queue_length, "x", "y", "job", "(")', "cannot be read", "label_replace"),
        ("rate(queue_length[999999999y])", "a duration is longer", None),
        ("queue_length offset -999999999y", "a duration is longer", None),
        ("max_over_time(queue_length[1h:999999999y])", "a duration is longer", None),
        ("queue_length @ -1", "before 1970", "-1"),
        ("queue_length @ -5m", "before 1970", "-5m"),
        ("sum(queue_length @ - 1e300)", "before 1970", "- 1e300"),
        ("avg_over_time(queue_length[5m:1m] @ 0x7fffffffffffffff)", "after 2255", "0x7fffffffffffffff"),
        ("rate({__name__=~'latency_seconds_(sum|count)'}[5m])", "the same labels", "rate"),
    ],
)  # fmt: skip
def test_a_refusal_names_what_is_wrong_and_where(expression: str, said: str, marked: str | None) -> None:
    with pytest.raises(PromqlError) as caught:
        answer(Asked(expression, AT, AT), SOURCE)
    error = caught.value
    assert said in str(error)
    assert "line 1, column" in error.where
    if marked:
        assert expression[error.start : error.end] == marked
        assert error.marked().endswith("^" * len(marked))


def test_a_place_in_a_later_line_is_told_by_its_line() -> None:
    with pytest.raises(PromqlError) as caught:
        parsed("sum(\n  queue_length\n) + frob(1)")
    assert caught.value.where == "line 3, column 5"
    assert caught.value.marked() == ") + frob(1)\n    ^^^^"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked("queue_length", AT, AT + 10**9, 15_000), "more than 11,000 steps"),
        (Asked("queue_length", AT, AT - 1), "before its start"),
        (Asked("queue_length", AT, AT, 0), "not greater than zero"),
        (Asked("http_requests_total", AT, AT, limits=Limits(series=3)), "more than 3 series"),
        (Asked("http_requests_total", AT, AT + 600_000, 15_000, limits=Limits(cells=100)), "fit into memory"),
        (Asked("rate(http_requests_total[1h])", AT, AT, limits=Limits(samples=100)), "more than 100 samples"),
        (Asked("queue_length", AT, AT, limits=Limits(seconds=-1)), "takes longer"),
        (Asked("queue_length[10d:1s]", AT, AT), "range of samples"),
        (Asked("max_over_time(queue_length[10d:1s])", AT, AT), "the subquery has"),
        (Asked("max_over_time(queue_length[292y:1ms])", AT, AT), "the subquery has"),
        (Asked("(" * 200 + "1" + ")" * 200, AT, AT), "nested deeper"),
        (Asked("-" * 5000 + "1", AT, AT), "nested deeper"),
        (Asked("1+" * 15000 + "1", AT, AT), "longer than"),
    ],
    ids=[str(number) for number in range(13)],
)  # fmt: skip
def test_a_question_too_large_is_refused(asked: Asked, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        answer(asked, SOURCE)


_LEAVES = st.sampled_from(
    ["queue_length", "http_requests_total", "odd", "1", "time()", "limit", "0", "NaN", "vector(2)"]
)


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    names = sorted(SUPPORTED)
    binary = st.sampled_from(["+", "/", "^", "%", ">", "== bool", "and", "or", "unless", "* on (job)"])
    return st.one_of(
        st.tuples(inner, binary, inner).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
        st.tuples(st.sampled_from(names), inner).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(st.sampled_from(names), inner).map(lambda t: f"{t[0]}(({t[1]})[5m:1m])"),
        st.tuples(st.sampled_from(["sum", "topk(2,", "quantile(0.5,", "stddev"]), inner).map(
            lambda t: f"{t[0]}{t[1]})" if t[0].endswith(",") else f"{t[0]} by (job) ({t[1]})"
        ),
    )


@settings(max_examples=150, deadline=None)
@given(st.recursive(_LEAVES, _grown, max_leaves=6))
def test_any_expression_is_answered_or_refused_in_words(expression: str) -> None:
    with contextlib.suppress(UsageError):
        answer(Asked(expression, AT, AT + 120_000, 60_000), SOURCE)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ab{}()[]\"'`=~!+-*/%^,.:@#$ 01mr\n\\√", max_size=40))
def test_any_text_is_parsed_or_refused_with_a_place_inside_it(text: str) -> None:
    caught = None
    try:
        parsed(text)
    except PromqlError as error:
        caught = error
    assert caught is None or (0 <= caught.start <= len(text) and "^" in caught.marked())
