"""Every chart: well-formed, accessible, escaped, equal to its table, honest about what it leaves out."""

import dataclasses
import datetime as dt
import pathlib
import re
import xml.etree.ElementTree as ET

import chart_samples
import pytest

from ktlo.report import charts as c
from ktlo.report.charts import graph

SVG = "{http://www.w3.org/2000/svg}"
EVERY = {type(chart).__name__ + "-" + chart.head.name: chart for chart in chart_samples.every()}
HOSTILE = "<script>alert(1)</script>\"'&\x00\ud800]]>"
GOLDEN = pathlib.Path(__file__).parent / "golden"


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def marks(svg: str) -> list[ET.Element]:
    return [e for e in parsed(svg).iter() if e.get("class") == "mark"]


@pytest.fixture(params=EVERY.values(), ids=EVERY.keys())
def chart(request):
    return request.param


@pytest.mark.parametrize("width", list(c.Width))
def test_a_drawing_is_well_formed_named_and_described(chart, width):
    root = parsed(chart.svg(width))
    assert root.tag == f"{SVG}svg"
    if isinstance(chart, c.Sparkline):
        assert root.get("role") == "img"
        assert root.get("aria-label")
        return
    ids = {e.get("id"): e for e in root.iter() if e.get("id")}
    named = [ids[name] for name in root.get("aria-labelledby").split()]
    assert [e.tag for e in named] == [f"{SVG}title", f"{SVG}desc"]
    assert all(e.text for e in named)
    # The children of an image are hidden from assistive technology: only a drawing without marks is one.
    assert (root.get("role") == "img") == (not marks(chart.svg(width)))


def test_every_mark_can_be_read_focused_and_only_the_first_is_a_tab_stop(chart):
    found = marks(chart.svg())
    for index, mark in enumerate(found):
        assert mark.get("tabindex") == ("0" if index == 0 else "-1")
        assert mark.get("data-tip") == mark.find(f"{SVG}title").text
        assert mark.tag == f"{SVG}a" or (mark.get("role") == "img" and mark.get("aria-label"))


def test_no_drawing_needs_an_inline_style_or_script(chart):
    for element in parsed(chart.svg()).iter():
        assert element.tag not in (f"{SVG}style", f"{SVG}script", f"{SVG}foreignObject")
        assert not [name for name in element.attrib if name == "style" or name.startswith("on")]


def test_every_colour_is_a_variable_of_both_themes(chart):
    used = set(re.findall(r"var\((--[\w-]+)\)", chart.svg()))
    for theme in c.Theme:
        out = c.standalone(chart.svg(), theme)
        assert "var(" not in out
        parsed(out)
    assert used
    assert not re.search(r"#[0-9a-fA-F]{6}\b", chart.svg())


def test_a_drawing_has_no_position_that_is_not_a_number(chart):
    assert "nan" not in re.sub(
        r">[^<]*<|data-tip=\"[^\"]*\"|aria-label=\"[^\"]*\"|href=\"[^\"]*\"", "", chart.svg()
    )


def test_desk_and_phone_drawings_of_a_page_share_no_id():
    ids = [
        e.get("id")
        for chart in EVERY.values()
        for w in c.Width
        for e in parsed(chart.svg(w)).iter()
        if e.get("id")
    ]
    assert len(ids) == len(set(ids))


def test_the_table_has_a_row_for_every_link_of_the_picture(chart):
    linked = {m.get("href") for m in marks(chart.svg()) if m.get("href")}
    rows = {row.href for row in chart.table().rows}
    if isinstance(chart, c.StackedColumns):  # a row per week, a column per category
        assert len(chart.table().rows) == len(chart.columns)
    else:
        assert linked <= rows


def test_the_table_of_columns_adds_up_to_what_is_drawn():
    effort = chart_samples.effort()
    tips = [m.get("data-tip") for m in marks(effort.svg()) if "week from 4 May 2026" in m.get("data-tip")]
    drawn = sum(float(re.search(r": ([\d.]+) person-days$", tip)[1]) for tip in tips if " to " not in tip)
    row = effort.table().rows[0]
    assert row.cells[11] == pytest.approx(drawn)
    assert sum(row.cells[1:11]) == pytest.approx(row.cells[11])


def test_segments_are_as_tall_as_their_amounts_and_stand_on_each_other():
    head = c.Head("two", "Two")
    parts = (c.Part(c.category("incident"), 10), c.Part(c.category("feature"), 30))
    found = marks(c.StackedColumns(head, (c.Column(dt.date(2026, 1, 5), parts),)).svg())
    first, second = (m.find(f"{SVG}rect") for m in found)
    assert float(second.get("height")) / float(first.get("height")) == pytest.approx(3, rel=0.02)
    assert float(second.get("y")) + float(second.get("height")) == pytest.approx(
        float(first.get("y")), abs=0.2
    )


