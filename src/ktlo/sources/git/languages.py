"""What kind of file a path names: its language, and its role in the repository.

By name alone (and the first bytes, for scripts and generated files), by rules in the manner of GitHub
Linguist; the tables are ours and short on purpose. Used for the tree, the samples and the markers.
"""

from __future__ import annotations

import re
from functools import lru_cache

_BY_EXTENSION = {
    "Ada": "adb ads",
    "Assembly": "asm s",
    "Batchfile": "bat cmd",
    "C": "c h",
    "C#": "cs",
    "C++": "cc cpp cxx hh hpp hxx inl ipp",
    "CMake": "cmake",
    "CSS": "css",
    "Clojure": "clj cljc cljs",
    "Crystal": "cr",
    "CUDA": "cu cuh",
    "D": "d",
    "Dart": "dart",
    "Elixir": "ex exs",
    "Elm": "elm",
    "Erlang": "erl hrl",
    "F#": "fs fsi fsx",
    "Fortran": "f f90 f95 f03 for",
    "GLSL": "glsl frag vert",
    "Go": "go",
    "GraphQL": "graphql gql",
    "Groovy": "groovy gradle",
    "HCL": "hcl tf tfvars",
    "HTML": "html htm xhtml j2 jinja jinja2 erb ejs hbs mustache",
    "Haskell": "hs lhs",
    "Java": "java",
    "JavaScript": "js cjs mjs jsx",
    "Julia": "jl",
    "Kotlin": "kt kts",
    "Less": "less",
    "Lisp": "lisp lsp el scm ss rkt",
    "Lua": "lua",
    "Makefile": "mk mak",
    "Nim": "nim",
    "Nix": "nix",
    "OCaml": "ml mli",
    "Objective-C": "m mm",
    "PHP": "php phtml",
    "Pascal": "pas pp dpr",
    "Perl": "pl pm t",
    "PowerShell": "ps1 psm1 psd1",
    "Protocol Buffers": "proto",
    "Python": "py pyi pyx pxd pyw",
    "R": "r",
    "Ruby": "rb rake gemspec ru",
    "Rust": "rs",
    "SCSS": "scss sass",
    "SQL": "sql",
    "Scala": "scala sc",
    "Shell": "sh bash zsh fish ksh",
    "Solidity": "sol",
    "Starlark": "bzl bazel star",
    "Svelte": "svelte",
    "Swift": "swift",
    "Tcl": "tcl",
    "TypeScript": "ts tsx mts cts",
    "V": "v",
    "VHDL": "vhd vhdl",
    "Visual Basic": "vb bas",
    "Vue": "vue",
    "Zig": "zig",
    "AsciiDoc": "adoc asciidoc",
    "Markdown": "md markdown mdx mkd",
    "reStructuredText": "rst",
    "TeX": "tex sty cls bib",
    "Text": "txt",
    "CSV": "csv tsv",
    "Diff": "diff patch",
    "INI": "ini cfg conf properties editorconfig",
    "JSON": "json jsonc json5 geojson webmanifest ipynb",
    "SVG": "svg",
    "TOML": "toml",
    "XML": "xml xsd xsl xslt csproj vbproj props targets plist",
    "YAML": "yaml yml",
    "gettext": "po pot",
}
_LANGUAGES = {ext: language for language, listed in _BY_EXTENSION.items() for ext in listed.split()}
_BY_NAME = {
    "makefile": "Makefile",
    "gnumakefile": "Makefile",
    "dockerfile": "Dockerfile",
    "containerfile": "Dockerfile",
    "cmakelists.txt": "CMake",
    "rakefile": "Ruby",
    "gemfile": "Ruby",
    "vagrantfile": "Ruby",
    "jenkinsfile": "Groovy",
    "build": "Starlark",
    "workspace": "Starlark",
}
_BY_INTERPRETER = {
    "python": "Python",
    "node": "JavaScript",
    "ruby": "Ruby",
    "perl": "Perl",
    "php": "PHP",
    "lua": "Lua",
    "tclsh": "Tcl",
    "sh": "Shell",
    "bash": "Shell",
    "dash": "Shell",
    "zsh": "Shell",
    "ksh": "Shell",
}
_PROSE = {"AsciiDoc", "Markdown", "reStructuredText", "TeX", "Text"}
_DATA = {"CSV", "Diff", "INI", "JSON", "SVG", "TOML", "XML", "YAML", "gettext", "Dockerfile", ""}

