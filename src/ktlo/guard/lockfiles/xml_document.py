"""XML from strangers (Maven's pom): no document type, so no entities that explode or fetch, bounded depth and count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

from ktlo.guard.lockfiles.protocol import LockFile, UnreadableError

_LONGEST = 10_000


@dataclass(slots=True)
class Element:
    """One element.

    Attributes:
        name: without a namespace's prefix.
        line: from 1.
        children: in order.
        text: its own text, stripped.
    """

    name: str
    line: int
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def child(self, *names: str) -> Element | None:
        """The first child of that name, then its first child of the next name, and so on."""
        found: Element | None = self
        for name in names:
            found = next((child for child in found.children if child.name == name), None) if found else None
        return found

    def value(self, *names: str) -> str:
        """Text of :meth:`child`; empty when it is missing."""
        found = self.child(*names)
        return found.text if found else ""

    def all(self, *names: str) -> Iterator[Element]:
        """All children of the last name in the first of the names before it."""
        parent = self.child(*names[:-1])
        return (child for child in (parent.children if parent else ()) if child.name == names[-1])


def read_xml(file: LockFile) -> Element:
    """The root element.

    Raises:
        UnreadableError: not XML, or with a document type, or beyond the limits.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    top = Element("", 0)
    stack, count = [top], 0

    def refuse(*_: object) -> NoReturn:
        raise UnreadableError(
            "It has a document type, which may define entities that explode", fix="Remove it."
        )

    def start(name: str, _: object) -> None:
        nonlocal count
        count += 1
        if len(stack) > file.limits.depth or count > file.limits.values:
            raise UnreadableError(
                "It is nested too deep or too large", fix="Raise the limit if it is meant to be."
            )
        element = Element(name.rpartition(":")[2], parser.CurrentLineNumber)
        stack[-1].children.append(element)
        stack.append(element)

    def end(_: str) -> None:
        element = stack.pop()
        element.text = element.text.strip()

    def text(data: str) -> None:
        if len(stack[-1].text) < _LONGEST:  # no name or version is that long; adding on would cost the square
            stack[-1].text += data

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    try:
        parser.Parse(file.data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        line = getattr(error, "lineno", 0)
        raise UnreadableError(f"It is not XML{f' (line {line})' if line else ''}", fix="Mend it.") from None
    return top.children[0]
