"""The Reliability page: how fast things are restored, how often they break, how long they are down."""

from __future__ import annotations

from ktlo.metrics.question import Dimension
from ktlo.metrics.registry import Family
from ktlo.report.reliability import reliability
from ktlo.server.web.section_page import PLACES, section_router

router = section_router(
    "reliability", "/reliability", reliability, (*PLACES, Dimension.SEVERITY), (Family.RELIABILITY,)
)
