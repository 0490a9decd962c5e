"""The Effort page: who spent what on what, and how much of it kept the lights on."""

from __future__ import annotations

from ktlo.metrics.registry import Family
from ktlo.report.effort import effort
from ktlo.server.web.section_page import PLACES, section_router

router = section_router("effort", "/effort", effort, PLACES, (Family.EFFORT,))
