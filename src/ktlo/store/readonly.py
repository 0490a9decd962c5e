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

import pyarrow as pa

from ktlo.errors import UserError
from ktlo.records.schema import TABLES
from ktlo.store.vocabulary import Query, Vocabulary

FIX = "One SELECT, EXPLAIN, DESCRIBE or SHOW TABLES over ktlo's tables is answered here"
OUTLINE_SETTINGS: Mapping[str, str | int] = {"max_execution_time": 5, "readonly": 1}
LONGEST_STATEMENT = 64 * 1024

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

_MEMBERSHIP = frozenset(
    {"in", "notin", "globalin", "globalnotin", "nullin", "notnullin", "globalnullin", "globalnotnullin"}
)

_WRITING = frozenset(
    {"ALTER", "ATTACH", "CREATE", "DELETE", "DETACH", "DROP", "GRANT", "INSERT", "KILL", "OPTIMIZE", "RENAME",
     "REVOKE", "SET", "SYSTEM", "TRUNCATE", "UPDATE", "USE"}
)  # fmt: skip

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


@dataclass(slots=True)
class _Node:
    """One line of the engine's outline of a statement."""

    kind: str
    text: str
    children: list[_Node]


@dataclass(frozen=True, slots=True)
class Wider:
    """What is open to programs besides what is open to people (``outside``).

    Attributes:
        roots: kinds of statements; each names one table or database by its children.
        system_tables: tables of ``system``.
        functions: in lower case.
    """

    roots: frozenset[str] = frozenset()
    system_tables: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()


_NO_WIDER = Wider()


def refuse_writing(sql: str) -> None:
    """Say so at once where a statement is plainly no question; drivers send INSERTs that do not even parse.

    Raises:
        UserError: it begins with a word that no question begins with.
    """
    first = re.match(r"(?:\s+|--[^\n]*\n|/\*.*?\*/)*([A-Za-z]+)", sql, re.DOTALL)
    if first and first[1].upper() in _WRITING:
        raise UserError(f"{first[1].upper()} is not a question", fix=FIX)


def printed(sql: str, query: Query) -> str:
    """The engine's own print of a statement, on one line.

    Raises:
        UserError: it is too long.
        StoreError: it does not parse; the message says where.
    """
    if len(sql) > LONGEST_STATEMENT:
        raise UserError(f"the statement is longer than {LONGEST_STATEMENT} characters", fix=FIX)
    return str(query("SELECT formatQuerySingleLine({sql:String}) AS s", {"sql": sql})["s"][0].as_py())


def admit(
    sql: str,
    database: str,
    words: Vocabulary,
    *,
    query: Query,
    ask: Callable[[str], pa.Table],
    wider: Wider = _NO_WIDER,
) -> str:
    """Check a statement that a person typed, or a program.

    Args:
        sql: the statement.
        database: the only database whose tables may be named, a few of ``system`` apart.
        words: the engine's functions.
        query: answers ktlo's own statements, with bound parameters.
        ask: answers one statement in a session that can write nothing.
        wider: what is open besides.

    Returns:
        The statement to run instead: the engine's own print of it.

    Raises:
        UserError: it is not one question over ktlo's tables.
        StoreError: it does not parse; the message says where.
    """
    statement = printed(sql, query)
    bare = _QUOTED.sub(_masked, statement)
    clause = _OUTPUT_CLAUSE.search(bare)
    if clause:
        raise UserError(f"{clause[0]} is not for questions", fix=FIX)
    kind = statement.split(" ", 1)[0]
    if kind not in ("SELECT", "WITH", "EXPLAIN", "DESCRIBE", "SHOW", "FROM", "(", "EXISTS"):
        raise UserError(f"{kind} is not a question", fix=FIX)
    root = _outline([str(line) for line in ask(f"EXPLAIN AST {statement}").column(0).to_pylist()])
    _check(root, _Admission(database, words, wider))
    return statement


