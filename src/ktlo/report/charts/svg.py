"""Writing SVG safely: every text and attribute is escaped here and nowhere else.

Charts build their markup from :func:`element`, :func:`text` and :func:`mark`; labels come from
repositories and trackers, so they are treated as hostile. Presentation attributes are used instead of
``style``, so that a page's Content-Security-Policy can forbid inline styles.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from markupsafe import Markup, escape

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINK = re.compile(r"[/?#]|https?://", re.IGNORECASE)
_NARROW, _WIDE = frozenset("iljtfrI.,:;'|!()[] "), frozenset("mwMW@%")

Attribute = str | float | int | None


def clean(value: str) -> str:
    """Replace what XML 1.0 cannot carry (controls, lone surrogates) by U+FFFD.

    Source: https://www.w3.org/TR/xml/#charsets
    """
    return _NOT_XML.sub("\ufffd", value)


def number(value: float) -> str:
    """A coordinate with at most one decimal: a tenth of a pixel is below what a screen shows."""
    written = f"{value:.1f}"
    return "0" if written in {"-0.0", "0.0"} else written.removesuffix(".0")


def element(tag: str, *children: Markup | str, **attributes: Attribute) -> Markup:
    """One SVG element; ``None`` attributes are left out, ``_`` in names becomes ``-``.

    Args:
        tag: the element's name, always a literal of ours.
        children: markup is kept, plain strings are escaped.
        attributes: floats are rounded to a tenth; a trailing ``_`` (``class_``) is dropped.
    """
    parts = [f"<{tag}"]
    for name, value in attributes.items():
        if value is None:
            continue
        written = number(value) if isinstance(value, float) else clean(str(value))
        parts.append(f' {name.rstrip("_").replace("_", "-")}="{escape(written)}"')
    if not children:
        return Markup("".join([*parts, "/>"]))  # noqa: S704 - every part above was escaped
    inner = "".join(c if isinstance(c, Markup) else escape(clean(c)) for c in children)
    return Markup("".join([*parts, ">", inner, f"</{tag}>"]))  # noqa: S704 - as above


def joined(parts: Iterable[Markup]) -> Markup:
    """Concatenate markup."""
    return Markup("").join(parts)


def group(parts: Iterable[Markup], **attributes: Attribute) -> Markup:
    """A ``<g>`` around parts, or nothing when there are none."""
    inner = joined(parts)
    return element("g", inner, **attributes) if inner else Markup("")


def safe_href(href: str) -> str | None:
    """The link if a browser may follow it: a path, query or fragment of ours, or http(s).

    Anything else (``javascript:`` and the like from hostile records) is dropped; its mark stays.
    """
    href = clean(href).strip()
    return href if _LINK.match(href) else None


def mark(*shapes: Markup, tip: str, href: str = "") -> Markup:
    """A data mark a person can hover, focus and follow.

    Marks start outside the tab order; :func:`~ktlo.report.charts.frame.document` puts the first one in
    and the page's script moves along with the arrow keys, so a chart is one stop, not two thousand.
    """
    link = safe_href(href)
    title = element("title", tip)
    if link:
        return element("a", title, *shapes, href=link, class_="mark", tabindex=-1, data_tip=tip)
    return element("g", title, *shapes, class_="mark", tabindex=-1, role="img", aria_label=tip, data_tip=tip)


def text(value: str, x: float, y: float, **attributes: Attribute) -> Markup:
    """A line of text at a baseline."""
    return element("text", value, x=x, y=y, **attributes)


def text_width(value: str, size: float = 12) -> float:
    """Pixels a line takes in a sans-serif face, estimated per character, a little generously."""
    em = 0.0
    for character in value:
        if character in _NARROW:
            em += 0.38
        elif character in _WIDE:
            em += 0.95
        elif ord(character) >= 0x2E80:
            em += 1.0
        elif character.isupper():
            em += 0.7
        else:
            em += 0.615
    return em * size


def shortened(value: str, width: float, size: float = 12) -> str:
    """``value`` cut in its middle to fit ``width``: paths differ at their ends, names at both."""
    value = clean(value)
    if text_width(value[:400], size) <= width and len(value) <= 400:
        return value
    keep = min(len(value), 400)
    while keep > 1:
        keep -= 1
        head = keep // 2
        candidate = f"{value[:head]}\u2026{value[len(value) - (keep - head) :]}"
        if text_width(candidate, size) <= width:
            return candidate
    return "\u2026"
