"""Records, lock files and a service of real shape, which the tests of the gate are made of."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def record(identifier: str, name: str, *, ecosystem: str = "npm", fixed: str = "2.0.0", **more):
    return {
        "schema_version": "1.6.0",
        "id": identifier,
        "modified": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "summary": f"A hole in {name}",
        "affected": [
            {
                "package": {"ecosystem": ecosystem, "name": name},
                "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": fixed}]}],
            }
        ],
        **more,
    }


def put(folder: Path, content) -> None:
    (folder / f"{content['id']}.json").write_text(json.dumps(content), encoding="utf-8")


def lock(folder: Path, **versions: str) -> None:
    """Write a package-lock.json with these packages."""
    packages = {"": {"name": "shop", "version": "1.0.0", "dependencies": dict.fromkeys(versions, "*")}}
    for name, version in versions.items():
        packages[f"node_modules/{name}"] = {"version": version, "integrity": "sha512-x"}
    content = {"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "packages": packages}
    folder.mkdir(exist_ok=True)
    (folder / "package-lock.json").write_text(json.dumps(content, indent=1), encoding="utf-8")


class OsvService:
    """Answers `/v1/querybatch` and `/v1/vulns/{id}` from a list of records, one advisory a page."""

    def __init__(self):
        self.records = {}
        self.named = {}
        self.spoil = None
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
                outer.answer(self, {"results": [outer.result(query) for query in asked]})

            def do_GET(self):
                found = outer.records.get(self.path.rsplit("/", 1)[-1])
                outer.answer(self, found or {"code": 5, "message": "Bug not found."}, 200 if found else 404)

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def holds(self, *records):
        for one in records:
            self.records[one["id"]] = one
            for entry in one["affected"]:
                self.named.setdefault(entry["package"]["name"], []).append(one["id"])

    def result(self, query):
        names = self.named.get(query["package"]["name"], [])
        at = int(query.get("page_token", "0"))
        found = {"vulns": [{"id": name, "modified": "2026-01-01T00:00:00Z"} for name in names[at : at + 1]]}
        if at + 1 < len(names):
            found["next_page_token"] = str(at + 1)
        return found if names else {}

    def answer(self, handler, content, status=200):
        text = json.dumps(content)
        body = (self.spoil(text) if self.spoil else text).encode()
        handler.send_response(self.status if self.status != 200 else status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


def days_ago(days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
