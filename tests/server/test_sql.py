"""SQL tools over ClickHouse's HTTP protocol: real drivers are answered, and nobody writes or reads elsewhere."""

from __future__ import annotations

import gzip
import io
import json
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import clickhouse_connect
import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy
from clickhouse_connect.driver.exceptions import DatabaseError
from clickhouse_driver.bufferedreader import BufferedReader
from clickhouse_driver.compression import get_decompressor_cls
from clickhouse_driver.streams.native import BlockInputStream
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ktlo.errors import UserError
from ktlo.server.runtime import Runtime
from ktlo.server.sql.native import CUSTOM_SERIALIZATION, UnknownTypeError, with_revision
from ktlo.server.sql.serving import SqlServing
from ktlo.settings import Settings
from ktlo.settings.sql import SqlSettings
from ktlo.store.outside import check_parameters, take_apart

GOLDEN = Path(__file__).parents[1] / "store" / "golden"

# Refused to a person who types them, harmless and expected from a program: the format is its business, and settings
# that it may not change have no effect.
ANSWERED = {
    "SELECT 1 FORMAT Native",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT 1 SETTINGS max_execution_time = 0",
    "EXPLAIN SELECT 1 SETTINGS readonly = 0",
}

WORDS = (
    *["SELECT", "*", "FROM", "ktlo.spans", "WHERE", "1", "=", "'x", ")", "(", ",", ";", "--", "/*"],
    *["system.tables", "url('http://x')", "FORMAT", "Native", "JSON", "{x:UInt8}"],
)
"""Of what a statement may be made, for a fuzzer."""


@pytest.fixture(scope="module")
def runtime(tmp_path_factory) -> Iterator[Runtime]:
    said = Settings(sql=SqlSettings(port=0, seconds=20, memory_mib=512, rows=200_000, answer_mib=16))
    opened = Runtime(said, tmp_path_factory.mktemp("sql"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def door(runtime) -> Iterator[str]:
    serving = SqlServing(runtime)
    yield serving.door.address
    serving.close()


@pytest.fixture(scope="module")
def http(door) -> Iterator[httpx.Client]:
    # A connection for each question: one that rests too long is closed, maybe just as the next question goes out.
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=door, timeout=60, limits=limits) as client:
        yield client


@pytest.fixture(scope="module")
def driver(door):
    address = httpx.URL(door)
    client = clickhouse_connect.get_client(host=address.host, port=address.port, username="grafana")
    yield client
    client.close()


def code_of(answer: httpx.Response) -> int:
    assert answer.text.startswith(f"Code: {answer.headers['x-clickhouse-exception-code']}. DB::Exception: ")
    return int(answer.headers["x-clickhouse-exception-code"])


# Real drivers


def test_clickhouse_connect_reads_rows_and_binds_values(driver):
    nasty = "it's\ta \\ {name:String}\n"
    asked = driver.query(
        "SELECT {a:String} AS a, {b:Array(String)} AS b, {n:Nullable(Int32)} AS n",
        parameters={"a": nasty, "b": [nasty, ""], "n": None},
    )
    assert asked.result_rows == [(nasty, [nasty, ""], None)]
    assert driver.query("SELECT name FROM system.tables WHERE database = currentDatabase()").row_count > 20
    assert driver.query("DESCRIBE TABLE spans").result_rows[0][:2] == ("trace_id", "String")
    assert driver.command("EXISTS TABLE ktlo.spans") == 1


def test_clickhouse_connect_reads_arrow_and_data_frames_and_large_streams(driver):
    assert driver.query_arrow("SELECT number AS n FROM numbers(3)")["n"].to_pylist() == [0, 1, 2]
    assert list(driver.query_df("SELECT 'a' AS x").x) == ["a"]
    with driver.query_row_block_stream("SELECT number FROM numbers(150000)") as stream:
        assert sum(len(block) for block in stream) == 150_000


def test_sqlalchemy_lists_tables_and_columns(door):
    engine = sqlalchemy.create_engine(f"clickhousedb://me@{httpx.URL(door).netloc.decode()}/ktlo")
    seen = sqlalchemy.inspect(engine)
    assert "spans" in seen.get_table_names()
    assert "trace_id" in [column["name"] for column in seen.get_columns("spans")]
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("SELECT count() FROM commits")).scalar() == 0
    engine.dispose()


