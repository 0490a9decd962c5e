"""A program that the tests of upkeep start and kill: it changes a store's layout, its retention, or forgets a source.

``python upkeep.py FOLDER migrate``, ``… retain DAYS`` and ``… forget SOURCE``; prints ``begun`` when the store is open
and ``done`` at the end.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ktlo.store.embedded import EmbeddedStore
from ktlo.store.streams import PHYSICAL


def main() -> None:
    store = EmbeddedStore(Path(sys.argv[1]))
    print("begun", flush=True)
    match sys.argv[2:]:
        case ["migrate"]:
            store.migrate()
        case ["forget", source]:
            store.forget(source)
        case ["retain", days]:
            for noun in PHYSICAL:
                store.retain(noun, int(days))
            # What a merge does some time, now: rows leave that are too old.
            store.execute("OPTIMIZE TABLE ktlo.spans FINAL")
    print("done", flush=True)
    store.close()


if __name__ == "__main__":
    main()
