"""How quickly a call graph is built: seconds for 100,000 lines, and as a multiple of parsing the same files.

Usage: ``python benchmarks/call_graph.py [PROJECT [SITE_PACKAGES]]``; without one, ktlo's own sources alone. The
floor is ``ast.parse`` over as many lines of the same environment.
"""

from __future__ import annotations

import ast
import sys
import time
from pathlib import Path

from ktlo.guard.reachability.graph import build_graph
from ktlo.guard.reachability.limits import Limits


def parsing(files: list[Path], lines: int) -> float:
    """Seconds to read and parse about this many lines."""
    began, seen = time.perf_counter(), 0
    for file in files:
        text = file.read_text(encoding="utf-8", errors="replace")
        try:
            ast.parse(text)
        except SyntaxError:
            continue
        seen += text.count("\n") + 1
        if seen >= lines:
            break
    return (time.perf_counter() - began) * lines / max(1, seen)


def main() -> None:
    """Print one line."""
    project = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "src"
    packages = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    began = time.perf_counter()
    graph = build_graph(project, packages, limits=Limits(seconds=300))
    took = time.perf_counter() - began
    floor = parsing(sorted(project.rglob("*.py")), graph.lines)
    edges = sum(1 for _ in graph.edges())
    state = "" if graph.is_complete else ", stopped at a limit"
    print(
        f"{graph.lines:,} lines in {graph.files:,} files, {edges:,} edges{state}: {took:.1f} s,"
        f" {took / graph.lines * 100_000:.1f} s for 100,000 lines (floor 30), {took / floor:.1f} times parsing"
    )


if __name__ == "__main__":
    main()
