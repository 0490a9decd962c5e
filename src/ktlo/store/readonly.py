"""What a person may ask in SQL of their own: one question over ktlo's tables, and nothing else.

Two walls, each enough alone for writing: the statement is parsed by the engine itself and every part of
it must be on a list here (kinds of syntax, tables, functions), and it then runs in a session where the
engine refuses writes and changes of settings. The text that runs is the engine's own print of what was
parsed, so that what was checked and what is run cannot differ. Tests: ``tests/store/golden/hostile.sql``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ktlo.errors import UserError
from ktlo.records.schema import TABLES

FIX = "One SELECT, EXPLAIN, DESCRIBE or SHOW TABLES over ktlo's tables is answered here"
OUTLINE_SETTINGS: Mapping[str, str | int] = {"max_execution_time": 5, "readonly": 1}
LONGEST_STATEMENT = 64 * 1024

Query = Callable[[str, Mapping[str, Any]], pa.Table]

_ROOTS = frozenset({"SelectWithUnionQuery", "Explain", "DescribeQuery", "ShowTables", "ShowColumns"})

# Kinds of syntax whose parts the engine prints in full. ColumnsApplyTransformer, for one, is not here:
# `* APPLY(file)` hides the function's name.
_SYNTAX = _ROOTS | {
    "ArrayJoin",
    "Asterisk",
    "ColumnsExceptTransformer",
    "ColumnsListMatcher",
    "ColumnsRegexpMatcher",
    "ColumnsReplaceTransformer",
    "ColumnsReplaceTransformer::Replacement",
    "ColumnsTransformerList",
    "ExpressionList",
    "Function",
    "Identifier",
    "InterpolateElement",
    "Literal",
    "OrderByElement",
    "QualifiedAsterisk",
    "QualifiedColumnsListMatcher",
    "QualifiedColumnsRegexpMatcher",
    "SampleRatio",
    "SelectIntersectExceptQuery",
    "SelectQuery",
    "Subquery",
    "TableExpression",
    "TableIdentifier",
    "TableJoin",
    "TablesInSelectQuery",
    "TablesInSelectQueryElement",
    "WindowDefinition",
    "WindowListElement",
    "WithElement",
}

_SYSTEM_TABLES = frozenset(
    {
        "aggregate_function_combinators",
        "columns",
        "data_type_families",
        "databases",
        "functions",
        "keywords",
        "numbers",
        "numbers_mt",
        "one",
        "tables",
        "time_zones",
        "zeros",
        "zeros_mt",
    }
)

_TABLE_FUNCTIONS = frozenset(
    {
        "generate_series",
        "generateseries",
        "numbers",
        "numbers_mt",
        "sqlstandardvalues",
        "values",
        "view",
        "zeros",
        "zeros_mt",
    }
)

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

_MEMBERSHIP = frozenset(
    {"in", "notin", "globalin", "globalnotin", "nullin", "notnullin", "globalnullin", "globalnotnullin"}
)

_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`", re.DOTALL)
_PLAIN_QUOTED_NAME = re.compile(r"`[^`\\\x00-\x1f]*`")
_OUTPUT_CLAUSE = re.compile(r"\b(INTO OUTFILE|FORMAT|SETTINGS|PARALLEL WITH)\b")
_LINE = re.compile(
    r"^(?P<depth> *)(?P<kind>[A-Za-z]+(?:::[A-Za-z]+)?)(?: (?P<text>.*?))??"
    r"(?: \(alias .*\))?(?: \(children \d+\))?$"
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one question may use.

    Attributes:
        seconds: time to answer.
        memory: bytes of memory while answering.
        answer: bytes of the answer, uncompressed.
    """

    seconds: float = 30
    memory: int = 2 << 30
    answer: int = 256 << 20

    def settings(self, rows: int) -> Mapping[str, str | int]:
        """The engine's settings for one question with at most ``rows`` rows.

        Raises:
            ValueError: ``rows`` is not positive (0 would mean no limit to the engine).
        """
        if rows < 1:
            raise ValueError(f"a limit of {rows} rows has no meaning")
        return {
            "limit": rows,
            "max_execution_time": str(self.seconds),
            "max_memory_usage": self.memory,
            "max_result_bytes": self.answer,
            "result_overflow_mode": "throw",
            "readonly": 1,
        }

    def explain(self, message: str) -> str:
        """The engine's message, or a sentence where a limit was met."""
        if "TIMEOUT_EXCEEDED" in message or "TOO_SLOW" in message:
            return f"the question took longer than {self.seconds:g} s"
        if "MEMORY_LIMIT_EXCEEDED" in message:
            return f"the question needs more than {self.memory >> 20} MiB of memory"
        if "TOO_MANY_ROWS_OR_BYTES" in message:
            return f"the answer is larger than {self.answer >> 20} MiB"
        if "(READONLY)" in message:
            return "the statement would change something"
        return message.split(": In scope ", 1)[0]


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


@dataclass(slots=True)
class _Node:
    """One line of the engine's outline of a statement."""

    kind: str
    text: str
    children: list[_Node]


