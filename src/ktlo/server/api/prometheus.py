"""Prometheus' HTTP API over ktlo's metrics: Grafana's Prometheus datasource and ``promtool query`` connect to it.

Format: Prometheus, "HTTP API" (stable, v1). Base URL for such programs: ``…/api/prometheus``.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ktlo import __version__
from ktlo.errors import KtloError, StoreError
from ktlo.server.api.metrics import runtime_of
from ktlo.server.api.prometheus_given import MOST_ASKED, BadDataError, Given, unescaped
from ktlo.server.prometheus_error import BASE, refused
from ktlo.telemetry.promql import asking, listing
from ktlo.telemetry.promql.aggregation import number_text
from ktlo.telemetry.promql.histograms import floats_of, natives
from ktlo.telemetry.promql.listing import Found
from ktlo.telemetry.promql.parsing import parsed
from ktlo.telemetry.promql.question import Answered, Asked, Limits
from ktlo.telemetry.promql.stored import MOST_SERIES
from ktlo.telemetry.promql.vector import Scalar, Text, Vector

router = APIRouter(include_in_schema=False)

PREFIX = f"{BASE}/api/v1"
_MONTH_MS = 30 * 86_400_000
_CUT = "results truncated due to limit"
"""Prometheus' own words, by which Grafana knows it."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """A list for the envelope.

    Attributes:
        data: what fits.
        warnings: what is said beside it.
    """

    data: Any
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, found: Found, most: int, *, is_cut: bool = False) -> _Listed:
        """A list that was asked for one more than ``most``, so that one that is cut is known."""
        told = []
        if found.is_partial:
            told.append(
                f"of the series that match the first {MOST_SERIES:,} are looked at: choose with match[]"
            )
        if is_cut or len(found.values) > most:
            told.append(
                f"the first {most:,} are listed: choose with match[], or give limit (at most {MOST_ASKED:,})"
            )
        return cls(found.values[:most], (_CUT, *told) if told else ())

    def as_object(self) -> _Listed:
        """The same of pairs of name and value."""
        return _Listed(dict(self.data), self.warnings)


async def _answer(request: Request, compute: Callable[[Any, Given], Any]) -> Response:
    """Answer in Prometheus' envelope; errors, too."""
    pairs = list(request.query_params.multi_items())
    if request.method == "POST":
        form = await request.form()
        pairs += [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    running = runtime_of(request)
    try:
        data = await run_in_threadpool(compute, running.store, Given(pairs))
    except BadDataError as error:
        return refused(400, str(error), "bad_data")
    except StoreError as error:
        return refused(503, str(error), "unavailable")
    except KtloError as error:
        return refused(400, str(error), "bad_data")
    if isinstance(data, str):
        return Response(f'{{"status":"success","data":{data}}}', media_type="application/json")
    listed = data if isinstance(data, _Listed) else _Listed(data)
    warned = {"warnings": listed.warnings} if listed.warnings else {}
    return _json(200, {"status": "success", "data": listed.data, **warned})


def _json(status: int, body: Any) -> Response:
    return Response(
        json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        status_code=status,
        media_type="application/json",
    )


def _now() -> int:
    return round(dt.datetime.now(dt.UTC).timestamp() * 1000)


def _limits(given: Given) -> Limits:
    return Limits(seconds=min(Limits().seconds, given.duration("timeout", Limits().seconds)))


def _lookback(given: Given) -> int:
    return max(1, round(given.duration("lookback_delta", 300) * 1000))


@router.api_route("/query", methods=["GET", "POST"])
async def query(request: Request) -> Response:
    """An expression at one moment."""
    return await _answer(request, _query)


def _query(store: Any, given: Given) -> Any:
    at = given.moment("time", _now())
    expression = given.one("query")
    samples = asking.range_of(store, expression, at)
    if samples is not None:
        series = (
            _series(
                dict(labels),
                "values",
                _pairs(samples.times[low:high], samples.values[low:high]),
            )
            for labels, low, high in zip(samples.labels, samples.starts[:-1], samples.starts[1:], strict=True)
        )
        return f'{{"resultType":"matrix","result":[{",".join(series)}]}}'
    answered = asking.ask(store, Asked(expression, at, at, lookback=_lookback(given), limits=_limits(given)))
    value = answered.value
    if isinstance(value, Scalar):
        return {"resultType": "scalar", "result": [at / 1000, number_text(float(value.values[0]))]}
    if isinstance(value, Text):
        return {"resultType": "string", "result": [at / 1000, value.value]}
    return f'{{"resultType":"vector","result":[{",".join(_vector(answered, "value"))}]}}'


@router.api_route("/query_range", methods=["GET", "POST"])
async def query_range(request: Request) -> Response:
    """An expression over a range."""
    return await _answer(request, _query_range)


def _query_range(store: Any, given: Given) -> Any:
    step = max(1, round(given.duration("step") * 1000))
    asked = Asked(
        given.one("query"), given.moment("start"), given.moment("end"), step,
        lookback=_lookback(given), limits=_limits(given),
    )  # fmt: skip
    answered = asking.ask(store, asked)
    value = answered.value
    if isinstance(value, Text):
        raise BadDataError(
            'invalid expression type "string" for range query, must be Scalar or instant Vector'
        )
    if isinstance(value, Scalar):
        series = [_series({}, "values", _pairs(answered.times, value.values))]
    else:
        series = _vector(answered, "values")
    return f'{{"resultType":"matrix","result":[{",".join(series)}]}}'


def _vector(answered: Answered, key: str) -> list[str]:
    """Series as JSON text; ``key`` is ``value`` for one moment and ``values`` for many."""
    vector = answered.value
    if not isinstance(vector, Vector):
        return []
    plain = floats_of(vector)
    found = []
    order = (
        range(len(plain.labels))
        if vector.ordered
        else sorted(range(len(plain.labels)), key=plain.labels.__getitem__)
    )
    for row in order:
        there = plain.present[row]
        pairs = _pairs(answered.times[there], plain.values[row][there])
        found.append(_series(dict(plain.labels[row]), key, pairs if key == "values" else pairs[1:-1]))
    for labels, (native, present) in natives(vector).items():
        points = []
        for step in np.flatnonzero(present):
            buckets = [
                [
                    0 if low > 0 else 1 if high < 0 else 3,
                    number_text(low),
                    number_text(high),
                    number_text(counted),
                ]
                for low, high, counted in zip(native.lower, native.upper, native.counts[:, step], strict=True)
                if counted
            ]
            points.append(
                [
                    answered.times[step] / 1000,
                    {
                        "count": number_text(native.count[step]),
                        "sum": number_text(native.total[step]),
                        "buckets": buckets,
                    },
                ]
            )
        word = "histograms" if key == "values" else "histogram"
        found.append(_series(dict(labels), word, json.dumps(points if key == "values" else points[0])))
    return found


def _series(labels: dict[str, str], key: str, values: str) -> str:
    return f'{{"metric":{json.dumps(labels, ensure_ascii=False)},"{key}":{values}}}'


def _pairs(times: Any, values: Any) -> str:
    texts = [
        f'[{at / 1000:.3f},"{int(value) if value.is_integer() and abs(value) < 1e15 else number_text(value)}"]'
        for at, value in zip(times.tolist(), values.tolist(), strict=True)
    ]
    return f"[{','.join(texts)}]"


def _stretch(given: Given) -> tuple[int, int]:
    end = given.moment("end", _now())
    return given.moment("start", end - _MONTH_MS), end


def _matches(given: Given) -> list[Any]:
    return [asking.selector_from(text) for text in given.all("match[]")]


@router.api_route("/series", methods=["GET", "POST"])
async def series(request: Request) -> Response:
    """Label sets of series."""

    def compute(store: Any, given: Given) -> Any:
        selectors = _matches(given)
        if not selectors:
            raise BadDataError("no match[] parameter provided")
        most = given.most()
        return _Listed.of(listing.series(store, selectors, *_stretch(given), most + 1), most)

    return await _answer(request, compute)


@router.api_route("/labels", methods=["GET", "POST"])
async def labels(request: Request) -> Response:
    """Names of labels."""

    def compute(store: Any, given: Given) -> Any:
        most = given.most()
        return _Listed.of(listing.label_names(store, _matches(given), *_stretch(given), most + 1), most)

    return await _answer(request, compute)


@router.get("/label/{name:path}/values")
async def label_values(request: Request, name: str) -> Response:
    """Values of a label; ``U__`` escapes of UTF-8 names are read."""

    def compute(store: Any, given: Given) -> Any:
        label, most = unescaped(name), given.most()
        return _Listed.of(
            listing.label_values(store, label, _matches(given), *_stretch(given), most + 1), most
        )

    return await _answer(request, compute)


@router.get("/metadata")
async def metadata(request: Request) -> Response:
    """Type, unit and description by metric."""

    def compute(store: Any, given: Given) -> Any:
        only, most = given.one("metric", ""), given.most()
        found: dict[str, list[dict[str, str]]] = {}
        told = asking.described(store, *_stretch(given), only, most + 1)
        for each in told:
            found.setdefault(each.name, []).append(
                {"type": each.kind, "help": each.description, "unit": each.unit}
            )
        return _Listed.of(
            Found(list(found.items())), most, is_cut=len({each.raw for each in told}) > most
        ).as_object()

    return await _answer(request, compute)


@router.api_route("/query_exemplars", methods=["GET", "POST"])
async def query_exemplars(request: Request) -> Response:
    """Measurements with their traces."""

    def compute(store: Any, given: Given) -> Any:
        found: dict[Any, list[dict[str, Any]]] = {}
        for each in asking.exemplars(store, given.one("query"), *_stretch(given)):
            found.setdefault(each.labels, []).append(
                {
                    "labels": {"trace_id": each.trace_id, "span_id": each.span_id},
                    "value": number_text(each.value),
                    "timestamp": each.at / 1000,
                }
            )
        return [{"seriesLabels": dict(key), "exemplars": listed} for key, listed in found.items()]

    return await _answer(request, compute)


@router.api_route("/format_query", methods=["GET", "POST"])
async def format_query(request: Request) -> Response:
    """An expression, indented."""
    return await _answer(request, lambda _, given: json.dumps(parsed(given.one("query")).prettify()))


@router.get("/status/buildinfo")
async def buildinfo(request: Request) -> Response:
    """Which Prometheus this answers like; programs choose their features by it."""
    about = {
        "version": "3.0.0", "revision": f"ktlo {__version__}", "branch": "", "buildUser": "", "buildDate": "",
        "goVersion": "",
    }  # fmt: skip
    return await _answer(request, lambda _store, _given: about)


@router.get("/rules")
async def rules(request: Request) -> Response:
    """Rules of Prometheus' own: none."""
    return await _answer(request, lambda _store, _given: {"groups": []})


@router.get("/alerts")
async def alerts(request: Request) -> Response:
    """Alerts of Prometheus' own: none."""
    return await _answer(request, lambda _store, _given: {"alerts": []})
