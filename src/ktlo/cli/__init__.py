"""The command line: thin, over the same API as the pages.

Commands ask over HTTP when a server runs, else in this process. Heavy imports stay inside commands, so that
``ktlo --help`` answers at once.
"""

from ktlo.cli.main import main

__all__ = ["main"]
