"""Reads what ``git log -z --numstat`` prints, as a stream, into columns of bytes.

The format ends every header field with NUL, a byte that git objects' fields cannot contain, so nothing a
person writes can be taken for structure; a header is ``FIELDS`` tokens and an empty one, a numstat token
always holds a tab, an object id never. Source: "Diff format: other formats", git-diff(1), and git-log(1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, compress, islice

from ktlo.sources.git.program import GitError

_PLACEHOLDERS = ("%H", "%P", "%ad", "%cd", "%aN", "%aE", "%cN", "%cE")
_MESSAGE = ("%(trailers:key=Co-authored-by,valueonly,unfold)", "%s", "%b", "")
FORMAT = "%x00".join(_PLACEHOLDERS + _MESSAGE)
ARGUMENTS = (
    "log",
    "-z",
    "-M",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--no-notes",
    "--date=raw",
    "--encoding=UTF-8",
    f"--format={FORMAT}",
)
_FIELDS = 12  # eleven, and the empty token that ends the header


@dataclass(slots=True)
class Block:
    """Some commits in the order git printed them, and the files they touched; one list per column.

    ``change_commit[i]`` is the index of the commit that change ``i`` belongs to; ``added`` is -1 in a
    binary file. Bytes are undecoded.
    """

    headers: list[tuple[bytes, ...]] = field(default_factory=list)
    change_commit: list[int] = field(default_factory=list)
    added: list[int] = field(default_factory=list)
    deleted: list[int] = field(default_factory=list)
    path: list[bytes] = field(default_factory=list)
    old_path: list[bytes] = field(default_factory=list)
    size: int = 0

    @property
    def last(self) -> str:
        """Object id of the last commit."""
        return self.headers[-1][0].decode("ascii")

    def keep_changes(self, wanted: Sequence[bool]) -> None:
        """Forget the changes of commits that are not wanted; ``wanted`` has one value a commit."""
        keep = [wanted[commit] for commit in self.change_commit]
        self.change_commit = list(compress(self.change_commit, keep))
        self.added = list(compress(self.added, keep))
        self.deleted = list(compress(self.deleted, keep))
        self.path = list(compress(self.path, keep))
        self.old_path = list(compress(self.old_path, keep))


@dataclass(frozen=True, slots=True)
class Limits:
    """When a block is handed on: the first limit that is reached."""

    commits: int = 5_000
    changes: int = 50_000
    size: int = 16 * 1024 * 1024
    """Bytes of messages and paths."""


def _tokens(pieces: Iterable[bytes]) -> Iterator[list[bytes]]:
    rest = b""
    for piece in pieces:
        tokens = (rest + piece).split(b"\0")
        rest = tokens.pop()
        yield tokens


def read_log(pieces: Iterable[bytes], limits: Limits | None = None) -> Iterator[Block]:
    """Turn git's output into blocks of commits.

    Args:
        pieces: the output, cut anywhere; may raise GitError at its end.
        limits: size of a block.

    Raises:
        GitError: the stream ended with one. Every commit that was complete before it has been yielded;
            the one that may be incomplete has not.
    """
    limits = limits or Limits()
    tokens = chain.from_iterable(_tokens(pieces))
    block = Block()
    failure: GitError | None = None
    try:
        first = next(tokens, None)
        while first is not None:
            header = (first, *islice(tokens, _FIELDS - 1))
            if len(header) < _FIELDS:
                break
            first = _read_changes(tokens, header, block)
            if (
                len(block.headers) >= limits.commits
                or len(block.path) >= limits.changes
                or block.size >= limits.size
            ):
                yield block
                block = Block()
    except GitError as error:
        failure = error
    if block.headers:
        yield block
    if failure is not None:
        raise failure


def _read_changes(tokens: Iterator[bytes], header: tuple[bytes, ...], block: Block) -> bytes | None:
    """Read a commit's numstat tokens into the block; returns the next commit's id, or None at the end."""
    added: list[int] = []
    deleted: list[int] = []
    paths: list[bytes] = []
    old_paths: list[bytes] = []
    size = sum(map(len, header))
    following: bytes | None = None
    for token in tokens:
        plus, tab, rest = token.partition(b"\t")
        if not tab:
            following = token
            break
        minus, _, path = rest.partition(b"\t")
        old = b""
        if not path:
            old = next(tokens, b"")
            path = next(tokens, b"")
        if minus == b"-":
            added.append(-1)
            deleted.append(0)
        else:
            added.append(int(plus))  # the first one starts with a newline, which int() ignores
            deleted.append(int(minus))
        paths.append(path)
        old_paths.append(old)
        size += len(token) + len(old)
    # Only now is the commit known to be complete: a GitError above leaves the block without it.
    block.change_commit.extend([len(block.headers)] * len(paths))
    block.headers.append(header)
    block.added += added
    block.deleted += deleted
    block.path += paths
    block.old_path += old_paths
    block.size += size
    return following
