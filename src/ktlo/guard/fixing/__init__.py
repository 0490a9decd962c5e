"""``ktlo check fix``: the smallest updates that end known vulnerabilities, one commit each, undone when tests fail.

``choice`` finds the version, ``plan`` the order, ``updaters`` change a lock file with the project's own tool,
``worktree`` commits or takes back, ``run`` joins them. Unlike ``ktlo check`` it runs what the repository brings (its
tool, its tests), so it is for repositories that one trusts. The chapter: docs/check-fix.md.
"""
