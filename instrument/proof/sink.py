"""Stands for ktlo in the proof: takes everything, and says how many functions and calls it was told of."""

import gzip
import http.server
import sys
from pathlib import Path
from typing import ClassVar

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import wire


class Sink(http.server.BaseHTTPRequestHandler):
    """Counts what `/v1/metrics` and `/v1/logs` bring."""

    functions: ClassVar[dict] = {}
    records = 0

    def do_POST(self) -> None:
        """Take a body."""
        body = gzip.decompress(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/v1/metrics":
            for given, point in wire.metrics(body).get("ktlo.function.calls", ()):
                name = given["code.function.name"]
                self.functions[name] = self.functions.get(name, 0) + wire.u64(point[6][0])
        else:
            Sink.records += len(wire.logs(body))
        told = f"{len(self.functions)} functions, {sum(self.functions.values()):,} calls, {self.records:,} in detail\n"
        Path(sys.argv[2]).write_text(told)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *given: object) -> None:
        """Silent."""


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Sink).serve_forever()
