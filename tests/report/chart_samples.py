"""Charts with data as from life, seeded: used by the gallery, the golden drawings and the tests."""

import datetime as dt
import math
import random

from ktlo.report import charts as c
from ktlo.report.charts.graph import Dot, Link, Shape

MONDAY = dt.date(2026, 5, 4)
NOW = dt.datetime(2026, 11, 23, 14, 5, tzinfo=dt.UTC)


def effort(weeks: int = 26) -> c.StackedColumns:
    dice = random.Random(1)
    typical = {
        "incident": 4, "bug_fix": 7, "security": 2, "dependency": 3, "infrastructure": 3,
        "performance": 1.5, "debt": 3, "support": 2.5, "feature": 38, "unattributed": 4,
    }  # fmt: skip
    columns = []
    for week in range(weeks):
        start = MONDAY + dt.timedelta(weeks=week)
        parts = tuple(
            c.Part(
                c.category(key),
                round(mean * dice.uniform(0.4, 1.6), 1),
                f"/effort/rows?week={start}&category={key}",
            )
            for key, mean in typical.items()
        )
        kept = sum(p.value for p in parts[:8])
        columns.append(c.Column(start, parts, c.Interval(kept * 0.86, kept * 1.15)))
    head = c.Head(
        "effort", "Effort by category and week",
        "Stacked columns of person-days per week; the lower eight parts kept the lights on.",
    )  # fmt: skip
    return c.StackedColumns(head, tuple(columns), c.PERSON_DAYS, interval_of="kept the lights on, 95%")


