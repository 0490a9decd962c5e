"""Two traces compared, as something to read: the difference in words first, then line by line."""

from __future__ import annotations

from ktlo.report.charts import COUNT, SECONDS, Heading, Row, Table, written
from ktlo.report.pieces import Answer, Known
from ktlo.telemetry.compare import Comparison, Difference, Sum
from ktlo.wording import counted

MOST = 200
_NAMED = 3
_WORTH = 0.05
"""Share of the longer trace's duration below which a difference of self time is not named."""


def _seconds(nanoseconds: float) -> str:
    return written(nanoseconds / 1e9, SECONDS)


def answer_of(of: Comparison) -> Answer:
    """The difference in a sentence."""
    longer = of.b.duration_ns - of.a.duration_ns
    if abs(longer) < _WORTH * max(of.a.duration_ns, of.b.duration_ns, 1):
        said = f"B took as long as A: {_seconds(of.b.duration_ns)} and {_seconds(of.a.duration_ns)}"
    else:
        word = "longer" if longer > 0 else "less"
        said = f"B took {_seconds(of.b.duration_ns)}, {_seconds(abs(longer))} {word} than A"
    return Answer("What is different?", said, change=f"A {of.a.trace_id} · B {of.b.trace_id}")


def sentences(of: Comparison) -> list[str]:
    """What is slower, quicker, new and gone, and which errors one of them has; most first."""
    found = []
    worth = _WORTH * max(of.a.duration_ns, of.b.duration_ns, 1)
    both = [one for one in of.differences if one.before.spans and one.after.spans]
    for word, sign in (("more", 1), ("less", -1)):
        moved = sorted((one for one in both if sign * one.own_ns > worth), key=lambda one: -sign * one.own_ns)
        found += [
            f"{_name(one)} spends {_seconds(abs(one.own_ns))} {word}:"
            f" {_seconds(one.before.own_ns)} in A, {_seconds(one.after.own_ns)} in B{_calls(one)}."
            for one in moved[:_NAMED]
        ]
    for word, ways, side in (("Only B has", of.new, "after"), ("Only A has", of.gone, "before")):
        if ways:
            named = "; ".join(
                f"{_name(one)} ({_times(getattr(one, side).spans)}, {_seconds(getattr(one, side).own_ns)})"
                for one in ways[:_NAMED]
            )
            rest = f"; and {len(ways) - _NAMED} more" if len(ways) > _NAMED else ""
            found.append(f"{word} {named}{rest}.")
    for one in both:
        if one.before.spans != one.after.spans and abs(one.own_ns) <= worth:
            found.append(
                f"{_name(one)} is called {_times(one.before.spans)} in A and {_times(one.after.spans)} in B."
            )
    for name, errors in (
        ("A", [one for one in of.differences if one.before.errors > one.after.errors]),
        ("B", [one for one in of.differences if one.after.errors > one.before.errors]),
    ):
        if errors:
            where = "; ".join(_name(one) for one in errors[:_NAMED])
            found.append(f"{name} has errors that the other has not: {where}.")
    return found[:12] or [
        "They have the same calls, and none of them differs by a twentieth of the duration."
    ]


def _name(one: Difference) -> str:
    return f"{one.service or '(no service.name)'}: {one.name}"


def _times(n: int) -> str:
    return "once" if n == 1 else "twice" if n == 2 else f"{counted(n, 'times')}"


def _calls(one: Difference) -> str:
    if one.before.spans == one.after.spans:
        return ""
    return f", called {_times(one.before.spans)} and {_times(one.after.spans)}"


def table_of(of: Comparison) -> Table:
    """Every way, parents before their children."""
    return Table(
        (
            Heading("Operation"), Heading("Service"), Heading("Is"), Heading("Self time in A", SECONDS),
            Heading("In B", SECONDS), Heading("Difference", SECONDS), Heading("Calls in A", COUNT),
            Heading("In B", COUNT), Heading("Errors in A", COUNT), Heading("In B", COUNT),
        ),
        tuple(
            Row(
                (
                    f"{'· ' * min(len(one.way) - 1, 12)}{one.name}", one.service, _word(one),
                    _own(one.before), _own(one.after), one.own_ns / 1e9, one.before.spans,
                    one.after.spans, one.before.errors, one.after.errors,
                )
            )
            for one in of.differences[:5_000]
        ),
    )  # fmt: skip


def _own(side: Sum) -> float | str:
    """Self time in seconds; empty where there was no call, because none is not 0 s."""
    return side.own_ns / 1e9 if side.spans else ""


def _word(one: Difference) -> str:
    if not one.before.spans:
        return "new"
    if not one.after.spans:
        return "gone"
    if one.own_ns > 0.2 * max(one.before.own_ns, 1) and one.own_ns > 1e6:
        return "slower"
    if -one.own_ns > 0.2 * max(one.before.own_ns, 1) and -one.own_ns > 1e6:
        return "quicker"
    return "alike"


def known_of(of: Comparison, chosen_of: int) -> Known:
    """What the comparison rests on."""
    chosen = (
        f"A was chosen: of {counted(chosen_of, 'requests')} of the same operation without an error in the week"
        " before, the one of"
        " median duration. One request is one request: two of the same kind differ by chance, too."
    )
    return Known(
        definition=(
            "Spans are aligned by their way from the root, service and operation at each step; those with the same way"
            " are added up. Self time is the part of a span in which none of its children ran; self times add up to the"
            " work, which is more than the duration where things ran side by side. Slower and quicker: by more than a"
            " fifth and a millisecond."
        ),
        sample=f"{counted(len(of.a.nodes), 'spans')} in A, {len(of.b.nodes):,} in B",
        missing=(chosen,) if chosen_of else (),
    )
