"""Package registries of a few packages, in the formats that real tools read, on this machine only.

Each holds `left` and `lower` (1.0.0 to 2.1.0), `upper` that needs `lower` 1.x, `held`, `strict` that needs exactly
`held` 1.0.0, and `bystander`. So a real tool resolves, locks and refuses as it does with a public registry.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import tarfile
import threading
import zipfile
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

STEPS = ("1.0.0", "1.5.0", "1.6.0", "1.9.0", "2.0.0", "2.1.0")
PACKAGES = {
    "left": dict.fromkeys(STEPS, ()),
    "lower": dict.fromkeys(STEPS, ()),
    "held": dict.fromkeys(STEPS, ()),
    "upper": {"1.0.0": (("lower", "within 1"),)},
    "strict": {"1.0.0": (("held", "exactly 1.0.0"),)},
    "bystander": {"1.0.0": (), "1.1.0": ()},
}


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def guess_type(self, path):
        return "application/json" if "/npm/" in str(path) else super().guess_type(path)


@contextmanager
def served(folder: Path):
    """The address under which a folder is served."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def python_index(folder: Path) -> None:
    """A simple repository (PEP 503) of wheels, without build backends."""
    ranges = {"within 1": ">=1,<2", "exactly 1.0.0": "==1.0.0"}
    for name, versions in PACKAGES.items():
        place = folder / "simple" / name
        place.mkdir(parents=True)
        links = []
        for version, needs in versions.items():
            wheel = place / f"{name}-{version}-py3-none-any.whl"
            asked = "".join(f"Requires-Dist: {need}{ranges[how]}\n" for need, how in needs)
            information = f"{name}-{version}.dist-info"
            with zipfile.ZipFile(wheel, "w") as archive:
                archive.writestr(f"{name}.py", "")
                archive.writestr(
                    f"{information}/METADATA",
                    f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{asked}",
                )
                archive.writestr(
                    f"{information}/WHEEL",
                    "Wheel-Version: 1.0\nGenerator: ktlo\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
                )
                archive.writestr(f"{information}/RECORD", "")
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
            links.append(f'<a href="{wheel.name}#sha256={digest}">{wheel.name}</a>')
        (place / "index.html").write_text(f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>")


def npm_registry(folder: Path) -> None:
    """Package documents; a lock file needs no more, no archive is ever fetched."""
    ranges = {"within 1": "^1.0.0", "exactly 1.0.0": "1.0.0"}
    folder.mkdir(parents=True)
    for name, versions in PACKAGES.items():
        described = {
            version: {
                "name": name,
                "version": version,
                "dependencies": {need: ranges[how] for need, how in needs},
                "dist": {
                    "tarball": f"https://packages.example.org/{name}/-/{name}-{version}.tgz",
                    "integrity": "sha512-" + "A" * 86 + "==",
                },
            }
            for version, needs in versions.items()
        }
        tags = {"latest": list(versions)[-1]}
        (folder / name).write_text(json.dumps({"name": name, "dist-tags": tags, "versions": described}))


def cargo_registry(folder: Path) -> None:
    """A local registry (Cargo Book, Source Replacement): archives and an index."""
    ranges = {"within 1": "1", "exactly 1.0.0": "=1.0.0"}
    folder.mkdir(parents=True)
    for name, versions in PACKAGES.items():
        index = folder / "index" / name[:2] / name[2:4] / name
        index.parent.mkdir(parents=True, exist_ok=True)
        lines = []
        for version, needs in versions.items():
            asked = "".join(f'{need} = "{ranges[how]}"\n' for need, how in needs)
            head = f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2021"\n'
            crate = folder / f"{name}-{version}.crate"
            with tarfile.open(crate, "w:gz") as archive:
                for path, text in (("Cargo.toml", f"{head}[dependencies]\n{asked}"), ("src/lib.rs", "")):
                    entry = tarfile.TarInfo(f"{name}-{version}/{path}")
                    entry.size = len(text)
                    archive.addfile(entry, io.BytesIO(text.encode()))
            wanted = [
                {
                    "name": need, "req": ranges[how], "features": [], "optional": False, "default_features": True,
                    "target": None, "kind": "normal",
                }
                for need, how in needs
            ]  # fmt: skip
            digest = hashlib.sha256(crate.read_bytes()).hexdigest()
            line = {"name": name, "vers": version, "deps": wanted, "cksum": digest, "features": {}}
            lines.append(json.dumps({**line, "yanked": False}))
        index.write_text("\n".join(lines) + "\n")


def go_proxy(folder: Path) -> None:
    """A module proxy as a folder (Go Modules Reference, "GOPROXY protocol"). Go knows no upper bounds: no `strict`."""
    for name, versions in PACKAGES.items():
        if name in ("strict", "held"):
            continue
        path = f"example.org/{name}"
        place = folder / path / "@v"
        place.mkdir(parents=True)
        kept = [version for version in versions if not version.startswith("2")]
        for version in kept:
            needs = [f"example.org/{need}" for need, _ in versions[version]]
            module = f"module {path}\n\ngo 1.18\n" + "".join(f"\nrequire {need} v1.0.0\n" for need in needs)
            source = f"package {name}\n" + "".join(f'\nimport _ "{need}"\n' for need in needs)
            (place / f"v{version}.mod").write_text(module)
            about = {"Version": f"v{version}", "Time": "2024-01-01T00:00:00Z"}
            (place / f"v{version}.info").write_text(json.dumps(about))
            with zipfile.ZipFile(place / f"v{version}.zip", "w") as archive:
                archive.writestr(f"{path}@v{version}/go.mod", module)
                archive.writestr(f"{path}@v{version}/{name}.go", source)
        (place / "list").write_text("".join(f"v{version}\n" for version in kept))
