"""The Bugs page: how fast bugs are resolved, and whether they pile up."""

from __future__ import annotations

from ktlo.metrics.question import Dimension
from ktlo.metrics.registry import Family
from ktlo.report.bugs import bugs
from ktlo.server.web.section_page import PLACES, section_router

router = section_router("bugs", "/bugs", bugs, (*PLACES, Dimension.SEVERITY), (Family.BUGS,))
