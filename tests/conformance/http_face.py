"""A thin HTTP face over the embedded engine, enough of ClickHouse's protocol for clickhouse-connect.

Run as a program of its own, ``python http_face.py FOLDER``: it prints its port and serves until its
standard input closes. The engine takes one folder a process, so the tests' own stays free. The user
``ktlo`` with the password ``open sesame`` is let in.
"""

from __future__ import annotations

import base64
import email.parser
import email.policy
import http.server
import re
import sys
import tempfile
import threading
from urllib.parse import parse_qs, urlsplit

import chdb

USER, PASSWORD = "ktlo", "open sesame"
INSERT = re.compile(rb"(INSERT INTO [^\n]+?) FORMAT (\w+)\n", re.DOTALL)
NOT_SETTINGS = {
    "query",
    "database",
    "query_id",
    "client_protocol_version",
    "wait_end_of_query",
    "readonly",
    "compress",
    "role",
}
# Known to a server, absent in this engine or of no meaning in it.
SERVER_ONLY = {
    "async_insert",
    "send_progress_in_http_headers",
    "http_headers_progress_interval_ms",
    "enable_http_compression",
    "http_response_buffer_size",
    "cancel_http_readonly_queries_on_client_close",
}


class Face(http.server.BaseHTTPRequestHandler):
    """One request: its settings into a session of its own, its statement into the engine."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    folder = ""

    def log_message(self, format, *args):  # noqa: A002 - the base class's name
        """Say nothing."""

    def do_GET(self):
        self.answer(b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(body)

    def answer(self, body: bytes) -> None:
        params = {k: v[-1] for k, v in parse_qs(urlsplit(self.path).query, keep_blank_values=True).items()}
        given = base64.b64decode(self.headers.get("Authorization", "Basic Og==").split()[1]).decode()
        if given != f"{USER}:{PASSWORD}":
            return self.reply(
                403, b"Code: 516. DB::Exception: Authentication failed. (AUTHENTICATION_FAILED)", 516
            )
        if "multipart/form-data" in self.headers.get("Content-Type", ""):
            head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
            form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
            fields = {
                part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
                for part in form.iter_parts()
            }
            body = fields.pop("query")
            params |= {name: value.decode() for name, value in fields.items()}
        sql = params.pop("query", "").encode()
        sql = sql + b"\n" + body if sql and body else sql or body
        try:
            data = self.run(sql, params)
        except RuntimeError as error:
            code = re.search(r"Code: (\d+)", str(error))
            return self.reply(500, str(error).encode(), int(code[1]) if code else 1)
        return self.reply(200, data)

    def run(self, sql: bytes, params: dict[str, str]) -> bytes:
        connection = chdb.connect(self.folder)
        try:
            if params.get("database"):
                connection.query(f"USE `{params['database']}`")
            for name, value in params.items():
                if name not in NOT_SETTINGS | SERVER_ONLY and not name.startswith("param_"):
                    text = value.replace("\\", "\\\\").replace("'", "\\'")
                    connection.query(f"SET {name} = '{text}'")
            if params.get("readonly", "0") != "0":
                connection.query(f"SET readonly = {int(params['readonly'])}")
            insert = INSERT.match(sql)
            if insert and insert[2] != b"Values":
                with tempfile.NamedTemporaryFile() as rows:
                    rows.write(sql[insert.end() :])
                    rows.flush()
                    head, form = insert[1].decode(), insert[2].decode()
                    connection.query(f"{head} FROM INFILE '{rows.name}' FORMAT {form}")
                return b""
            form = self.headers.get("X-ClickHouse-Format", "TabSeparated")
            bound = {name[6:]: value for name, value in params.items() if name.startswith("param_")}
            return connection.query(sql.decode(), form, params=bound).bytes()
        finally:
            connection.close()

    def reply(self, status: int, data: bytes, code: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-ClickHouse-Summary", "{}")
        self.send_header("X-ClickHouse-Timezone", "UTC")
        if code:
            self.send_header("X-ClickHouse-Exception-Code", str(code))
        self.end_headers()
        self.wfile.write(data)


def main() -> None:
    Face.folder = sys.argv[1]
    kept = chdb.connect(Face.folder)  # the engine lives as long as one connection does
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Face)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()
    server.shutdown()
    kept.close()


if __name__ == "__main__":
    main()