def hostile() -> list[c.Chart]:
    at = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
    head = c.Head("hostile", HOSTILE, HOSTILE)
    bad = "javascript:alert(1)"
    swatch = c.series(0, HOSTILE)
    return [
        c.StackedColumns(head, (c.Column(at.date(), (c.Part(swatch, 1, bad),)),)),
        c.LineChart(head, (c.Line(HOSTILE, (c.LinePoint(at, 1, href=bad),)),)),
        c.StepChart(head, (c.Curve(HOSTILE, (c.Step(0, 1),), bad),)),
        c.BarChart(head, (c.Bar(HOSTILE, 1, href=bad),)),
        c.RangeChart(head, (c.Range(HOSTILE, 1, href=bad),)),
        c.Scatter(head, (c.Dot(HOSTILE, 1, 1, 1, 1, bad),), c.Measure(HOSTILE), c.Measure(HOSTILE)),
        c.Treemap(head, (c.Tile(HOSTILE, 1, 1, bad),)),
        c.OutageStrips(
            head, (c.Strip(HOSTILE, (c.Span(at, None, HOSTILE, href=bad),)),), at, at + dt.timedelta(1)
        ),
        c.HeatCalendar(head, (c.Day(at.date(), 1, bad),)),
        c.DutyCalendar(
            head,
            (HOSTILE,),
            (
                c.Turn(
                    HOSTILE, HOSTILE, at.replace(tzinfo=None), at.replace(day=9, tzinfo=None), HOSTILE, bad
                ),
            ),
        ),
        c.Matrix(head, (HOSTILE,), ((1.0,),), HOSTILE, HOSTILE, ((bad,),)),
        c.AreaCurve(
            head,
            (swatch,),
            (c.Place(0.1, (1.0,), None, bad), c.Place(0.2, (1.0,), None, bad)),
            x_title=HOSTILE,
            guides=(c.Guide(0.1, HOSTILE),),
            ruled_out=c.RuledOut(0.1, HOSTILE),
        ),
        c.Sparkline(head, (1.0,)),
        c.Graph(
            head,
            (graph.Dot("a", HOSTILE, graph.Shape.HOST, 1.0, 1.0, HOSTILE, bad),),
            (graph.Link("a", "a", HOSTILE, 1.0, 1.0, 1.0, HOSTILE, bad),),
            c.COUNT,
        ),
    ]


@pytest.mark.parametrize("chart", hostile(), ids=lambda chart: type(chart).__name__)
def test_hostile_labels_are_shown_as_text_and_hostile_links_are_not_followed(chart):
    for width in c.Width:
        svg = chart.svg(width)
        root = parsed(svg)
        assert "<script" not in svg
        assert not [e for e in root.iter() if e.tag.endswith("script")]
        assert not [e for e in root.iter() if "javascript" in (e.get("href") or "")]
    assert all(row.link is None for row in chart.table().rows)


def test_a_scheme_hidden_behind_whitespace_or_case_is_refused_and_ours_are_kept():
    from ktlo.report.charts.svg import safe_href

    for bad in (" JavaScript:x", "java\nscript:x", "data:text/html,x", "\x01javascript:x", "vbscript:x", ""):
        assert safe_href(bad) is None, bad
    for good in ("/effort?week=2026-01-05", "?a=b", "#x", "https://example.org/a"):
        assert safe_href(good) == good


def empties() -> list[c.Chart]:
    at = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
    head = c.Head("empty", "Empty")
    m = c.Measure("m")
    return [
        c.StackedColumns(head, ()), c.LineChart(head, ()), c.StepChart(head, ()), c.BarChart(head, ()),
        c.LineChart(head, (c.Line("p90", (c.LinePoint(at, None),)),)),
        c.RangeChart(head, ()), c.Scatter(head, (), m, m), c.Treemap(head, ()), c.HeatCalendar(head, ()),
        c.OutageStrips(head, (), at, at + dt.timedelta(1)), c.Matrix(head, (), ()), c.Sparkline(head, ()),
        c.AreaCurve(head, (), ()), c.DutyCalendar(head, (), ()), c.Graph(head, (), (), c.COUNT),
    ]  # fmt: skip


@pytest.mark.parametrize("chart", empties(), ids=lambda chart: type(chart).__name__)
def test_no_data_draws_a_sentence_and_an_empty_table(chart):
    root = parsed(chart.svg())
    said = " ".join(e.text or "" for e in root.iter()) + (root.get("aria-label") or "")
    assert re.search(r"Nothing to draw|No services|[Nn]ot estimable", said)
    chart.table().csv()


