"""The Hotspots page: where change and complexity meet, who knows it, and the debt beside it."""

from __future__ import annotations

from ktlo.metrics.registry import Family
from ktlo.report.hotspots import hotspots
from ktlo.server.web.section_page import PLACES, section_router

router = section_router("hotspots", "/hotspots", hotspots, PLACES, (Family.HOTSPOTS,))
