"""The Backtest page: how far the forecast can be trusted. One that takes long shows how far it is."""

from __future__ import annotations

from ktlo.metrics.question import Question
from ktlo.planning.backtest.asking import start_backtest
from ktlo.report.backtest import backtest
from ktlo.report.sections import Links, Section
from ktlo.server.runtime import Runtime
from ktlo.server.web.plan_load import MOST_SEED
from ktlo.server.web.plan_page import Given, number, plan_router
from ktlo.server.web.rendering import with_query

PATIENCE = 2.0
"""Seconds that a reader waits for the whole answer before the page shows progress instead."""


def _build(runtime: Runtime, question: Question, links: Links, given: Given) -> Section:
    seed = number(given, "seed", runtime.settings.planning.seed, 0, MOST_SEED)
    making = start_backtest(runtime.store, question, runtime.settings, seed=seed)
    making.wait(PATIENCE)
    return backtest(runtime.store, question, links, making, with_query("/plan/backtest", dict(given)))


router = plan_router("backtest", "/plan/backtest", _build)