TYPES = """SELECT toUInt8(number) AS a, toString(number) AS b, toLowCardinality(toString(number % 3)) AS c,
  CAST(if(number % 2 = 0, NULL, toString(number)) AS LowCardinality(Nullable(String))) AS d,
  toNullable(number) AS e, range(number % 4) AS f, [toLowCardinality('x'), 'y'] AS g,
  map('k', toString(number)) AS h, (number, 'two')::Tuple(x UInt64, `an other` String) AS i,
  toDateTime64('2026-01-02 03:04:05.123456789', 9, 'UTC') AS j, toDate32('2026-01-02') AS k,
  toDecimal64(1.25, 2) AS l, toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0') AS m, toFixedString('abc', 3) AS n,
  CAST('a' AS Enum8('a' = 1, 'b, (c)' = 2)) AS o, toIPv4('127.0.0.1') AS p, number > 1 AS q, toFloat64(number) / 3 AS r,
  [map('x', [number]), map()] AS s, CAST(number AS SimpleAggregateFunction(sum, UInt64)) AS t
FROM numbers(500)"""


def blocks_of(body: bytes, revision: int) -> list[tuple]:
    """Rows as the reader of ClickHouse's own driver sees them."""
    source = io.BytesIO(body)

    class Reader(BufferedReader):
        def read_into_buffer(self):
            self.current_buffer_size = source.readinto(self.buffer)
            if not self.current_buffer_size:
                raise EOFError

    reader = Reader(1 << 16)
    context = SimpleNamespace(
        server_info=SimpleNamespace(used_revision=revision, get_timezone=lambda: "UTC"),
        client_settings={"use_numpy": False, "strings_as_bytes": False, "strings_encoding": "utf-8",
                         "input_format_null_as_default": False, "server_side_params": False,
                         "round_robin": False, "namedtuple_as_json": True, "quota_key": ""},
        settings={},
    )  # fmt: skip
    rows = []
    while True:
        try:
            rows += BlockInputStream(reader, context).read().get_rows()
        except (EOFError, IndexError):
            return rows


@pytest.mark.parametrize("revision", [0, CUSTOM_SERIALIZATION])
def test_native_is_read_alike_by_old_and_new_clients(http, revision):
    """Grafana's data source (clickhouse-go over HTTP) tells the revision that it reads."""
    answer = http.post(
        "/", params={"default_format": "Native", "client_protocol_version": revision}, content=TYPES
    )
    assert answer.status_code == 200, answer.text
    rows = blocks_of(answer.content, revision)
    assert len(rows) == 500
    assert rows[5][:6] == (5, "5", "2", "5", 5, [0])
    assert rows[499][-1] == 499


def test_a_type_that_newer_clients_cannot_be_sent_is_named(http):
    answer = http.get(
        "/",
        params={
            "query": "SELECT sumState(1) AS s FORMAT Native",
            "client_protocol_version": CUSTOM_SERIALIZATION,
        },
    )
    assert answer.status_code == 501
    assert code_of(answer) == 48
    with pytest.raises(UnknownTypeError, match="Dynamic"):
        with_revision(b"\x01\x01\x01x\x07Dynamic\x00", CUSTOM_SERIALIZATION)


def test_compressed_blocks_have_the_checksums_that_drivers_check(http):
    asked = "SELECT number FROM numbers(150000) FORMAT TSV"
    answer = http.get("/", params={"query": asked, "compress": "1"})
    stream, read = io.BytesIO(answer.content), []
    decompressor = get_decompressor_cls(0x82)
    while head := stream.read(17):
        high, low = struct.unpack("<QQ", head[:16])
        piece = decompressor(stream).get_decompressed_data(head[16], (high << 64) + low, 1)
        read.append(bytes(piece))
    assert b"".join(read) == http.get("/", params={"query": asked}).content


# The protocol


def test_ping_needs_nothing_and_an_empty_question_is_a_ping(http):
    assert http.get("/ping").text == http.get("/").text == "Ok.\n"
    assert http.post("/").status_code == 400


