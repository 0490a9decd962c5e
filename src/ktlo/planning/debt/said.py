"""An entry as a person says it, and what is let through: sensible hours, files that exist.

Comes from the form on the page, the API and ``ktlo debt add``; goes to ``journal``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ktlo.errors import UserError
from ktlo.store.protocol import Queryable
from ktlo.wording import named

MOST_HOURS = 20_000.0
"""Ten person-years: more is a typing error or a project of its own."""
MOST_TEXT = 500


@dataclass(frozen=True, slots=True)
class Said:
    """An entry as a person says it.

    Attributes:
        title: what it is.
        principal: hours to pay it back.
        principal_low: at least.
        principal_high: at most.
        interest: hours a month that it costs.
        interest_low: at least.
        interest_high: at most.
        repository: empty when none.
        path: a file or folder of the repository; empty when none.
        service: empty when none.
        team: empty when none.
        note: why they think so.
        after: keys of entries that must be paid first.
    """

    title: str
    principal: float
    principal_low: float
    principal_high: float
    interest: float
    interest_low: float
    interest_high: float
    repository: str = ""
    path: str = ""
    service: str = ""
    team: str = ""
    note: str = ""
    after: tuple[str, ...] = ()


def checked(said: Said, store: Queryable, known: Iterable[str] = ()) -> Said:
    """Let a sensible entry through, with its texts trimmed.

    Args:
        said: as it was typed.
        store: asked whether the file exists.
        known: keys of the entries there are; ``after`` must be among them.

    Raises:
        UserError: no title, hours that are negative, absurd or in no order, a file or repository that does not exist.
    """
    said = replace(
        said, title=said.title.strip(), repository=said.repository.strip(), path=said.path.strip().strip("/"),
        service=said.service.strip(), team=said.team.strip(), note=said.note.strip(),
    )  # fmt: skip
    if not said.title:
        raise UserError("the entry has no title", where="title", fix="Say in a line what it is")
    for name in ("title", "note", "repository", "path", "service", "team"):
        if len(getattr(said, name)) > MOST_TEXT:
            raise UserError(f"{name} is longer than {MOST_TEXT} characters", where=name, fix="Shorten it")
    _in_order("principal", said.principal_low, said.principal, said.principal_high, above_nothing=True)
    _in_order("interest", said.interest_low, said.interest, said.interest_high, above_nothing=False)
    unknown = sorted(set(said.after) - set(known))
    if unknown:
        raise UserError(
            f"there is no entry {unknown[0][:80]}", where="after", fix="`ktlo debt list` shows the keys"
        )
    if said.path or said.repository:
        _exists(said, store)
    return said


def _in_order(name: str, low: float, value: float, high: float, *, above_nothing: bool) -> None:
    for hours in (low, value, high):
        if not math.isfinite(hours):
            raise UserError(f"{name} is no number of hours", where=name, fix="Write hours, such as 12 or 0.5")
        if hours < 0:
            raise UserError(
                f"{name} is {hours:g} {named(hours, 'hours')}, and hours are never negative",
                where=name,
                fix="Write 0 or more",
            )
        if hours > MOST_HOURS:
            raise UserError(
                f"{name} is {hours:g} {named(hours, 'hours')}: more than ten person-years", where=name,
                fix="Check the unit; split what is a project of its own",
            )  # fmt: skip
    if above_nothing and value == 0:
        raise UserError(
            f"{name} is 0 hours: then it is paid already", where=name, fix="Say how many hours it takes"
        )
    if not low <= value <= high:
        raise UserError(
            f"{name} of {value:g} h lies outside its own interval {low:g} to {high:g} h", where=name,
            fix="Give low, value and high in this order",
        )  # fmt: skip


def _exists(said: Said, store: Queryable) -> None:
    if not said.repository:
        raise UserError(
            f"in which repository is {said.path}?", where="repository", fix="Name it, or leave the path out"
        )
    found = store.query(
        "SELECT count() AS files, countIf({path:String} = '' OR path = {path:String}"
        " OR startsWith(path, concat({path:String}, '/'))) AS matching"
        " FROM ktlo.files WHERE repository = {repository:String}",
        {"repository": said.repository, "path": said.path},
    ).to_pylist()[0]
    if not found["files"]:
        raise UserError(
            f"no file of a repository {said.repository!r} was collected", where="repository",
            fix="`ktlo sources` lists what is collected",
        )  # fmt: skip
    if not found["matching"]:
        raise UserError(
            f"there is no file or folder {said.path!r} in {said.repository}", where="path",
            fix="Write the path as in the repository, or leave it out",
        )  # fmt: skip
