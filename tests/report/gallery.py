"""Every chart and partial on one page: looked at by people, checked by the browser tests.

Write it to a folder with ``python tests/report/gallery.py FOLDER`` and open ``gallery.html`` through any
static web server (modules do not load from ``file:``).
"""

import pathlib
import shutil
import sys

import chart_samples as samples
import jinja2

import ktlo.server
from ktlo.report import charts as c
from ktlo.server.web import pieces as p
from ktlo.server.web import rendering

WEB = pathlib.Path(ktlo.server.__file__).parent / "web"


PAGE = """{% extends "base.html" %}
{% from "_answer.html" import answer %}
{% from "_cards.html" import cards %}
{% from "_figure.html" import figure %}
{% from "_filters.html" import filters %}
{% from "_how_we_know.html" import how_we_know %}
{% from "_empty.html" import empty %}
{% from "_progress.html" import progress_region %}
{% block title %}Gallery{% endblock %}
{% block answer %}{{ answer(said) }}{% endblock %}
{% block filters %}{{ filters(fields, reset_href="?") }}{% endblock %}
{% block content %}
{{ cards(glance) }}
{{ figure(pictures[0], "Person-days per week, by what they went to.", "/effort.csv", "/effort.json", known) }}
<div class="figures">{% for p in pictures[1:3] %}
{{ figure(p, "Each month's incidents, open ones included.", "/x.csv") }}
{% endfor %}</div>
{% for p in pictures[3:] %}{{ figure(p, csv_href="/x.csv") }}{% endfor %}
<div class="figures">{{ figure(blank) }}{{ figure(lone) }}</div>
{{ empty(nothing) }}
{{ progress_region(running, "/progress") }}
<p><span class="badge ok">Up to date</span> <span class="badge warn">6 hours old</span>
<span class="badge bad">Failed</span> <span class="badge">Paused</span></p>
<div class="notice warn"><p><strong>payments</strong> is a shallow clone: history before 3 Nov 2026 is missing.
Run <code>git fetch --unshallow</code>.</p></div>
<form class="stack">
<label class="field"><span>Name of the service</span>
<input name="service" value="payments"><span class="hint">As people call it.</span></label>
<label class="check"><input type="checkbox" checked> Count weekends</label>
<button class="button primary">Save</button></form>
{% endblock %}
{% block how %}{{ how_we_know(known) }}{% endblock %}
"""


def environment() -> jinja2.Environment:
    loader = jinja2.ChoiceLoader(
        [jinja2.FileSystemLoader(WEB / "templates"), jinja2.DictLoader({"gallery.html": PAGE})]
    )
    made = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    made.filters.update(rendering.environment.filters)
    return made


def context() -> dict[str, object]:
    charts = [chart for chart in samples.every() if not isinstance(chart, c.Sparkline)]
    known = p.Known(
        "Share of person-days spent on work that keeps existing software running.", "/definitions/ktlo_share",
        "1,655 person-days of 23 people; 4,212 items", "collected 12 minutes ago, up to 24 Nov 2026 02:40 UTC",
        ("6% of the work has no category.", "Reviews on the old forge before March are not collected."),
        "Classification corrected for its confusion matrix.",
    )  # fmt: skip
    spark = samples.spark().svg()
    single = c.Line("p50", (c.LinePoint(samples.MONDAY, 7200.0, c.Interval(3600, 9000)),))
    return {
        "version": "0.1.0", "page": "overview", "carry": "", "json_href": "/?format=json", "static_base": "static",
        "root": "",
        "said": p.Answer(
            "How much of our effort keeps the lights on?", "31% of effort kept the lights on this quarter",
            "27% to 36%", "Up from 24% the quarter before; the difference is larger than chance explains.",
        ),
        "fields": (
            p.Filter("q", "Search", placeholder="service, repository, person"),
            p.Filter("range", "Time range", "26w", (p.Option("26w", "Last 26 weeks"), p.Option("1y", "Last year"))),
            p.Filter("service", "Service", "", (p.Option("", "All services"), p.Option("pay", "payments"))),
            p.Filter("from", "From", "2026-05-04", kind="date"),
        ),
        "glance": (
            p.Card("KTLO share", "31%", "/effort", "27% to 36%", "1,655 person-days", "up from 24%", p.Trend.UP, spark),
            p.Card("Median time to restore", "5.1 h", "/reliability", "3.9 h to 6.8 h", "118 incidents, 9 open",
                   "not detectable yet, needs about 400", p.Trend.UNDETECTABLE, samples.spark("b", 10).svg()),
            p.Card("Availability", "99.93%", "/reliability", "4 services", "", "same", p.Trend.SAME,
                   samples.spark("c", 11).svg()),
            p.Card("Time between failures", "", "/reliability", "", "1 failure: needs 2"),
        ),
        "known": known,
        "pictures": [c.picture(chart) for chart in charts],
        "blank": c.picture(c.StackedColumns(c.Head("blank", "No data yet"), ())),
        "lone": c.picture(c.LineChart(c.Head("lone", "A single point"), (single,), c.SECONDS)),
        "nothing": p.Nothing("No incidents yet",
                             "ktlo has no source of incidents. Import a file, or connect a tracker.",
                             "ktlo sources add csv incidents.csv", "Add a source", "/sources/add"),
        "running": (
            p.Progress("git payments", 12400, 20000, "commits"), p.Progress("github acme/search", 310, None, "issues"),
            p.Progress("csv incidents.csv", 4200, 4200, "rows", finished=True),
        ),
    }  # fmt: skip


def html() -> str:
    """The gallery as one page."""
    return environment().get_template("gallery.html").render(context())


def write(folder: pathlib.Path) -> pathlib.Path:
    """The gallery and the static files it needs."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(WEB / "static", folder / "static", dirs_exist_ok=True)
    page = folder / "gallery.html"
    page.write_text(html(), encoding="utf-8")
    return page


if __name__ == "__main__":
    print(write(pathlib.Path(sys.argv[1])))