@pytest.mark.parametrize(
    "form",
    [
        "TabSeparatedWithNames", "CSVWithNames", "JSON", "JSONEachRow", "JSONCompact", "RowBinaryWithNamesAndTypes",
        "Parquet", "ArrowStream", "Native", "Pretty", "Markdown",
    ],
)  # fmt: skip
def test_answers_come_in_the_format_that_is_asked_for(http, form):
    by_clause = http.get("/", params={"query": f"SELECT 1 AS one FORMAT {form}"})
    by_header = http.get("/", params={"query": "SELECT 1 AS one"}, headers={"X-ClickHouse-Format": form})
    by_default = http.post("/", params={"default_format": form}, content="SELECT 1 AS one")
    assert {one.headers["x-clickhouse-format"] for one in (by_clause, by_header, by_default)} == {form}
    assert b"one" in by_clause.content
    if form == "Parquet":
        assert pq.read_table(io.BytesIO(by_clause.content)).to_pylist() == [{"one": 1}]
    if form == "ArrowStream":
        assert pa.ipc.open_stream(by_clause.content).read_all().to_pylist() == [{"one": 1}]


def test_headers_say_what_was_read_and_carry_the_query_id(http):
    answer = http.get("/", params={"query": "SELECT number FROM numbers(10)", "query_id": "grafana\r\n-1"})
    assert answer.headers["x-clickhouse-query-id"] == "grafana-1"
    told = json.loads(answer.headers["x-clickhouse-summary"])
    assert (told["read_rows"], told["result_rows"]) == ("10", "10")


def test_statement_and_values_may_come_in_every_way_that_drivers_use(http):
    for answer in (
        http.get("/", params={"query": "SELECT {x:UInt8}", "param_x": "7"}),
        http.post("/", params={"param_x": "7"}, content="SELECT {x:UInt8}"),
        http.post("/", params={"query": "SELECT", "param_x": "7"}, content="{x:UInt8}"),
        http.post("/", data={"query": "SELECT {x:UInt8}", "param_x": "7"}),
        http.post("/", files={"query": (None, "SELECT {x:UInt8}"), "param_x": (None, "7")}),
        http.post(
            "/",
            params={"param_x": "7"},
            content=gzip.compress(b"SELECT {x:UInt8}"),
            headers={"Content-Encoding": "gzip"},
        ),
    ):
        assert (answer.status_code, answer.text) == (200, "7\n")


def test_answers_are_compressed_when_the_client_says_that_it_can_read_it(http):
    asked = {"query": "SELECT number FROM numbers(10000)"}
    plain = http.get("/", params=asked, headers={"Accept-Encoding": "identity"})
    zipped = http.get("/", params=asked, headers={"Accept-Encoding": "gzip"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.content == plain.content
    refused = http.get(
        "/", params=asked | {"enable_http_compression": "0"}, headers={"Accept-Encoding": "gzip"}
    )
    assert "content-encoding" not in refused.headers


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"query": "SELEC 1"}, 400, 62),
        ({"query": "SELECT nosuch"}, 404, 47),
        ({"query": "SELECT * FROM ktlo.nosuch"}, 404, 60),
        ({"query": "SELECT 1", "database": "shop"}, 404, 81),
        ({"query": "INSERT INTO aliases VALUES (1)"}, 403, 497),
        ({"query": "/* x */ -- y\n DROP TABLE aliases"}, 403, 497),
        ({"query": "SELECT 1 FORMAT Template"}, 403, 497),
        ({"query": "SELECT number FROM numbers(300000)"}, 500, 396),
        ({"query": "SELECT repeat('x', 100000) FROM numbers(1000)"}, 500, 396),
        (
            {"query": "SELECT groupArray(number) FROM numbers(1000000000)", "max_memory_usage": "50000000"},
            500,
            241,
        ),
        ({"query": "SELECT sum(cityHash64(number)) FROM numbers(1e13)", "max_execution_time": "1"}, 500, 159),
        ({"query": "SELECT {x:UInt8}"}, 400, 456),
        ({"query": "SELECT 1", "decompress": "1"}, 400, 36),
    ],
)
def test_what_cannot_be_answered_has_a_code_and_a_text(http, asked, status, code):
    answer = http.post("/", params=asked)
    assert (answer.status_code, code_of(answer)) == (status, code), answer.text