def restore() -> c.LineChart:
    dice = random.Random(2)
    lines = []
    for label, base in (("Median (p50)", 5 * 3600), ("p75", 14 * 3600), ("p90", 41 * 3600)):
        points = []
        for month in range(18):
            at = dt.date(2025 + (5 + month) // 12, (5 + month) % 12 + 1, 1)
            gap = label == "p90" and month in (4, 5, 17)
            value = base * dice.uniform(0.75, 1.3) * (1 - month / 60)
            interval = None if gap else c.Interval(value * 0.72, value * 1.4)
            points.append(
                c.LinePoint(
                    at,
                    None if gap else value,
                    interval,
                    dice.randint(18, 60),
                    f"/reliability/rows?month={at:%Y-%m}",
                )
            )
        lines.append(c.Line(label, tuple(points)))
    head = c.Head("restore", "Time to restore, by month of detection", "Kaplan-Meier quantiles with bands.")
    return c.LineChart(head, tuple(lines), c.SECONDS)


def survival() -> c.StepChart:
    curves = []
    for label, scale, seed in (("Severity 1 and 2", 4 * 3600, 3), ("Severity 3 and 4", 15 * 3600, 4)):
        dice = random.Random(seed)
        times = sorted(dice.expovariate(1 / scale) for _ in range(70))
        steps = [c.Step(0, 1, c.Interval(1, 1))]
        for i, t in enumerate(times[:64]):
            y = 1 - (i + 1) / 70
            half = 1.96 * math.sqrt(y * (1 - y) / 70)
            steps.append(c.Step(t, y, c.Interval(max(y - half, 0), min(y + half, 1))))
        curves.append(c.Curve(label, tuple(steps), f"/reliability/rows?group={seed}"))
    head = c.Head("survival", "How long incidents stay open", "Share still open after so long, per severity.")
    return c.StepChart(head, tuple(curves))


def shares() -> c.BarChart:
    given = [("payments", 0.44, 61), ("search", 0.37, 48), ("checkout-frontend", 0.31, 90), ("identity", 0.24, 33),
             ("data-platform", 0.19, 52)]  # fmt: skip
    bars = [
        c.Bar(name, v, c.Interval(v - 0.06, v + 0.07), n, href=f"/effort?service={name}")
        for name, v, n in given
    ]
    bars.append(c.Bar("mobile-release-automation", None, sample=2))
    head = c.Head("shares", "KTLO share by service", "Bars from zero with the interval of each share.")
    return c.BarChart(head, tuple(bars), c.SHARE)


def kinds() -> c.BarChart:
    bars = tuple(
        c.Bar(s.label, v, c.Interval(v * 0.8, v * 1.25), swatch=s, href=f"/effort?category={s.key}")
        for s, v in zip(c.CATEGORIES, (92, 171, 44, 70, 66, 31, 80, 58, 940, 103), strict=True)
    )
    return c.BarChart(c.Head("kinds", "Effort by category, this half-year"), bars, c.PERSON_DAYS)


def services() -> c.RangeChart:
    given = (
        ("payments", 2.1, 1.4, 3.3, 64), ("search", 5.5, 3.9, 9.1, 31), ("checkout-frontend", 7.9, 6.1, 10.2, 122),
        ("identity", 18.0, 9.0, None, 12), ("batch", None, 22.0, None, 5),
    )  # fmt: skip
    ranges = tuple(
        c.Range(
            name, m and m * 3600, low and low * 3600, high and high * 3600, n, f"/reliability?service={name}"
        )
        for name, m, low, high, n in given
    )
    head = c.Head(
        "services", "Median time to restore by service", "Estimates with intervals on a logarithmic axis."
    )
    return c.RangeChart(head, ranges, c.SECONDS, c.Steps.LOG, 4 * 3600, "target")


FOLDERS = (
    "src/payments",
    "src/search",
    "src/identity",
    "web/checkout",
    "web/admin",
    "tools",
    "deploy/helm",
    "tests/api",
)
WORDS = (
    "ledger",
    "router",
    "session",
    "invoice",
    "query",
    "index",
    "token",
    "cart",
    "batch",
    "retry",
    "schema",
    "views",
)


def files(count: int = 160) -> list[tuple[str, float, float]]:
    """Path, complexity, changes."""
    dice = random.Random(5)
    made = []
    for i in range(count):
        path = f"{dice.choice(FOLDERS)}/{dice.choice(WORDS)}_{i}.py"
        complexity = round(dice.lognormvariate(3, 1.1)) + 1
        made.append((path, complexity, max(round(dice.lognormvariate(1.5, 1.0) * complexity**0.3), 1)))
    return made


def hotspots(count: int = 160) -> c.Scatter:
    dots = tuple(
        c.Dot(path, changes, complexity, complexity * 9, changes * complexity, f"/hotspots/file?path={path}")
        for path, complexity, changes in files(count)
    )
    head = c.Head(
        "hotspots", "Hotspots: change frequency and complexity", "One dot per file, both axes logarithmic."
    )
    return c.Scatter(
        head, dots, c.Measure("Changes in 12 months"), c.Measure("Complexity"), c.Measure("Lines of code"),
        c.Measure("Hotspot score"),
    )  # fmt: skip


def tree(count: int = 160) -> c.Treemap:
    tiles = tuple(
        c.Tile(path, complexity, changes, f"/hotspots/file?path={path}")
        for path, complexity, changes in files(count)
    )
    return c.Treemap(c.Head("tree", "Where complexity meets change", "Files by folder."), tiles)


def outages() -> c.OutageStrips:
    dice = random.Random(6)
    start = NOW - dt.timedelta(days=90)
    strips = []
    for name, count in (
        ("payments", 5),
        ("search", 9),
        ("checkout-frontend", 3),
        ("identity", 0),
        ("batch", 6),
    ):
        spans = []
        for i in range(count):
            begin = start + dt.timedelta(hours=dice.uniform(0, 85 * 24))
            end = begin + dt.timedelta(hours=dice.lognormvariate(1.5, 1.3))
            impact = c.Impact.DEGRADED if i % 3 == 0 else c.Impact.DOWN
            spans.append(
                c.Span(begin, end, f"INC-{dice.randint(100, 999)}", impact, f"/incidents/{name}-{i}")
            )
        if name == "batch":
            spans.append(c.Span(NOW - dt.timedelta(hours=31), None, "INC-990", href="/incidents/990"))
        strips.append(c.Strip(name, tuple(spans)))
    head = c.Head("outages", "Outages by service, last 90 days", "A strip per service; marks are outages.")
    return c.OutageStrips(head, tuple(strips), start, NOW)


def activity() -> c.HeatCalendar:
    dice = random.Random(7)
    days = []
    for i in range(300):
        date = dt.date(2026, 1, 28) + dt.timedelta(days=i)
        value = 0 if date.weekday() > 4 and dice.random() < 0.8 else int(dice.expovariate(1 / 9))
        days.append(c.Day(date, value, f"/effort/rows?day={date}"))
    return c.HeatCalendar(
        c.Head("activity", "Activity per day", "Commits, reviews and issue work."),
        tuple(days),
        c.Unit(symbol="events"),
    )


def confusion() -> c.Matrix:
    labels = tuple(s.label for s in c.CATEGORIES[:9])
    dice = random.Random(8)
    counts = tuple(
        tuple(dice.randint(60, 300) if i == j else max(dice.randint(-14, 26), 0) for j in range(9))
        for i in range(9)
    )
    return c.Matrix(c.Head("confusion", "Classifier: true and predicted category"), labels, counts)


def spark(name: str = "spark", seed: int = 9) -> c.Sparkline:
    dice = random.Random(seed)
    values = tuple(None if i == 5 else dice.uniform(0.2, 0.4) for i in range(26))
    return c.Sparkline(c.Head(name, "KTLO share, last 26 weeks"), values, c.SHARE)


def duties() -> c.DutyCalendar:
    monday = dt.datetime(2026, 11, 23, 9)  # noqa: DTZ001 - on the rota's clock
    names = ("Ada", "Bob", "Cyd", "Dan")
    turns = [
        c.Turn(
            role,
            names[(week + shift) % 4],
            monday + dt.timedelta(weeks=week),
            monday + dt.timedelta(weeks=week + 1),
        )
        for week in range(5)
        for shift, role in enumerate(("primary", "secondary"))
    ]
    turns[4] = c.Turn("primary", "", turns[4].start, turns[4].end, "nobody is planned")
    head = c.Head("duties", "Who is on call", "Duties by week.")
    return c.DutyCalendar(head, ("primary", "secondary"), tuple(turns), monday + dt.timedelta(days=2))


def costs() -> c.AreaCurve:
    layers = (c.series(0, "Hours"), c.Swatch("owed", "Left over", "--s-2", c.Texture.RISING))
    places = tuple(
        c.Place(
            i / 50,
            (i * 120.0, 3000 * math.exp(-i / 9)),
            c.Interval(i * 90.0, i * 130.0 + 3000),
            f"/plan?share={2 * i}",
        )
        for i in range(36)
    )
    head = c.Head("costs", "What each share costs", "Stacked areas of cost over the share of hours.")
    return c.AreaCurve(
        head, layers, places, c.Unit(symbol="EUR"), x_title="share of the hours",
        guides=(c.Guide(0.26, "Best", True), c.Guide(0.2, "Rule"), c.Guide(0.68, "Measured lately")),
        ruled_out=c.RuledOut(0.14, "work piles up"),
    )  # fmt: skip


def who_calls_whom() -> c.Graph:
    kinds = {"web": "service", "shop": "service", "pay": "service", "postgresql shop": "database", "redis": "cache",
             "kafka orders": "queue", "bank.example": "host"}  # fmt: skip
    dots = tuple(
        Dot(
            key,
            key,
            Shape(kind),
            40.0 - 5 * place,
            0.08 if key == "pay" else 0.0,
            f"{key}: {kind}",
            f"/map?{place}",
        )
        for place, (key, kind) in enumerate(kinds.items())
    )
    ways = (("web", "shop"), ("shop", "pay"), ("shop", "postgresql shop"), ("shop", "redis"), ("shop", "kafka orders"),
            ("pay", "bank.example"), ("pay", "shop"), ("shop", "shop"))  # fmt: skip
    links = tuple(
        Link(start, end, "rpc", 30.0 - place, 0.08 if end == "pay" else None, 0.12, f"{start} to {end}",
             f"/edge?{place}", is_dashed=start == "pay")
        for place, (start, end) in enumerate(ways)
    )  # fmt: skip
    return c.Graph(c.Head("map", "Service map"), dots, links, c.Unit(symbol="per min"))


def every() -> tuple[c.Chart, ...]:
    """One chart of each kind."""
    return (
        effort(), restore(), survival(), shares(), kinds(), services(), hotspots(), tree(), outages(),
        activity(), confusion(), costs(), duties(), spark(), who_calls_whom(),
    )  # fmt: skip
