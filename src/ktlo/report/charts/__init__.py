"""Charts as server-rendered SVG: frozen data in, markup out, a table twin beside each.

Pages and reports import from here. Why SVG made on the server: docs/decisions/0002; how to put one on a
page: docs/design-system.md.
"""

from ktlo.report.charts.activity import Day, HeatCalendar
from ktlo.report.charts.areas import AreaCurve, Guide, Place, RuledOut
from ktlo.report.charts.bars import Bar, BarChart
from ktlo.report.charts.chart import (
    Chart,
    Head,
    Interval,
    Picture,
    Steps,
    Width,
    picture,
    standalone,
)
from ktlo.report.charts.columns import Column, Part, StackedColumns
from ktlo.report.charts.distribution import Bin, Distribution
from ktlo.report.charts.duties import DutyCalendar, Turn
from ktlo.report.charts.flame import Box, Flame
from ktlo.report.charts.graph import Graph
from ktlo.report.charts.lines import Event, Ground, Line, LineChart, LinePoint
from ktlo.report.charts.matrix import Matrix
from ktlo.report.charts.outages import Impact, OutageStrips, Span, Strip
from ktlo.report.charts.palette import CATEGORIES, Swatch, Texture, Theme, category, series
from ktlo.report.charts.quantity import (
    COUNT,
    PERSON_DAYS,
    SECONDS,
    SHARE,
    SHARE_OF_TIME,
    Form,
    Unit,
    unit_named,
    written,
    written_interval,
)
from ktlo.report.charts.ranges import Range, RangeChart
from ktlo.report.charts.scatter import Dot, Measure, Scatter
from ktlo.report.charts.sparkline import Sparkline
from ktlo.report.charts.steps import Curve, Step, StepChart
from ktlo.report.charts.table import Cell, Heading, Row, Table
from ktlo.report.charts.treemap import Tile, Treemap

__all__ = [
    "CATEGORIES",
    "COUNT",
    "PERSON_DAYS",
    "SECONDS",
    "SHARE",
    "SHARE_OF_TIME",
    "AreaCurve",
    "Bar",
    "BarChart",
    "Bin",
    "Box",
    "Cell",
    "Chart",
    "Column",
    "Curve",
    "Day",
    "Distribution",
    "Dot",
    "DutyCalendar",
    "Event",
    "Flame",
    "Form",
    "Graph",
    "Ground",
    "Guide",
    "Head",
    "Heading",
    "HeatCalendar",
    "Impact",
    "Interval",
    "Line",
    "LineChart",
    "LinePoint",
    "Matrix",
    "Measure",
    "OutageStrips",
    "Part",
    "Picture",
    "Place",
    "Range",
    "RangeChart",
    "Row",
    "RuledOut",
    "Scatter",
    "Span",
    "Sparkline",
    "StackedColumns",
    "Step",
    "StepChart",
    "Steps",
    "Strip",
    "Swatch",
    "Table",
    "Texture",
    "Theme",
    "Tile",
    "Treemap",
    "Turn",
    "Unit",
    "Width",
    "category",
    "picture",
    "series",
    "standalone",
    "unit_named",
    "written",
    "written_interval",
]  # fmt: skip