def admit(sql: str, database: str, words: Vocabulary, *, query: Query, ask: Callable[[str], pa.Table]) -> str:
    """Check a statement that a person typed.

    Args:
        sql: the statement.
        database: the only database whose tables may be named, a few of ``system`` apart.
        words: the engine's functions.
        query: answers ktlo's own statements, with bound parameters.
        ask: answers one statement in a session that can write nothing.

    Returns:
        The statement to run instead: the engine's own print of it.

    Raises:
        UserError: it is not one question over ktlo's tables.
        StoreError: it does not parse; the message says where.
    """
    if len(sql) > LONGEST_STATEMENT:
        raise UserError(f"the statement is longer than {LONGEST_STATEMENT} characters", fix=FIX)
    statement = str(query("SELECT formatQuerySingleLine({sql:String}) AS s", {"sql": sql})["s"][0].as_py())
    bare = _QUOTED.sub(_masked, statement)
    clause = _OUTPUT_CLAUSE.search(bare)
    if clause:
        raise UserError(f"{clause[0]} is not for questions", fix=FIX)
    kind = statement.split(" ", 1)[0]
    if kind not in ("SELECT", "WITH", "EXPLAIN", "DESCRIBE", "SHOW", "FROM", "("):
        raise UserError(f"{kind} is not a question", fix=FIX)
    root = _outline([str(line) for line in ask(f"EXPLAIN AST {statement}").column(0).to_pylist()])
    _check(root, database, words)
    return statement


def _masked(quoted: re.Match[str]) -> str:
    """Leave nothing of a literal; refuse names that could imitate lines of the outline."""
    if quoted[0].startswith("`") and not _PLAIN_QUOTED_NAME.fullmatch(quoted[0]):
        raise UserError(f"the name {quoted[0]} has characters that names here do not have", fix=FIX)
    return quoted[0][0] * 2


def _outline(lines: list[str]) -> _Node:
    top = _Node("", "", [])
    path = [top]
    for line in lines:
        read = _LINE.match(line)
        if read is None:
            raise UserError("the statement uses syntax that is not open to questions", fix=FIX)
        node = _Node(read["kind"], read["text"] or "", [])
        del path[len(read["depth"]) + 1 :]
        path[-1].children.append(node)
        path.append(node)
    if len(top.children) != 1:
        raise UserError("one statement at a time", fix=FIX)
    return top.children[0]


def _check(root: _Node, database: str, words: Vocabulary) -> None:
    if root.kind not in _ROOTS:
        raise UserError("that is not a question", fix=FIX)
    question = root
    if root.kind == "Explain":
        question = root.children[-1]
        # What is left of the question are EXPLAIN's own options.
        if question.kind != "SelectWithUnionQuery" or any(c.kind != "Set" for c in root.children[:-1]):
            raise UserError("only a SELECT can be explained here", fix=FIX)
    if root.kind == "ShowTables" and any(c.text != database for c in root.children):
        raise UserError(f"only the tables of {database} are shown here", fix=FIX)
    if question.kind == "SelectWithUnionQuery" and len(question.children) != 1:
        raise UserError("INTO OUTFILE, FORMAT and SETTINGS are not for questions", fix=FIX)
    _check_tree(question, _Node("", "", []), database, words)


def _check_tree(node: _Node, parent: _Node, database: str, words: Vocabulary) -> None:
    if node.kind not in _SYNTAX:
        raise UserError(f"{_words(node.kind)} is not open to questions", fix=FIX)
    if node.kind == "TableIdentifier":
        _check_table(node.text, database)
    elif node.kind == "Function" and parent.kind == "TableExpression":
        if node.text.lower() not in _TABLE_FUNCTIONS:
            raise UserError(f"the table function {node.text} is not open to questions", fix=FIX)
    elif node.kind == "Function":
        _check_function(node, database, words)
    for child in node.children:
        _check_tree(child, node, database, words)


def _check_function(node: _Node, database: str, words: Vocabulary) -> None:
    name = node.text.lower()
    if not words.allows(name):
        raise UserError(f"the function {node.text} is unknown or not open to questions", fix=FIX)
    arguments = node.children[0].children if node.children else []
    for argument in arguments:
        # `arrayMap(file, …)` names a function like a column.
        if argument.kind == "Identifier" and argument.text.lower() in words.closed - _COLUMNS:
            raise UserError(f"the function {argument.text} is not open to questions", fix=FIX)
    if name in _MEMBERSHIP and len(arguments) == 2:
        _check_set(arguments[1], database)


def _check_set(node: _Node, database: str) -> None:
    """What stands right of IN may name a table, or a table function, without saying so."""
    if node.kind == "Identifier" and "." in node.text:
        _check_table(node.text, database)
    if node.kind == "Function" and node.text.lower() in ("tuple", "array"):
        for member in (m for arguments in node.children for m in arguments.children):
            _check_set(member, database)


def _check_table(name: str, database: str) -> None:
    if not _NAME.fullmatch(name):
        raise UserError(f"{name} is not the name of a table here", fix=FIX)
    home, _, table = name.rpartition(".")
    if home in ("", database) or home.lower() == "information_schema":
        return
    if home == "system" and table in _SYSTEM_TABLES:
        return
    raise UserError(f"the table {name} is not open to questions", fix=FIX)


def _words(kind: str) -> str:
    """A kind of syntax as words: ColumnsApplyTransformer, columns apply transformer."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).lower()


_COLUMNS = frozenset(column.name for table in TABLES.values() for column in table.columns)
