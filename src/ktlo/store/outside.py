"""Questions of programs that speak ClickHouse's HTTP protocol: Grafana, SQL tools, drivers.

They pass the same guard as what a person types (``readonly``), widened by what such programs ask when they connect.
What a program may say besides the question is taken off first: the FORMAT clause, settings, parameters. Each is held
to a list, and the question runs as the engine's own print of what was checked. Protocol: ClickHouse documentation,
"HTTP interface".
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from ktlo.errors import UserError
from ktlo.wording import counted

FORMATS = frozenset(
    {
        "Arrow", "ArrowStream", "CSV", "CSVWithNames", "CSVWithNamesAndTypes", "JSON", "JSONColumns",
        "JSONColumnsWithMetadata", "JSONCompact", "JSONCompactColumns", "JSONCompactEachRow",
        "JSONCompactEachRowWithNames", "JSONCompactEachRowWithNamesAndTypes", "JSONCompactStrings",
        "JSONCompactStringsEachRow", "JSONCompactStringsEachRowWithNames",
        "JSONCompactStringsEachRowWithNamesAndTypes", "JSONEachRow", "JSONEachRowWithProgress", "JSONLines",
        "JSONObjectEachRow", "JSONStrings", "JSONStringsEachRow", "Markdown", "MsgPack", "NDJSON", "Native", "Null",
        "ORC", "Parquet", "Pretty", "PrettyCompact", "PrettyCompactMonoBlock", "PrettyCompactNoEscapes",
        "PrettyJSONEachRow", "PrettyMonoBlock", "PrettyNoEscapes", "PrettySpace", "RowBinary", "RowBinaryWithNames",
        "RowBinaryWithNamesAndTypes", "SQLInsert", "TSKV", "TSV", "TSVRaw", "TSVRawWithNames",
        "TSVRawWithNamesAndTypes", "TSVWithNames", "TSVWithNamesAndTypes", "TabSeparated", "TabSeparatedRaw",
        "TabSeparatedRawWithNames", "TabSeparatedRawWithNamesAndTypes", "TabSeparatedWithNames",
        "TabSeparatedWithNamesAndTypes", "Values", "Vertical", "XML",
    }
)  # fmt: skip
"""Formats that write nothing but the answer; those that read a schema or a template of this machine are not here."""

ROOTS = frozenset({"ExistsTableQuery", "ExistsViewQuery", "ExistsDatabaseQuery", "ShowCreateTableQuery"})
"""Kinds of statements that programs ask besides the questions that people type."""

SYSTEM_TABLES = frozenset(
    {"build_options", "collations", "formats", "settings", "table_engines", "table_functions"}
)

FUNCTIONS = frozenset(
    {
        "_cast",
        "currentschemas",
        "currentuser",
        "current_schemas",
        "current_user",
        "displayname",
        "revision",
        "user",
    }
)

_HONOURED = frozenset(
    {
        "aggregate_functions_null_for_empty", "asterisk_include_materialized_columns", "date_time_output_format",
        "extremes", "group_by_use_nulls", "join_use_nulls", "limit", "max_block_size", "offset",
        "prefer_column_name_to_alias", "session_timezone", "union_default_mode",
    }
)  # fmt: skip
_HONOURED_PREFIX = "output_format_"
_NEVER = re.compile(r"schema|path|file|template|url", re.IGNORECASE)
_LOWERED = ("max_execution_time", "max_memory_usage", "max_result_rows", "max_result_bytes", "max_threads")
_MOST_THREADS = 4
_VALUE = re.compile(r"[\w .:/+,-]{0,100}")
_PARAMETER = re.compile(r"[A-Za-z_]\w{0,100}")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?")
_MOST_PARAMETERS = 1000

_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`", re.DOTALL)
_FORMAT = re.compile(r" FORMAT ([A-Za-z]+)(?= SETTINGS |$)")
_SETTINGS = re.compile(r" SETTINGS ([a-z_0-9]+ = [^()]*?)(?= FORMAT [A-Za-z]+$|$)")
_IDENTIFIER_SLOT = re.compile(r"\{(\w+): ?Identifier\}")


@dataclass(frozen=True, slots=True)
class Question:
    """What a program asks.

    Attributes:
        sql: the statement as it came.
        format: in which the answer is wanted when the statement does not say.
        parameters: values of ``{name:Type}`` in the text form of the protocol.
        settings: as given beside the statement.
        mark: names this question, so that it can be stopped.
    """

    sql: str
    format: str = "TabSeparated"
    parameters: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    mark: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def remark(self) -> str:
        """A comment after the statement by which the engine's list of running statements is searched."""
        return f" /* ktlo:{self.mark} */"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the engine says.

    Attributes:
        body: in the format that was asked for.
        rows: of the answer.
        read_rows: that were read for it.
        read_bytes: that were read for it.
        seconds: that it took.
        format: of the body.
        ignored: settings that were given and had no effect.
    """

    body: bytes
    rows: int
    read_rows: int
    read_bytes: int
    seconds: float
    format: str = ""
    ignored: tuple[str, ...] = ()


def stop_statement(mark: str) -> str:
    """Statement that ends a running question.

    Raises:
        ValueError: the mark is none that :class:`Question` makes.
    """
    if not re.fullmatch(r"[0-9a-f]{16}", mark):
        raise ValueError(f"{mark!r} is no mark")
    return f"KILL QUERY WHERE endsWith(query, 'ktlo:{mark} */') AND query NOT LIKE 'KILL%' ASYNC"


def take_apart(printed: str) -> tuple[str, str, dict[str, str]]:
    """Take FORMAT and SETTINGS off the end of a statement in the engine's print.

    What stays is checked as a whole, so that anything taken wrongly is refused rather than run.

    Returns:
        The statement without them, the format (empty when none is named) and the settings.
    """
    masked = _QUOTED.sub(lambda quoted: quoted[0][0] + "x" * (len(quoted[0]) - 2) + quoted[0][0], printed)
    form, settings, cuts = "", {}, []
    found = _FORMAT.search(masked)
    if found:
        form = found[1]
        cuts.append(found.span())
    found = _SETTINGS.search(masked)
    if found and masked.find(")", found.end()) < 0:
        for pair in printed[found.start(1) : found.end(1)].split(", "):
            name, _, value = pair.partition(" = ")
            settings[name] = value.strip("'")
        cuts.append(found.span())
    for begin, end in sorted(cuts, reverse=True):
        printed = printed[:begin] + printed[end:]
    return printed, form, settings


def check_parameters(printed: str, parameters: Mapping[str, str]) -> None:
    """See to it that parameters cannot smuggle in what the statement's outline would not show.

    Raises:
        UserError: too many, a name that is none, or an identifier with characters that names here do not have.
    """
    if len(parameters) > _MOST_PARAMETERS:
        raise UserError(
            f"{counted(len(parameters), 'parameters')} are too many", fix=f"Give at most {_MOST_PARAMETERS}"
        )
    for name in parameters:
        if not _PARAMETER.fullmatch(name):
            raise UserError(
                f"{name[:60]!r} is no name of a parameter", fix="Letters, digits and _ make a name"
            )
    for name in _IDENTIFIER_SLOT.findall(printed):
        if name in parameters and not _IDENTIFIER.fullmatch(parameters[name]):
            raise UserError(
                f"the parameter {name} is no name of a table or column",
                fix="Letters, digits and _ make a name",
            )


def effective(
    given: Mapping[str, str], limits: Mapping[str, str | int]
) -> tuple[dict[str, str | int], tuple[str, ...]]:
    """The settings to run with: ktlo's limits, lowered or supplemented by what a program gave.

    Returns:
        The settings, and the names of those that were given in vain.
    """
    settings: dict[str, str | int] = {"max_threads": _MOST_THREADS, **limits}
    ignored = []
    for name, value in given.items():
        if name in _LOWERED:
            wanted = float(value) if re.fullmatch(r"\d{1,18}(\.\d{1,9})?", value) else 0.0
            if 0 < wanted < float(settings[name]):
                settings[name] = str(wanted) if name == "max_execution_time" else max(1, int(wanted))
            elif wanted == 0:
                ignored.append(name)
        elif _is_honoured(name) and _VALUE.fullmatch(value):
            settings[name] = value
        else:
            ignored.append(name)
    return settings, tuple(sorted(ignored))


def _is_honoured(name: str) -> bool:
    if name in _HONOURED:
        return True
    return bool(re.fullmatch(_HONOURED_PREFIX + r"[a-z0-9_]{1,80}", name)) and not _NEVER.search(name)
