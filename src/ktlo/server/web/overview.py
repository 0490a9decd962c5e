"""The Overview page: the state of keeping the lights on at a glance."""

from __future__ import annotations

from ktlo.metrics.registry import Family
from ktlo.report.overview import overview
from ktlo.server.web.section_page import PLACES, section_router

router = section_router("overview", "/", overview, PLACES, tuple(Family))