def test_settings_lower_limits_and_never_raise_them(http):
    asked = {"query": "SELECT number FROM numbers(300000)"}
    assert http.get("/", params=asked | {"limit": "2"}).text == "0\n1\n"
    raised = http.get("/", params=asked | {"max_result_rows": "0"})
    assert code_of(raised) == 396
    raised = http.get("/", params=asked | {"max_result_rows": "999999999"})
    assert code_of(raised) == 396
    ignored = http.get("/", params={"query": "SELECT getSetting('x')", "readonly": "0"})
    assert ignored.status_code == 403
    quiet = http.get(
        "/", params={"query": "SELECT 1", "format_schema": "/etc/passwd", "output_format_schema": "x"}
    )
    assert quiet.headers["x-ktlo-ignored-settings"] == "format_schema,output_format_schema"


def test_a_question_whose_client_has_left_is_ended(runtime, door):
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(door, params={"query": "SELECT sum(cityHash64(number)) FROM numbers(1e13)"}, timeout=0.7)
    deadline = time.monotonic() + 60
    running = "SELECT count() AS n FROM system.processes WHERE query LIKE '%cityHash64(number)%ktlo:%'"
    while (left := runtime.store.query(running)["n"][0].as_py()) > 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    # The question that looks for it is the one that is left.
    assert left <= 1


def test_eight_clients_at_once_are_all_answered(door):
    answers = []

    def ask() -> None:
        for _ in range(5):
            asked = httpx.get(door, params={"query": "SELECT count() FROM commits"}, timeout=60)
            answers.append(asked.text)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["0\n"] * 40


# Who may not


def test_hostile_statements_do_nothing_through_this_door_either(http, runtime, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("hunter2\n", encoding="utf-8")
    before = runtime.store.query("SELECT name FROM system.tables ORDER BY name")
    lines = (GOLDEN / "hostile.txt").read_text(encoding="utf-8").splitlines()
    for line in lines:
        if not line or line.startswith("#"):
            continue
        statement = line.replace("{secret}", str(secret)).replace("\\n", "\n")
        answer = http.post("/", content=statement)
        assert "hunter2" not in answer.text, statement
        assert (answer.status_code == 200) == (statement in ANSWERED), (statement, answer.text)
    assert runtime.store.query("SELECT name FROM system.tables ORDER BY name") == before
    assert not Path("/tmp/ktlo-stolen").exists()


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("SELECT * FROM {t:Identifier}", {"t": "system.users"}),
        ("SELECT * FROM {d:Identifier}.{t:Identifier}", {"d": "system", "t": "users"}),
        ("SELECT arrayMap({f:Identifier}, ['{secret}'])", {"f": "file"}),
        ("SELECT * FROM {t:Identifier}", {"t": "commits\n  Function plus"}),
        ("SELECT * FROM {t:Identifier}", {"t": "commits` UNION ALL SELECT file('{secret}') --"}),
        ("SELECT 1 IN {t:Identifier}", {"t": "system.users"}),
        ("SHOW CREATE TABLE system.users", {}),
        ("EXISTS TABLE system.users", {}),
        ("SHOW CREATE TABLE other.secrets", {}),
        ("SELECT * FROM system.users FORMAT JSON SETTINGS max_threads = 1", {}),
        ("SELECT file('{secret}') FORMAT JSON", {}),
        ("SELECT 1 SETTINGS format_schema = '{secret}' FORMAT Protobuf", {}),
        ("SELECT (SELECT 1 SETTINGS readonly = 0) FORMAT CSV", {}),
        ("SELECT 1 FORMAT CSV INTO OUTFILE '/tmp/ktlo-stolen'", {}),
    ],
)
def test_parameters_formats_and_settings_smuggle_nothing_in(http, tmp_path, statement, values):
    secret = tmp_path / "secret.csv"
    secret.write_text("hunter2\n", encoding="utf-8")
    values = {f"param_{name}": value.replace("{secret}", str(secret)) for name, value in values.items()}
    answer = http.post("/", params=values, content=statement.replace("{secret}", str(secret)))
    assert answer.status_code >= 400, answer.text
    assert "hunter2" not in answer.text


