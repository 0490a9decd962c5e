"""Finds the lock files of a folder, reads each, and says which manifests none of them covers.

A hostile folder is normal input: links out of it are named and not followed, names are escaped, a file that cannot
be read becomes one unchecked entry with its reason, and the walk goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ktlo.guard.dependency import Inventory
from ktlo.guard.finding import Unchecked
from ktlo.guard.lockfiles.manifests import Coverage, Manifest, manifest_of, own_name
from ktlo.guard.lockfiles.protocol import CHECK, Format, Limits, LockFile, Reading, UnreadableError
from ktlo.guard.lockfiles.registry import UNREAD, format_of
from ktlo.guard.lockfiles.tree import INSTALLED, Folder, Tree
from ktlo.guard.lockfiles.wording import full_path, printable

_PARTIAL = {"requirements.txt", "packages.lock.json", "Gemfile.lock"}
"""Formats that are compared with the manifest beside them name by name."""


def read_lock_files(root: Path, limits: Limits | None = None) -> Iterator[tuple[str, Inventory]]:
    """All lock files of a folder, in order of path, then manifests that no lock file covers.

    Args:
        root: the folder, usually a repository's.
        limits: what is refused as too much; the defaults fit real projects.

    Yields:
        (path relative to the root with control characters escaped, what the file states). Every file that is
        recognised is yielded once, also when it could not be read: then its inventory is one ``Unchecked``.
    """
    limits = limits or Limits()
    tree = Tree(root, limits)
    coverage = Coverage()
    manifests: list[tuple[Manifest, PurePosixPath]] = []
    try:
        for folder in tree.folders():
            if folder.refused:
                yield _refused(folder.path, f"The folder cannot be listed: {folder.refused}.")
            for name in folder.files:
                path = folder.path / name
                form = format_of(name, folder.path.as_posix())
                if form is not None:
                    yield _one(tree, path, form, coverage)
                elif name.lower() in UNREAD:
                    yield _refused(path, f"ktlo does not read lock files of {UNREAD[name.lower()]} yet.")
                elif (manifest := manifest_of(name)) is not None:
                    manifests.append((manifest, path))
            if tree.is_image and folder.has_node_modules:
                yield _refused(folder.path / "node_modules", "Installed npm packages are not read yet.")
            yield from _links(tree, folder, coverage)
    except UnreadableError as error:
        yield _refused(PurePosixPath(), str(error))
    for manifest, path in manifests:
        left = _uncovered(tree, manifest, path, coverage)
        if left is not None:
            yield left


def _one(tree: Tree, path: PurePosixPath, form: Format, coverage: Coverage) -> tuple[str, Inventory]:
    reading: Reading | None = None
    try:
        reading = form.read(LockFile(path, tree.read(path), tree, tree.limits))
        inventory = Inventory(reading.dependencies, reading.unchecked)
    except UnreadableError as error:
        inventory = Inventory((), (Unchecked(CHECK, full_path(path), _sentence(error)),))
    coverage.note(form.ecosystem, path, reading, is_complete=form.name not in _PARTIAL)
    return full_path(path), inventory


def _links(tree: Tree, folder: Folder, coverage: Coverage) -> Iterator[tuple[str, Inventory]]:
    for name in folder.links:
        path = folder.path / name
        form = format_of(name, folder.path.as_posix())
        try:
            place = tree.inside(path)
        except UnreadableError as error:
            matters = form is not None or manifest_of(name) is not None or name.lower() in UNREAD
            if matters or (name not in INSTALLED and (tree.root / path).is_dir()):
                yield _refused(path, f"It is a link. {_sentence(error)}")
            continue
        # A link to another lock file or to a folder in the tree: that is read where it really is.
        target = place.relative_to(tree.root)
        is_read_there = format_of(place.name, target.parent.as_posix()) is not None
        if form is not None and not is_read_there:
            yield _one(tree, path, form, coverage)
        elif form is not None:
            coverage.note(form.ecosystem, path, None, is_complete=True)


def _uncovered(
    tree: Tree, manifest: Manifest, path: PurePosixPath, coverage: Coverage
) -> tuple[str, Inventory] | None:
    if (manifest.ecosystem, path.parent) in coverage.complete:
        return None
    try:
        file = LockFile(path, tree.read(path), tree, tree.limits)
        left = coverage.missing(manifest, path, set(manifest.asks(file)), own_name(manifest, file))
    except UnreadableError as error:
        return _refused(path, _sentence(error))
    if left is None:
        return None
    named = ", ".join(printable(name, 60) for name in left[:5] if name)
    what = f"what it asks for ({named}{', …' if len(left) > 5 else ''})" if named else "what it asks for"
    return _refused(path, f"No lock file gives exact versions of {what}: make one with {manifest.command}.")


def _refused(path: PurePosixPath, reason: str) -> tuple[str, Inventory]:
    shown = full_path(path)
    return shown, Inventory((), (Unchecked(CHECK, shown, reason),))


def _sentence(error: UnreadableError) -> str:
    return " ".join(part if part.endswith(".") else f"{part}." for part in (error.what, error.fix) if part)
