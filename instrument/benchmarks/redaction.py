"""What taking secrets out of a text costs: hostile texts as a ratio to an ordinary one of the same length.

    python instrument/benchmarks/redaction.py

The least of several repetitions, in microseconds a text of the most characters that are looked at. It fails where a
hostile text takes ten times what an ordinary one does: a pattern goes back and forth in it.
"""

import sys
import timeit
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from ktlo_instrument.redaction import MOST_TEXT, Redaction

ORDINARY = "SELECT name, city FROM orders JOIN people ON people.id = orders.person WHERE orders.id = 4711; "
HOSTILE = (
    "a@",
    "1 ",
    "12 34-",
    "eyJ",
    "eyJaaaa.",
    "://",
    "://x:",
    "a.",
    "x@y.",
    "token=",
    "token ",
    "key' :",
    "-----BEGIN ",
)
_REPEAT, _NUMBER, _MOST_RATIO = 20, 5, 10


def best(text):
    """Microseconds a text, the least of several."""
    filled = (text * (MOST_TEXT // len(text) + 1))[:MOST_TEXT]
    redaction = Redaction()
    return min(timeit.repeat(lambda: redaction.text(filled), number=_NUMBER, repeat=_REPEAT)) / _NUMBER * 1e6


def main():
    """Measure and print."""
    ordinary = best(ORDINARY)
    print(f"an ordinary text of {MOST_TEXT:,} characters: {ordinary:,.0f} µs")
    ratios = {text: best(text) / ordinary for text in HOSTILE}
    for text, ratio in sorted(ratios.items(), key=lambda one: -one[1]):
        print(f"  of nothing but {text!r}: {ratio:.1f} times that")
    if max(ratios.values()) > _MOST_RATIO:
        sys.exit(f"a hostile text takes more than {_MOST_RATIO} times what an ordinary one does")


if __name__ == "__main__":
    main()
