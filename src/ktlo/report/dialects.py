"""One metric as other products define it, side by side, with the causes of every difference and the rows behind them.

From ``metrics/dialects``; shown at /metrics/dialects and by ``ktlo metrics explain``. What a product prints is its own
text; values beside each other are in one unit.
"""

from __future__ import annotations

from collections.abc import Sequence

from ktlo.metrics.ask import statistics
from ktlo.metrics.dialects.explain import COMPARED, Cause, Compared, Explained, Told, explain, say
from ktlo.metrics.dialects.recipe import SAID, TITLES, Aspect, Counted, Dialect
from ktlo.metrics.question import Question
from ktlo.metrics.registry import definition
from ktlo.metrics.remembering import Remembering
from ktlo.report.charts import Bar, BarChart, Head, Heading, Row, Table, unit_named, written
from ktlo.report.pieces import Answer, Known, Nothing
from ktlo.report.sections import Asking, Figure, Links, Listing, Section, interval_text
from ktlo.store.protocol import Queryable
from ktlo.wording import counted

MOST_ROWS = 200
"""Rows of one dialect that a page shows; the API gives all."""

_KINDS = {
    "incident": "incidents",
    "deployment": "deployments",
    "change": "changes",
    "commit": "commits",
    "issue": "bugs",
}


def value_text(value: float | None, unit: str) -> str:
    """A value in words; "not estimable" where there is none."""
    return "not estimable" if value is None else written(value, unit_named(unit))


def difference_text(difference: float | None, unit: str) -> str:
    """``+3 h``, ``-12 points`` of a share, or that it cannot be told."""
    if difference is None:
        return "not estimable"
    if abs(difference) < 1e-9:
        return "no difference"
    sign = "+" if difference > 0 else "-"
    if unit == "share":
        return f"{sign}{abs(difference) * 100:.1f} points"
    return f"{sign}{written(abs(difference), unit_named(unit))}"


def aspects_text(aspects: Sequence[Aspect]) -> str:
    """The names of aspects, joined."""
    return "; ".join(SAID[aspect] for aspect in aspects)


def rules_text(told: Told, aspects: Sequence[Aspect]) -> str:
    """What a dialect says of some aspects."""
    return "; ".join(told.spoken.recipe.rule(aspect).words for aspect in aspects)


def moved_text(cause: Cause) -> str:
    """How many rows came, went, and bring another amount."""
    parts = [
        f"{len(rows):,} {words}"
        for rows, words in ((cause.came, "more"), (cause.went, "fewer"), (cause.changed, "changed"))
        if rows
    ]
    return ", ".join(parts) or "the same rows"


def sample_words(rows: Sequence[Counted]) -> str:
    """``12 incidents, 3 still open``."""
    kinds: dict[str, int] = {}
    for row in rows:
        kinds[row.kind] = kinds.get(row.kind, 0) + 1
    still = sum(row.is_open for row in rows)
    said = " and ".join(counted(count, _KINDS[kind]) for kind, count in kinds.items()) or "no rows"
    return f"{said}, {still:,} still open" if still else said


def dialects(store: Queryable, question: Question, links: Links) -> Section:
    """Every metric in every dialect: what each product would show for the same rows."""
    asked = Remembering(store)
    all_said = [(metric, say(asked, metric, question)) for metric in COMPARED.values()]
    shown = tuple(
        Row(
            (
                metric.title,
                *(
                    by_dialect[dialect][1].said if dialect in by_dialect else "shows none"
                    for dialect in Dialect
                ),
            ),
            links.page(f"metrics/dialects/{metric.name}", {}),
        )
        for metric, by_dialect in all_said
    )
    own = [(metric, by_dialect[Dialect.KTLO][0].rows) for metric, by_dialect in all_said]
    estimable = any(rows for _, rows in own)
    return Section(
        key="metrics/dialects",
        title="Dialects",
        answer=Answer(
            "What would other tools say?",
            f"{counted(len(COMPARED), 'metrics')}, each as ktlo and as other products define it, from the same rows",
            change="" if not estimable else "Each name leads to why its numbers differ",
        ),
        cards=(),
        figures=(),
        listings=(
            Listing(
                "shown",
                "What each product would show",
                Table((Heading("Metric"), *(Heading(TITLES[dialect]) for dialect in Dialect)), shown),
                "The same period, filters and rows; in each product's own unit, rounding and band.",
            ),
        ),
        known=Known(
            "Each dialect is a definition read in the product's public repository or documentation, written anew over"
            " ktlo's rows.",
            sample="; ".join(f"{metric.title}: {sample_words(rows)} by ktlo" for metric, rows in own),
            missing=(
                (
                    "What a product derives from its own settings (which environments are production, which issues are"
                    " bugs) is taken as ktlo has it."
                ),
            ),
            source="docs/dialects.md names repository, file and version",
        ),
        nothing=None if estimable else _nothing(),
    )


