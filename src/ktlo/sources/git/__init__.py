"""Git repositories: history, tags, and what the current tree is like. See docs/sources/git.md."""

from ktlo.sources.git.source import GitConfig, GitSource

__all__ = ["GitConfig", "GitSource"]