NAN = float("nan")
AT = dt.date(2026, 1, 5)
HEAD = c.Head("x", "x")


@pytest.mark.parametrize(
    "make",
    [
        lambda: c.Interval(NAN, 1),
        lambda: c.StackedColumns(HEAD, (c.Column(AT, (c.Part(c.category("debt"), NAN),)),)),
        lambda: c.LineChart(HEAD, (c.Line("a", (c.LinePoint(AT, NAN),)),)),
        lambda: c.StepChart(HEAD, (c.Curve("a", (c.Step(NAN, 1),)),)),
        lambda: c.BarChart(HEAD, (c.Bar("a", NAN),)),
        lambda: c.Range("a", NAN),
        lambda: c.Dot("a", NAN, 1),
        lambda: c.Tile("a", NAN),
        lambda: c.Day(AT, NAN),
        lambda: c.Matrix(HEAD, ("a",), ((NAN,),)),
        lambda: c.AreaCurve(HEAD, (c.series(0, "a"),), (c.Place(0.1, (NAN,)),)),
        lambda: c.AreaCurve(HEAD, (c.series(0, "a"),), (c.Place(0.1, (-1.0,)),)),
        lambda: c.AreaCurve(HEAD, (c.series(0, "a"),), (c.Place(0.1, (1.0, 2.0)),)),
        lambda: c.Sparkline(HEAD, (NAN,)),
    ],
)
def test_nan_is_refused_because_not_estimable_is_none(make):
    with pytest.raises(ValueError):  # noqa: PT011 - each kind says it in its own words
        make()


@pytest.mark.parametrize("value", [1e-12, 1.0, 1e12, 1e299])
def test_a_single_value_of_any_size_is_drawn(value):
    for chart in (
        c.StackedColumns(HEAD, (c.Column(AT, (c.Part(c.category("debt"), value),)),)),
        c.LineChart(HEAD, (c.Line("a", (c.LinePoint(AT, value),)),)),
        c.BarChart(HEAD, (c.Bar("a", value),)),
        c.RangeChart(HEAD, (c.Range("a", value, value, value),), steps=c.Steps.LOG),
        c.Scatter(HEAD, (c.Dot("a", value, value, value, value),), c.Measure("x"), c.Measure("y")),
        c.Treemap(HEAD, (c.Tile("a/b", value, value),)),
        c.HeatCalendar(HEAD, (c.Day(AT, value),)),
    ):
        assert len(marks(chart.svg())) >= 1
        assert "inf" not in re.sub(r">[^<]*<", "", chart.svg())


def test_two_thousand_points_are_drawn_by_their_extremes_and_the_note_says_so():
    points = [c.LinePoint(AT + dt.timedelta(days=i), float(i % 97)) for i in range(2000)]
    points[1234] = dataclasses.replace(points[1234], value=5000.0)
    chart = c.LineChart(HEAD, (c.Line("a", tuple(points)),))
    drawn = marks(chart.svg())
    assert len(drawn) < 500
    assert any("5,000" in m.get("data-tip") for m in drawn)
    assert "2,000 points" in chart.svg()
    assert len(chart.table().rows) == 2000


def test_too_many_weeks_are_added_up_and_none_is_lost():
    effort = chart_samples.effort(2000)
    svg = effort.svg()
    assert re.search(r"adds up \d+ weeks of 2000; intervals do not add up", svg)
    drawn = sum(
        float(t.replace(",", ""))
        for t in re.findall(r"<title>Incident[^<]*: ([\d.,]+) person-days</title>", svg)
    )
    assert drawn == pytest.approx(sum(c_.parts[0].value for c_ in effort.columns), rel=0.01)


def test_what_a_drawing_leaves_out_is_told():
    assert "2,000" in chart_samples.hotspots(2000).svg()
    assert "smaller files are one tile" in chart_samples.tree(2000).svg()


def test_a_gap_breaks_the_line():
    values = (1.0, None, 2.0)
    points = tuple(c.LinePoint(AT + dt.timedelta(days=i), v) for i, v in enumerate(values))
    paths = re.findall(
        r'<path d="(M[^"]*)" stroke="var\(--s-1\)"', c.LineChart(HEAD, (c.Line("a", points),)).svg()
    )
    assert paths[0].count("M") == 2


def test_a_curve_that_does_not_reach_one_half_has_no_median():
    assert c.Curve("a", (c.Step(0, 1), c.Step(5, 0.6))).crossing(0.5) is None
    assert c.Curve("a", (c.Step(0, 1), c.Step(5, 0.5))).crossing(0.5) == 5


