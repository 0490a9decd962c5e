"""How finely a period is cut for a picture, and the URL parameters that mean one of its buckets."""

from __future__ import annotations

import datetime as dt

from ktlo.metrics.question import Grain, Question

_DAY = 86400.0


def fitting_grain(question: Question, most: int = 106) -> Grain:
    """The finest grain that cuts a period into no more than so many buckets; days for up to three weeks only."""
    days = question.window.seconds / _DAY
    if days <= 21:
        return Grain.DAY
    if days / 7 + 2 <= most:
        return Grain.WEEK
    return Grain.MONTH if days / 28 + 2 <= most else Grain.QUARTER


def coarse_grain(question: Question) -> Grain:
    """The grain for estimates that need a sample in every bucket: some four to thirty buckets."""
    days = question.window.seconds / _DAY
    if days <= 92:
        return Grain.WEEK
    return Grain.MONTH if days <= 900 else Grain.QUARTER


def narrowed_to(start: dt.datetime, end: dt.datetime) -> dict[str, str]:
    """The parameters of one bucket."""
    return {"from": _instant(start), "to": _instant(end)}


def _instant(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
