"""A program that the tests kill: it reads a tracker into a store, or reads kept webhooks again.

``python collecting_program.py FOLDER collect URL`` and ``… replay LABEL``; prints ``begun`` when the store is open and
``done`` with what it did at the end.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from ktlo.sources.collector import collect
from ktlo.sources.delivering import replay
from ktlo.sources.registry import make_source
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.state import State


def main() -> None:
    folder = Path(sys.argv[1])
    store, state = EmbeddedStore(folder), State.in_folder(folder)
    store.migrate()
    print("begun", flush=True)
    match sys.argv[2:]:
        case ["collect", url]:
            options = {"url": url, "email": "k@x", "token": "env:TRACKER_TOKEN", "since": "2025-10-01"}
            outcome = asyncio.run(collect(make_source("jira", options), store, state))
            print("done", outcome.status, outcome.rows, outcome.message, flush=True)
        case ["replay", label]:
            source = make_source("alertmanager", {"name": "prod", "service_label": label})
            print("done", *replay(source, store), flush=True)
    store.close()
    state.close()


if __name__ == "__main__":
    main()