def test_csv_holds_raw_values_and_no_formula():
    table = c.BarChart(HEAD, (c.Bar("=cmd()", 0.31), c.Bar("b", None))).table()
    lines = table.csv().splitlines()
    assert lines[1].startswith("'=cmd(),0.31,")
    assert lines[2] == "b,,,,"


@pytest.mark.parametrize("name", ["bars", "lines", "matrix"])
def test_golden_drawings_stay_as_they_are(name):
    """Small drawings kept as files; after an intended change write them anew: delete the file, run once."""
    points = (c.LinePoint(AT, 60.0), c.LinePoint(AT + dt.timedelta(7), 120.0))
    bar = c.Bar("payments", 0.4, c.Interval(0.3, 0.5), 12)
    made = {
        "bars": c.BarChart(c.Head("bars", "Bars"), (bar,), c.SHARE),
        "lines": c.LineChart(c.Head("lines", "Lines"), (c.Line("p50", points),), c.SECONDS),
        "matrix": c.Matrix(c.Head("matrix", "Matrix"), ("bug", "other"), ((9.0, 1.0), (2.0, 8.0))),
    }
    svg = made[name].svg().replace("><", ">\n<") + "\n"
    file = GOLDEN / f"{name}.svg"
    if not file.exists():
        GOLDEN.mkdir(exist_ok=True)
        file.write_text(svg, encoding="utf-8")
        pytest.fail(f"{file.name} was missing and has been written: look at it, then run again")
    assert svg == file.read_text(encoding="utf-8")


def test_typst_sets_a_standalone_drawing_with_its_text_even_without_system_fonts(tmp_path):
    typst = pytest.importorskip("typst")
    (tmp_path / "a.svg").write_text(c.standalone(chart_samples.shares().svg()), encoding="utf-8")
    (tmp_path / "a.typ").write_text('#image("a.svg")', encoding="utf-8")
    pdf = typst.compile(str(tmp_path / "a.typ"), ignore_system_fonts=True)
    assert pdf.startswith(b"%PDF")
    assert b"/FontFile" in pdf or b"/ObjStm" in pdf


def test_layers_of_a_curve_add_up_to_its_line_and_the_table_says_so():
    import chart_samples

    chart = chart_samples.costs()
    for row, place in zip(chart.table().rows, chart.places, strict=True):
        assert row.cells[3] == pytest.approx(sum(place.amounts))
    assert "work piles up" in chart.svg()


def test_points_closer_than_days_have_their_times_on_the_axis_and_in_the_table():
    at = dt.datetime(2026, 11, 26, 9, 30, tzinfo=dt.UTC)
    points = tuple(c.LinePoint(at + dt.timedelta(minutes=i), float(i)) for i in range(60))
    happened = (
        c.Event(at + dt.timedelta(minutes=30), "deployed 2.4", "/deployments"),
        c.Event(at - dt.timedelta(days=1), "before all points"),
    )
    chart = c.LineChart(HEAD, (c.Line("a", points),), events=happened)
    svg = chart.svg()
    assert ">10:00<" in svg
    assert "26 Nov 2026 09:31 UTC" in svg
    assert "deployed 2.4 (26 Nov 2026 10:00 UTC)" in svg
    assert "before all points" not in svg
    assert chart.table().headings[1].title == "Time"


def test_a_column_of_a_part_of_its_period_is_pale_and_says_so():
    part = (c.Part(c.category("incident"), 10),)
    at = dt.datetime(2026, 1, 5, 12, tzinfo=dt.UTC)
    chart = c.StackedColumns(
        c.Head("cut", "Cut"),
        (c.Column(at, part), c.Column(at + dt.timedelta(minutes=1), part, only="20 s")),
        period="minute",
    )
    tips = [one.get("data-tip") for one in marks(chart.svg())]
    assert [tip.endswith(" in 20 s of it") for tip in tips] == [False, True]
    assert str(chart.svg()).count('opacity="0.5"') == 1
    assert "Pale: less than a whole minute." in str(chart.svg())
    assert [row.cells[-1] for row in chart.table().rows] == ["the whole", "20 s"]


def test_cells_keep_their_links_when_columns_are_left_out():
    table = c.Table(
        (c.Heading("From"), c.Heading("To"), c.Heading("How")),
        (c.Row(("a", "b", "rpc"), "/a", {1: "/b", 2: "javascript:x"}),),
    )
    (row,) = table.rows
    assert [row.link_of(place) for place in range(3)] == ["/a", "/b", None]
    (row,) = table.without("From").rows
    assert [row.link_of(place) for place in range(2)] == ["/b", None]
