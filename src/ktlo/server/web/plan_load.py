"""The Load page: what keeping the lights on will ask for."""

from __future__ import annotations

from ktlo.metrics.question import Question
from ktlo.report.load import load
from ktlo.report.sections import Links, Section
from ktlo.server.runtime import Runtime
from ktlo.server.web.plan_page import Given, number, plan_router

MOST_SEED = 99_999_999


def _build(runtime: Runtime, question: Question, links: Links, given: Given) -> Section:
    said = runtime.settings.planning
    weeks = number(given, "weeks", said.weeks, 1, 52)
    seed = number(given, "seed", said.seed, 0, MOST_SEED)
    return load(runtime.store, question, runtime.settings, links, weeks=weeks, seed=seed)


router = plan_router("load", "/plan/load", _build)