def _nothing() -> Nothing:
    return Nothing(
        "No deployment, incident or bug in this period",
        "Dialects are compared over what the sources delivered.",
        command="ktlo sources add github owner/name",
    )


def dialect_section(
    store: Queryable, question: Question, links: Links, metric: Compared, only: Dialect | None = None
) -> Section:
    """One metric in its dialects, with the causes of the differences.

    Args:
        store: where the records are.
        question: period and filters.
        links: where parts lead.
        metric: which one.
        only: explain only this dialect; ``None`` explains all.
    """
    asked = Remembering(store)
    found = explain(asked, metric, question)
    asking = Asking(asked, found.question, links)
    defined = definition(metric.own)
    own = statistics(asking.store, defined, asking.narrowed(metric.own))[defined.headline]
    others = [told for told in found.told if told.dialect is not Dialect.KTLO]
    explained = [told for told in others if only is None or told.dialect is only]
    nothing = None if any(told.measured.rows for told in found.told) else _nothing()
    return Section(
        key=f"metrics/dialects/{metric.name}",
        title=f"{metric.title} in other dialects",
        answer=Answer(
            f"{metric.title}: why do two tools disagree?",
            said(found),
            change=f"ktlo's 95% interval: {interval_text(own, metric.unit, defined.headline)}"
            if own.value is not None and own.low is not None
            else "",
        ),
        cards=(),
        figures=() if nothing else (_chart(found, links),),
        listings=(
            *(() if nothing else (_side_by_side(found, links),)),
            *(
                listing
                for told in explained
                if not nothing
                for listing in (_causes(found, told), *((_moved(found, told, links),) if _rows(told) else ()))
            ),
            _definitions(found, only),
            _traps(found, only),
        ),
        known=asking.known(
            metric.own,
            sample_words(found.own.measured.rows),
            (
                *(f"{TITLES[dialect]} shows no such number." for dialect in found.silent),
                (
                    "Causes are swapped one after the other, in the order of the tables; another order would share the"
                    " same difference out differently."
                ),
            ),
        ),
        nothing=nothing,
    )


def said(found: Explained) -> str:
    """The answer in a sentence."""
    unit, own = found.metric.unit, found.own.measured
    values = [
        told.measured.value
        for told in found.told
        if told.dialect is not Dialect.KTLO and told.measured.value is not None
    ]
    first = (
        f"By ktlo {value_text(own.value, unit)}"
        if own.value is not None
        else f"Not estimable by ktlo: {own.reason}"
    )
    if not values:
        return (
            f"{first}; no other product could tell it either"
            if own.value is None
            else f"{first}; no other number"
        )
    low, high = value_text(min(values), unit), value_text(max(values), unit)
    return (
        f"{first}; {low} by every other product"
        if low == high
        else f"{first}; {low} to {high} by other products"
    )


def _chart(found: Explained, links: Links) -> Figure:
    bars = tuple(
        Bar(TITLES[told.dialect], told.measured.value, sample=len(told.measured.rows)) for told in found.told
    )
    unit = unit_named("a week" if found.metric.unit == "per week" else found.metric.unit)
    return Figure(
        BarChart(
            Head("dialects", found.metric.title, f"{found.metric.title} by each definition"), bars, unit
        ),
        "The same rows by each product's definition, in one unit. Deployment days count as deployments here."
        if found.metric.unit == "per week"
        else "The same rows by each product's definition, in one unit.",
        json_href=links.page(f"metrics/dialects/{found.metric.name}.json", {}),
    )


def _side_by_side(found: Explained, links: Links) -> Listing:
    unit = found.metric.unit
    rows = tuple(
        Row(
            (
                TITLES[told.dialect],
                told.shown.said,
                value_text(told.measured.value, unit),
                "" if told.dialect is Dialect.KTLO else difference_text(told.difference, unit),
                sample_words(told.measured.rows),
            ),
            links.rows(found.metric.own, {})
            if told.dialect is Dialect.KTLO
            else links.page(f"metrics/dialects/{found.metric.name}", {"dialect": told.dialect.value}),
        )
        for told in found.told
    )
    return Listing(
        "numbers",
        "Side by side",
        Table(
            tuple(
                Heading(title)
                for title in ("By", "It would show", "In one unit", "Against ktlo", "Rows behind it")
            ),
            rows,
        ),
        "ktlo's rows are one click away; another name shows that product's causes and rows alone.",
    )