_VENDORED = re.compile(
    r"(^|/)(vendors?|node_modules|third[-_]?party|bower_components|jspm_packages|external(s|_libs)?"
    r"|extern|Godeps|\.yarn|\.cargo/registry|site-packages|Pods|Carthage)/"
    r"|^deps/|(^|/)(gradlew(\.bat)?|mvnw(\.cmd)?)$|(^|/)jquery([-.][\w.]+)?\.js$",
    re.IGNORECASE,
)
_GENERATED = re.compile(
    r"[-.]min\.(js|css)$|\.(js|css)\.map$|(^|/)(package-lock|npm-shrinkwrap|composer)\.(lock|json\.lock)$"
    r"|(^|/)(package-lock|npm-shrinkwrap)\.json$"
    r"|(^|/)(yarn|poetry|uv|pdm|Cargo|composer|Gemfile|Pipfile|flake|mix|pubspec)\.lock$"
    r"|(^|/)(pnpm-lock\.yaml|go\.sum|Pipfile\.lock|gradle\.lockfile)$"
    r"|\.pb(\.gw)?\.(go|cc|h|js|ts)$|_pb2(_grpc)?\.pyi?$|\.(g|freezed)\.dart$|\.designer\.(cs|vb)$"
    r"|\.generated\.\w+$|(^|/)__snapshots__/|(^|/)(generated|__generated__)/",
    re.IGNORECASE,
)
_TEST = re.compile(
    r"(^|/)(tests?|specs?|__tests__|__mocks__|testing|testdata|test[-_]?fixtures|fixtures|e2e|integration[-_]?tests?)/"
    r"|(^|/)(test_[^/]*|conftest)\.py$|_(test|spec)\.\w+$|\.(test|spec|cy)\.\w+$|(^|/)[^/]*Tests?\.(java|kt|cs|swift|scala)$",
    re.IGNORECASE,
)
_DOCS = re.compile(
    r"(^|/)(docs?|documentation|man|examples?|samples?|demos?)/"
    r"|(^|/)(readme|changelog|changes|history|news|licen[cs]e|copying|authors|contributors|contributing"
    r"|maintainers|notice|security|code_of_conduct)(\.[^/]*)?$",
    re.IGNORECASE,
)
_CONFIG = re.compile(
    r"(^|/)\.(github|gitlab|circleci|vscode|idea|config|husky|devcontainer)/|(^|/)\.[^/]+$", re.IGNORECASE
)
_MACHINE_MADE = re.compile(
    rb"@generated\b|DO NOT EDIT|(?i:auto-?generated (by|file)|generated automatically)"
)


@lru_cache(maxsize=65_536)
def language(path: str) -> str:
    """Language of a path by its name; empty when unknown."""
    name = path.rsplit("/", 1)[-1].lower()
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name.startswith(("dockerfile.", "makefile.")):
        return _BY_NAME[name.split(".", 1)[0]]
    stem, dot, extension = name.rpartition(".")
    return _LANGUAGES.get(extension, "") if dot and (stem or extension == "editorconfig") else ""


def script_language(beginning: bytes) -> str:
    """Language named by a file's first line, ``#!/usr/bin/env python3``; empty when it names none."""
    if not beginning.startswith(b"#!"):
        return ""
    words = beginning[2:].split(b"\n", 1)[0].split()
    named = [word.rsplit(b"/", 1)[-1] for word in words if not word.startswith(b"-")]
    if named and named[0] == b"env":
        named = named[1:]
    if not named:
        return ""
    return _BY_INTERPRETER.get(named[0].decode("ascii", "ignore").rstrip("0123456789."), "")


@lru_cache(maxsize=65_536)
def role(path: str, spoken: str) -> str:
    """Role of a path: source, test, docs, config, generated or vendored. The first rule that fits.

    Args:
        path: path in the tree.
        spoken: its language, as :func:`language` or :func:`script_language` found it.
    """
    if _VENDORED.search(path):
        return "vendored"
    if _GENERATED.search(path):
        return "generated"
    if _TEST.search(path):
        return "test"
    if _DOCS.search(path) or spoken in _PROSE:
        return "docs"
    if spoken in _DATA or _CONFIG.search(path):
        return "config"
    return "source"


def is_machine_made(beginning: bytes) -> bool:
    """True when the first kilobyte says that a program wrote the file."""
    return _MACHINE_MADE.search(beginning[:1024]) is not None