def test_format_and_settings_are_taken_only_from_the_end_and_never_out_of_quotes():
    assert take_apart("SELECT ' FORMAT CSV' AS ` SETTINGS a = 1`") == (
        "SELECT ' FORMAT CSV' AS ` SETTINGS a = 1`", "", {},
    )  # fmt: skip
    assert take_apart("SELECT 1 FORMAT CSV SETTINGS limit = 3, session_timezone = 'UTC'") == (
        "SELECT 1", "CSV", {"limit": "3", "session_timezone": "UTC"},
    )  # fmt: skip
    assert take_apart("SELECT 1 SETTINGS limit = 3 FORMAT CSV") == ("SELECT 1", "CSV", {"limit": "3"})
    inner = "SELECT * FROM (SELECT 1 SETTINGS readonly = 0)"
    assert take_apart(inner) == (inner, "", {})


@pytest.mark.parametrize("value", ["a`b", "commits\n  Function plus", "a.b.c", "", "1x", "a b"])
def test_a_parameter_that_stands_for_a_name_must_be_a_name(value):
    with pytest.raises(UserError, match="no name of a table"):
        check_parameters("SELECT * FROM {t:Identifier}", {"t": value})
    check_parameters("SELECT * FROM {t:Identifier}", {"t": "ktlo.commits"})
    check_parameters("SELECT {t:String}", {"t": value})


def test_without_a_key_other_names_and_pages_in_browsers_are_turned_away(http):
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
        answer = http.get("/", params={"query": "SELECT 1"}, headers=headers)
        assert code_of(answer) == 497


def test_with_a_key_everybody_must_give_it(runtime, monkeypatch, tmp_path):
    monkeypatch.setenv("KTLO_TOKEN", "correct horse")
    serving = SqlServing(runtime)
    try:
        url = serving.door.address
        asked = {"query": "SELECT 1"}
        for refused in (
            httpx.get(url, params=asked, timeout=60),
            httpx.get(url, params=asked, auth=("me", "wrong"), timeout=60),
            httpx.get(url, params=asked | {"password": "wrong"}, timeout=60),
            httpx.get(
                url,
                params=asked,
                headers={"X-ClickHouse-Key": "wrong", "X-ClickHouse-User": "me"},
                timeout=60,
            ),
            httpx.get(url, params=asked, headers={"Authorization": "Basic !"}, timeout=60),
        ):
            assert (refused.status_code, code_of(refused)) == (403, 516)
            assert "correct horse" not in refused.text
        for welcome in (
            httpx.get(url, params=asked, auth=("me", "correct horse"), timeout=60),
            httpx.get(url, params=asked | {"password": "correct horse", "user": "me"}, timeout=60),
            httpx.get(url, params=asked, headers={"X-ClickHouse-Key": "correct horse"}, timeout=60),
            httpx.get(
                url,
                params=asked,
                headers={"Authorization": "Bearer correct horse", "Host": "ktlo.lan"},
                timeout=60,
            ),
        ):
            assert welcome.text == "1\n"
    finally:
        serving.close()


def test_an_address_that_others_reach_needs_a_key(runtime, monkeypatch):
    monkeypatch.delenv("KTLO_TOKEN", raising=False)
    monkeypatch.setattr(runtime, "settings", Settings(sql=SqlSettings(host="0.0.0.0", port=0)))
    with pytest.raises(UserError, match="to anybody"):
        SqlServing(runtime)


def test_a_port_that_something_else_uses_is_told_and_the_rest_goes_on(runtime, door, monkeypatch):
    taken = httpx.URL(door).port
    monkeypatch.setattr(runtime, "settings", Settings(sql=SqlSettings(port=taken)))
    closed = SqlServing(runtime)
    assert closed.door.address == ""
    assert str(taken) in closed.door.problem
    closed.close()


def test_an_unknown_driver_error_is_an_error_of_the_driver(driver):
    with pytest.raises(DatabaseError, match="497"):
        driver.command("DROP TABLE aliases")


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    said=st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(lambda text: text.encode()),
        st.lists(st.sampled_from(WORDS), max_size=14).map(lambda words: " ".join(words).encode()),
    ),
    params=st.dictionaries(
        st.sampled_from(
            ["query", "database", "default_format", "param_x", "max_rows", "query_id", "compress"]
        ),
        st.text(max_size=40),
        max_size=3,
    ),
)
def test_whatever_is_sent_is_answered_or_refused_and_the_door_still_answers(http, said, params):
    answer = http.post("/", content=said, params=params)
    assert answer.status_code < 500, answer.text[:300]
    assert http.get("/", params={"query": "SELECT 1"}).text == "1\n"