def _causes(found: Explained, told: Told) -> Listing:
    unit = found.metric.unit
    rows = tuple(
        Row(
            (
                aspects_text(cause.aspects),
                rules_text(found.own, cause.aspects),
                rules_text(told, cause.aspects),
                value_text(cause.after, unit),
                difference_text(cause.difference, unit),
                moved_text(cause),
            )
        )
        for cause in told.causes
    )
    total = difference_text(told.difference, unit)
    end = value_text(told.measured.value, unit)
    whole = (
        f"From {value_text(found.own.measured.value, unit)} to {end}: {total} in all."
        if told.difference is not None
        else f"{told.measured.reason or found.own.measured.reason}: the difference has no number, the rules have."
    )
    return Listing(
        f"why-{told.dialect.value}",
        f"Why {TITLES[told.dialect]} differs",
        Table(
            tuple(
                Heading(title)
                for title in ("Cause", "ktlo", TITLES[told.dialect], "Then it is", "That makes", "Rows")
            ),
            rows,
        ),
        whole[0].upper() + whole[1:],
    )


def _rows(told: Told) -> list[tuple[Cause, str, Counted | None, Counted | None]]:
    return [
        *((cause, "left out", row, None) for cause in told.causes for row in cause.went),
        *((cause, "counts too", None, row) for cause in told.causes for row in cause.came),
        *((cause, "changed", was, row) for cause in told.causes for was, row in cause.changed),
    ]


def _amount(row: Counted | None, unit: str) -> str:
    if row is None:
        return "none"
    if unit != "s":
        return f"{row.amount:g}"
    return f"{'at least ' if row.is_open else ''}{value_text(row.amount, 's')}"


def row_href(row: Counted, found: Explained, links: Links) -> str:
    """Where a row leads: its page here, else outside, else the rows of ktlo's own metric."""
    if row.kind == "incident":
        return links.page("incident", {"source": row.source, "id": row.external_id})
    if row.kind in ("issue", "change"):
        return links.page("item", {"item_kind": row.kind, "source": row.source, "item_id": row.external_id})
    return row.url or links.rows(found.metric.own, {})


def _moved(found: Explained, told: Told, links: Links) -> Listing:
    moved = _rows(told)
    rows = tuple(
        Row(
            (
                (after or before).title,  # type: ignore[union-attr]
                (after or before).kind,  # type: ignore[union-attr]
                what,
                aspects_text(cause.aspects),
                _amount(before, found.metric.unit),
                _amount(after, found.metric.unit),
            ),
            row_href(after or before, found, links),  # type: ignore[arg-type]
        )
        for cause, what, before, after in moved[:MOST_ROWS]
    )
    cut = f" The first {MOST_ROWS:,} of {len(moved):,}; the API gives all." if len(moved) > MOST_ROWS else ""
    return Listing(
        f"rows-{told.dialect.value}",
        f"Rows that {TITLES[told.dialect]} counts otherwise",
        Table(
            tuple(
                Heading(title) for title in ("Row", "Kind", "What happens", "Because of", "Before", "After")
            ),
            rows,
        ),
        f"Every row that a cause adds, drops or changes.{cut}",
    )


def _definitions(found: Explained, only: Dialect | None) -> Listing:
    rows = tuple(
        Row(
            (
                TITLES[told.dialect],
                told.spoken.about.definition,
                told.spoken.about.unit,
                told.spoken.about.bands or "none",
                told.spoken.about.source.replace("/", "/\u200b").replace("_", "_\u200b"),
            )
        )
        for told in found.told
        if only is None or told.dialect in (only, Dialect.KTLO)
    )
    return Listing(
        "definitions",
        "The definitions",
        Table(tuple(Heading(title) for title in ("By", "Definition", "Unit", "Bands", "Source")), rows),
        "Read in the source named; versions after it may differ.",
    )


def _traps(found: Explained, only: Dialect | None) -> Listing:
    rows = tuple(
        Row((TITLES[told.dialect], trap))
        for told in found.told
        if only is None or told.dialect in (only, Dialect.KTLO)
        for trap in told.spoken.about.traps
    )
    return Listing("traps", "Traps", Table((Heading("By"), Heading("What surprises")), rows))
