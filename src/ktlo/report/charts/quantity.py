"""How a number is written: value, unit, and no more digits than a reader can use.

Every chart, table and sentence formats through here, so that 90 minutes read the same everywhere.
Numbers come from the metrics' answers in base units (seconds, shares of one, counts); text goes out.
"""

from __future__ import annotations

import dataclasses
import enum
import math

LARGEST = 1e300
"""Beyond this, differences of two values overflow a double; such input is a mistake upstream."""

MINUTE, HOUR, DAY, WEEK, YEAR = 60.0, 3600.0, 86400.0, 604800.0, 31557600.0


class Form(enum.StrEnum):
    """The three ways a number is written."""

    NUMBER = "number"
    SHARE = "share"
    DURATION = "duration"


@dataclasses.dataclass(frozen=True, slots=True)
class Unit:
    """What a value counts and how it is written."""

    form: Form = Form.NUMBER
    symbol: str = ""
    """Written after the number; empty for counts, shares and durations."""
    tells_nines: bool = False
    """A share of which 99.9% and 99.99% are far apart, as availability is; another has one decimal there."""

    @property
    def axis_title(self) -> str:
        """The words over an axis: the symbol, or nothing where the tick labels carry the unit."""
        return self.symbol if self.form is Form.NUMBER else ""


COUNT = Unit()
SHARE = Unit(Form.SHARE)
SHARE_OF_TIME = Unit(Form.SHARE, tells_nines=True)
SECONDS = Unit(Form.DURATION)
PERSON_DAYS = Unit(symbol="person-days")

_NAMED = {
    "": COUNT, "count": COUNT, "1": COUNT, "number": COUNT,
    "share": SHARE, "ratio": SHARE, "probability": SHARE,
    "share of time": SHARE_OF_TIME,
    "s": SECONDS, "seconds": SECONDS, "duration": SECONDS,
}  # fmt: skip

_COMPACT = ((1e12, "tn"), (1e9, "bn"), (1e6, "M"), (1e4, "k"))
_DURATIONS = (
    (1e-6, 1e-9, "ns"),
    (1e-3, 1e-6, "µs"),
    (1.0, 1e-3, "ms"),
    (90.0, 1.0, "s"),
    (90 * MINUTE, MINUTE, "min"),
    (48 * HOUR, HOUR, "h"),
    (730 * DAY, DAY, "d"),
    (math.inf, YEAR, "y"),
)


def unit_named(name: str) -> Unit:
    """The unit a metric's definition names.

    Args:
        name: ``s``, ``share``, ``count`` or any symbol (``person-days``, ``lines``), which is then
            written after the number.
    """
    return _NAMED.get(name.strip().lower(), Unit(symbol=name.strip()))


def finite(value: float, what: str = "value") -> float:
    """Let a drawable number through.

    Raises:
        ValueError: ``value`` is NaN, infinite or beyond 1e300; "not estimable" is ``None``, never NaN.
    """
    number = float(value)
    if not math.isfinite(number) or abs(number) > LARGEST:
        raise ValueError(f"{what} is {value!r}: charts draw finite numbers, and None where there is none")
    return number


def fixed(value: float, decimals: int) -> str:
    """``value`` with at most so many decimals, thousands separated, a true minus sign."""
    body = f"{abs(value):,.{decimals}f}"
    if "." in body:
        body = body.rstrip("0").rstrip(".")
    return f"\u2212{body}" if value < 0 and body.strip("0.,") else body


def compact(value: float) -> str:
    """A number in at most four figures: ``0.042``, ``9,812``, ``12.3k``, ``4.1M``."""
    finite(value)
    size = abs(value)
    if size >= 1e15 or 0 < size < 1e-4:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{fixed(float(mantissa), 1)}e{int(exponent)}"
    for limit, letter in _COMPACT:
        if size >= limit * 0.99995:
            scale = 1e3 if letter == "k" else limit
            return f"{fixed(value / scale, 1 if size / scale < 99.95 else 0)}{letter}"
    if size == 0 or size >= 100:
        return fixed(value, 0)
    if size >= 1:
        return fixed(value, 1)
    return fixed(value, 1 - math.floor(math.log10(size)))


def duration(seconds: float) -> str:
    """Seconds as a person says them: ``3 µs``, ``250 ms``, ``45 s``, ``12 min``, ``3.5 h``, ``2.1 d``, ``3 y``."""
    finite(seconds)
    size = abs(seconds)
    if size == 0:
        return "0 s"
    for limit, scale, word in _DURATIONS:
        if size < limit:
            return f"{compact(seconds / scale)} {word}"
    raise AssertionError  # pragma: no cover - the last limit is infinite


_NEAR_ONE = "more than 99.9%"


def share(value: float, *, tells_nines: bool = False) -> str:
    """A share of one as percent: ``31%``, ``4.2%``, ``0.05%``, ``99.5%``, ``more than 99.9%``.

    Args:
        value: the share.
        tells_nines: near one, with up to three decimals: ``99.95%``.
    """
    finite(value)
    percent = value * 100
    if abs(percent) >= 100 or percent == 0:
        return f"{fixed(percent, 0) if abs(percent) < 1e6 else compact(percent)}%"
    if percent > 99.9 + 1e-9 and not tells_nines:
        return _NEAR_ONE
    if abs(percent) >= 99:  # 99.95% of availability is not 100%
        places = 3 if tells_nines else 1
        below = min(math.floor(abs(percent) * 10**places + 1e-6) / 10**places, 99.999)
        return f"{fixed(math.copysign(below, percent), places)}%"
    return f"{fixed(percent, 0) if abs(percent) >= 10 else compact(percent)}%"


def written(value: float | None, unit: Unit) -> str:
    """A value in its unit, or the words for having none."""
    if value is None:
        return "not estimable"
    if unit.form is Form.SHARE:
        return share(value, tells_nines=unit.tells_nines)
    if unit.form is Form.DURATION:
        return duration(value)
    number = compact(value)
    return f"{number} {_singular(unit.symbol) if number == '1' else unit.symbol}".rstrip()


def _singular(symbol: str) -> str:
    """``line`` of ``lines``; abbreviations (``ms``) and words in ``ss`` stay."""
    return symbol[:-1] if len(symbol) > 3 and symbol.endswith("s") and not symbol.endswith("ss") else symbol


def written_interval(low: float | None, high: float | None, unit: Unit) -> str:
    """An interval in words: ``27% to 36%``, ``above 3.5 h`` where the upper end cannot be estimated."""
    if low is None and high is None:
        return "interval not estimable"
    if low is None:
        return f"below {written(high, unit)}"
    if high is None:
        return f"above {written(low, unit)}"
    words = (written(low, unit), written(high, unit))
    return " to ".join(words) if words != (_NEAR_ONE,) * 2 else words[0]
