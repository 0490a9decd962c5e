"""What services say, without the escape sequences by which a terminal colours it.

What is stored stays as it came, and is searched so; what people are shown (pages, errors, the command's lines) goes
through here.
"""

from __future__ import annotations

import re

from ktlo.store.streams import fingerprint

_COLOURS = re.compile(fingerprint.COLOURS)


def without_colours(text: str) -> str:
    """A text without the escape sequences that colour it on a terminal."""
    return _COLOURS.sub("", text) if "\x1b" in text else text
