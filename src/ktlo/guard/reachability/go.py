"""Runs govulncheck for the Go modules of a repository, when somebody outside of the repository said that it may.

Loading a Go program runs the ``go`` command, and that can run what a repository brings: cgo's compilers, toolchains it
names, version control with its hooks. All of that is switched off, nothing is downloaded, and without ``--trust go``
nothing runs at all. :mod:`.govulncheck` judges the output.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ktlo.guard.finding import Finding, Unchecked
from ktlo.guard.lockfiles.wording import printable
from ktlo.guard.reachability.govulncheck import LARGEST, BrokenStreamError, GoScan, read_stream
from ktlo.guard.reachability.tiers import Reach, Tier

CHECK = "vulnerabilities"
TRUST = "go"
"""What ``--trust`` calls it."""
_UNMATCHED = (
    "govulncheck sees a call of it, and it is not among the findings here: no lock file names the module (Go itself:"
    " build with a newer one), or no advisory database of ours has it"
)
_PASSED_ON = (
    "PATH",
    "HOME",
    "GOPATH",
    "GOROOT",
    "GOCACHE",
    "GOMODCACHE",
    "LOCALAPPDATA",
    "USERPROFILE",
    "SYSTEMROOT",
)


@dataclass(frozen=True, slots=True)
class GoAnswers:
    """What is known about the Go modules of a repository, by folder of their ``go.mod``.

    Attributes:
        scans: answers.
        reasons: why there is none.
    """

    scans: dict[str, GoScan] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def judge(self, finding: Finding) -> Reach:
        """How near one finding about a Go module is."""
        folder = _folder(finding)
        scan = self.scans.get(folder)
        if scan is None:
            return Reach(
                Tier.UNKNOWN, (), self.reasons.get(folder, "govulncheck did not look at this module")
            )
        names = {finding.rule, *finding.aliases, *finding.properties.get("advisories", "").split()}
        module = finding.properties["package"]
        found = [
            reach
            for (identifier, path), reach in scan.reach.items()
            if path == module and not names.isdisjoint(scan.advisories[identifier])
        ]
        if found:
            return min(found, key=lambda one: list(Tier).index(one.tier))
        described = any(not names.isdisjoint(one) for one in scan.advisories.values())
        if described:
            return Reach(Tier.INSTALLED)
        return Reach(Tier.UNKNOWN, (), "govulncheck says nothing about this advisory")

    def unmatched(self, findings: Sequence[Finding]) -> tuple[Unchecked, ...]:
        """Vulnerable calls that govulncheck sees and our databases do not: nobody may take that for clean."""
        known = {
            (name, finding.properties.get("package", ""))
            for finding in findings
            for name in (finding.rule, *finding.aliases, *finding.properties.get("advisories", "").split())
        }
        left = []
        for folder, scan in self.scans.items():
            for (identifier, module), reach in sorted(scan.reach.items()):
                names = scan.advisories[identifier]
                if reach.tier is Tier.CALLED and not any((name, module) in known for name in names):
                    what = f"{identifier} about {module} in {folder or '.'}/go.mod"
                    left.append(Unchecked(CHECK, what, _UNMATCHED))
        return tuple(left)


def _folder(finding: Finding) -> str:
    return finding.location.path.rpartition("/")[0]


def ask_go(
    root: Path, findings: Sequence[Finding], *, database: str, seconds: float, may_run: bool
) -> GoAnswers:
    """Run govulncheck where findings are.

    Args:
        root: the repository's folder.
        findings: about Go modules.
        database: vulnerability database for govulncheck; empty for its own.
        seconds: time for each module.
        may_run: somebody outside of the repository trusts it.
    """
    answers = GoAnswers()
    program = _program(root)
    for folder in sorted({_folder(one) for one in findings}):
        if not may_run:
            answers.reasons[folder] = (
                "govulncheck runs the go command on the repository: allow it with --trust go"
            )
        elif program is None:
            answers.reasons[folder] = "govulncheck is not on the PATH"
        elif not (root / folder / "go.mod").is_file():
            answers.reasons[folder] = "there is no go.mod beside the lock file"
        else:
            try:
                answers.scans[folder] = read_stream(
                    _run(program, root / folder, database, seconds), str((root / folder).resolve())
                )
            except BrokenStreamError as error:
                answers.reasons[folder] = error.what
    return answers


def _program(root: Path) -> str | None:
    """The program on the PATH; never one the repository brings, and never by a relative entry of the PATH."""
    places = [one for one in os.environ.get("PATH", "").split(os.pathsep) if one and Path(one).is_absolute()]
    inside = root.resolve()
    kept = [one for one in places if not Path(one).resolve().is_relative_to(inside)]
    return shutil.which("govulncheck", path=os.pathsep.join(kept))


def environment(folder: Path) -> dict[str, str]:
    """Variables for the ``go`` command: offline, no other toolchain, no cgo, no version control."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    mode = "vendor" if (folder / "vendor" / "modules.txt").is_file() else "readonly"
    return kept | {
        "GOFLAGS": f"-mod={mode} -buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOPROXY": "off",
        "GOVCS": "*:off",
        "GOWORK": "off",
        "GOENV": "off",
        "GO111MODULE": "on",
        "CGO_ENABLED": "0",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }


def _run(program: str, folder: Path, database: str, seconds: float) -> bytes:
    variables = environment(folder)
    command = [program, "-json"]
    if database:
        variables["GOVULNDB"] = database  # releases before v1.0.0; later ones have -db
        command += [f"-db={database}"] if _knows_db(program, variables) else []
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        try:
            done = subprocess.run(
                [*command, "./..."],
                cwd=folder, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
                timeout=seconds, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise BrokenStreamError(f"govulncheck took longer than {seconds:.0f} seconds") from None
        except OSError as error:
            raise BrokenStreamError(f"govulncheck cannot be started: {error.strerror}") from None
        errors.seek(0)
        words = printable(errors.read(2000).decode("utf-8", "replace").strip(), 200)
        output.seek(0)
        data = output.read(LARGEST + 1)
    # Exit 3 is "found something" without -json; any other is a failure, whatever was written before it.
    if done.returncode not in (0, 3):
        raise BrokenStreamError(f"govulncheck ended with {done.returncode}: {words}")
    return data


def _knows_db(program: str, variables: dict[str, str]) -> bool:
    try:
        done = subprocess.run(
            [program, "-h"],
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return b"-db" in done.stdout + done.stderr
