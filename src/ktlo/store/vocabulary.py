"""The engine's functions, sorted into those that a question may use and those that it may not.

Read from the engine itself (``system.functions``), by category and by name; a function that nobody knows is not open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

Query = Callable[[str, Mapping[str, Any]], pa.Table]

# The engine sorts its functions into categories; these compute from their arguments alone.
_CATEGORIES = frozenset(
    {
        "Aggregate Functions",
        "Arithmetic",
        "Arrays",
        "Bit",
        "Bitmap",
        "Comparison",
        "Conditional",
        "Dates and Times",
        "Distance",
        "Encoding",
        "Encryption",
        "Financial",
        "Geo",
        "Geo Polygon",
        "Hash",
        "IP Address",
        "JSON",
        "Logical",
        "Map",
        "Mathematical",
        "Null",
        "NumericIndexedVector",
        "Random Number",
        "Rounding",
        "String",
        "String Replacement",
        "String Search",
        "String Splitting",
        "Time Window",
        "Tuple",
        "Type Conversion",
        "URL",
        "UUID",
    }
)

# Of the categories that also hold functions which read files, wait, or tell about the machine.
_ALSO_HARMLESS = frozenset(
    {
        "bar",
        "bytesize",
        "casewithexpression",
        "currentdatabase",
        "finalizeaggregation",
        "formatquery",
        "formatquerysingleline",
        "formatreadabledecimalsize",
        "formatreadablequantity",
        "formatreadablesize",
        "formatreadabletimedelta",
        "getsubcolumn",
        "identity",
        "ignore",
        "indexhint",
        "initializeaggregation",
        "isconstant",
        "materialize",
        "neighbor",
        "parseiso8601duration",
        "parsereadablesize",
        "parsetimedelta",
        "rownumberinallblocks",
        "rownumberinblock",
        "runningaccumulate",
        "runningdifference",
        "seriesdecomposestl",
        "seriesoutliersdetecttukey",
        "stochasticlinearregression",
        "throwif",
        "totypename",
        "transform",
        "varianttype",
        "version",
        "visiblewidth",
    }
)

# Spelled like functions, known to the parser only.
_FORMS = frozenset({"columns", "exists", "grouping", "lambda", "untuple"})


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The engine's functions, in lower case.

    Attributes:
        open: those that may be used.
        closed: those that may not.
        aggregates: aggregate functions, which take combinators.
        combinators: suffixes of aggregate functions.
    """

    open: frozenset[str]
    closed: frozenset[str]
    aggregates: frozenset[str]
    combinators: tuple[str, ...]

    def allows(self, function: str) -> bool:
        """True when a function may be used; names nobody knows may not."""
        name = function.lower()
        if name in self.open or name in _FORMS:
            return True
        return name not in self.closed and self._is_combined(name)

    def _is_combined(self, name: str) -> bool:
        if name in self.aggregates:
            return True
        return any(
            self._is_combined(name.removesuffix(suffix))
            for suffix in self.combinators
            if name.endswith(suffix) and len(name) > len(suffix)
        )


def vocabulary(query: Query) -> Vocabulary:
    """Read the engine's functions and sort them into open and closed."""
    rows = query(
        "SELECT lower(name) AS name, lower(alias_to) AS alias_to, toString(categories) AS category,"
        " is_aggregate, toString(origin) AS origin FROM system.functions",
        {},
    ).to_pylist()
    admitted = {
        row["name"]
        for row in rows
        if row["origin"] == "System" and (row["category"] in _CATEGORIES or row["name"] in _ALSO_HARMLESS)
    }
    admitted |= {row["name"] for row in rows if row["origin"] == "System" and row["alias_to"] in admitted}
    suffixes = query("SELECT lower(name) AS name FROM system.aggregate_function_combinators", {})
    return Vocabulary(
        open=frozenset(admitted),
        closed=frozenset(row["name"] for row in rows) - admitted,
        aggregates=frozenset(row["name"] for row in rows if row["is_aggregate"] and row["name"] in admitted),
        combinators=tuple(str(name) for name in suffixes["name"].to_pylist()),
    )