@dataclass(frozen=True, slots=True)
class _Admission:
    """What a statement is held to."""

    database: str
    words: Vocabulary
    wider: Wider

    def opens(self, function: str) -> bool:
        return function.lower() in self.wider.functions or self.words.allows(function)


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


def _check(root: _Node, held: _Admission) -> None:
    if root.kind in held.wider.roots:
        _check_named(root, held)
        return
    if root.kind not in _ROOTS:
        raise UserError("that is not a question", fix=FIX)
    question = root
    if root.kind == "Explain":
        question = root.children[-1]
        # What is left of the question are EXPLAIN's own options.
        if question.kind != "SelectWithUnionQuery" or any(c.kind != "Set" for c in root.children[:-1]):
            raise UserError("only a SELECT can be explained here", fix=FIX)
    if root.kind == "ShowTables" and any(c.text != held.database for c in root.children):
        raise UserError(f"only the tables of {held.database} are shown here", fix=FIX)
    if question.kind == "SelectWithUnionQuery" and len(question.children) != 1:
        raise UserError("INTO OUTFILE, FORMAT and SETTINGS are not for questions", fix=FIX)
    _check_tree(question, _Node("", "", []), held)


def _check_named(root: _Node, held: _Admission) -> None:
    """EXISTS and SHOW CREATE: identifiers of a database and a table, and nothing else."""
    names = [child.text for child in root.children]
    if any(child.kind != "Identifier" or child.children for child in root.children) or not names:
        raise UserError("that is not a question", fix=FIX)
    if root.kind == "ExistsDatabaseQuery":
        return
    _check_table(".".join(names), held)


def _check_tree(node: _Node, parent: _Node, held: _Admission) -> None:
    if node.kind not in _SYNTAX:
        raise UserError(f"{_words(node.kind)} is not open to questions", fix=FIX)
    if node.kind == "TableIdentifier":
        _check_table(node.text, held)
    elif node.kind == "Function" and parent.kind == "TableExpression":
        if node.text.lower() not in _TABLE_FUNCTIONS:
            raise UserError(f"the table function {node.text} is not open to questions", fix=FIX)
    elif node.kind == "Function":
        _check_function(node, held)
    for child in node.children:
        _check_tree(child, node, held)


def _check_function(node: _Node, held: _Admission) -> None:
    name = node.text.lower()
    if not held.opens(name):
        raise UserError(f"the function {node.text} is unknown or not open to questions", fix=FIX)
    arguments = node.children[0].children if node.children else []
    for argument in arguments:
        # `arrayMap(file, …)` names a function like a column.
        if argument.kind == "Identifier" and argument.text.lower() in held.words.closed - _COLUMNS:
            raise UserError(f"the function {argument.text} is not open to questions", fix=FIX)
    if name in _MEMBERSHIP and len(arguments) == 2:
        _check_set(arguments[1], held)


def _check_set(node: _Node, held: _Admission) -> None:
    """What stands right of IN may name a table, or a table function, without saying so."""
    if node.kind == "Identifier" and "." in node.text:
        _check_table(node.text, held)
    if node.kind == "Function" and node.text.lower() in ("tuple", "array"):
        for member in (m for arguments in node.children for m in arguments.children):
            _check_set(member, held)


def _check_table(name: str, held: _Admission) -> None:
    if not _NAME.fullmatch(name):
        raise UserError(f"{name} is not the name of a table here", fix=FIX)
    home, _, table = name.rpartition(".")
    if home in ("", held.database) or home.lower() == "information_schema":
        return
    if home == "system" and table in _SYSTEM_TABLES | held.wider.system_tables:
        return
    raise UserError(f"the table {name} is not open to questions", fix=FIX)


def _words(kind: str) -> str:
    """A kind of syntax as words: ColumnsApplyTransformer, columns apply transformer."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).lower()


_COLUMNS = frozenset(column.name for table in TABLES.values() for column in table.columns)
