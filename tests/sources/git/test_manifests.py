"""Direct dependencies of each kind of manifest, from small files of the kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktlo.sources.git.manifests import ManifestError, declared, is_manifest

PYPROJECT = b"""\
[project]
name = "shop"
dependencies = [
  "flask>=3",
  "sqlalchemy[asyncio]>=2,<3 ; python_version > '3.8'",
]
[project.optional-dependencies]
pg = ["psycopg"]
[dependency-groups]
dev = ["pytest>=8", {include-group = "lint"}]
[tool.poetry.dependencies]
python = "^3.11"
httpx = "^0.28"
rich = {version = "*", optional = true}
"""
CARGO = b"""\
[dependencies]
serde = { version = "1", features = ["derive"] }
log = "0.4"
[target.'cfg(unix)'.dependencies]
libc = "0.2"
[dev-dependencies]
other = { package = "renamed", path = "../x" }
"""
POM = b"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <parent><artifactId>spring-boot</artifactId></parent>
  <dependencyManagement><dependencies><dependency><artifactId>no</artifactId></dependency></dependencies>
  </dependencyManagement>
  <dependencies>
    <dependency><groupId>org.x</groupId>
      <artifactId>core</artifactId><version>${v}</version></dependency>
    <dependency><groupId>org.x</groupId><artifactId>api</artifactId></dependency>
  </dependencies>
</project>
"""
GO = b"""\
module example.org/shop
go 1.22
require github.com/a/one v1.0.0
require (
\tgithub.com/b/two v0.3.1 // for carts
\tgithub.com/c/three v1.1.0 // indirect
)
replace github.com/b/two => ../two
"""
GEMFILE = b"""\
source 'https://rubygems.org'
gem 'rails', '~> 7.1', '>= 7.1.2'
  gem "puma"
gem 'pg', '1.5', group: :production
gem 'local', path: '../local'
# gem 'no'
"""


@pytest.mark.parametrize(
    ("path", "content", "found"),
    [
        (
            "pyproject.toml",
            PYPROJECT,
            [
                ("PyPI", "flask", ">=3", 4),
                ("PyPI", "sqlalchemy", ">=2,<3", 5),
                ("PyPI", "psycopg", "", 8),
                ("PyPI", "pytest", ">=8", 10),
                ("PyPI", "httpx", "^0.28", 13),
                ("PyPI", "rich", "*", 14),
            ],
        ),
        (
            "requirements-dev.txt",
            b"# all\n-r base.txt\nflask==3.0  # web\nnumpy>=1 \\\n  --hash=sha256:00\nhttps://x/y.whl\nFlask\n",
            [("PyPI", "flask", "==3.0", 3), ("PyPI", "numpy", ">=1", 4), ("PyPI", "Flask", "", 7)],
        ),
        (
            "web/package.json",
            (
                b'{"name": "x",\n"dependencies": {\n"react": "^18",\n"@scope/ui": "1.0"},\n'
                b'"devDependencies": {"jest": "29"}}'
            ),
            [("npm", "react", "^18", 3), ("npm", "@scope/ui", "1.0", 4), ("npm", "jest", "29", 5)],
        ),
        ("go.mod", GO, [("Go", "github.com/a/one", "v1.0.0", 3), ("Go", "github.com/b/two", "v0.3.1", 5)]),
        (
            "Cargo.toml",
            CARGO,
            [
                ("crates.io", "serde", "1", 2),
                ("crates.io", "log", "0.4", 3),
                ("crates.io", "renamed", "../x", 7),
                ("crates.io", "libc", "0.2", 5),
            ],
        ),
        ("pom.xml", POM, [("Maven", "org.x:core", "${v}", 7), ("Maven", "org.x:api", "", 8)]),
        (
            "Gemfile",
            GEMFILE,
            [
                ("RubyGems", "rails", "~> 7.1, >= 7.1.2", 2),
                ("RubyGems", "puma", "", 3),
                ("RubyGems", "pg", "1.5", 4),
                ("RubyGems", "local", "", 5),
            ],
        ),
        (
            "composer.json",
            b'{"require": {"php": ">=8", "ext-json": "*",\n"monolog/monolog": "^3"}}',
            [("Packagist", "monolog/monolog", "^3", 2)],
        ),
    ],
)
def test_a_manifest_says_what_it_needs_and_where(path, content, found):
    assert is_manifest(path)
    assert [(one.ecosystem, one.name, one.requirement, one.line) for one in declared(path, content)] == found


@pytest.mark.parametrize(
    "path", ["src/package.json.bak", "mypyproject.toml", "requirements.md", "Gemfile.lock"]
)
def test_other_files_are_no_manifests(path):
    assert not is_manifest(path)


@given(
    st.sampled_from(
        [
            "pyproject.toml",
            "requirements.txt",
            "package.json",
            "go.mod",
            "Cargo.toml",
            "pom.xml",
            "Gemfile",
            "composer.json",
        ]
    ),
    st.one_of(
        st.binary(max_size=80),
        st.sampled_from([b"[]", b"1", b"null", b"{}", b'{"dependencies": [1]}', b"a=1"]),
    ),
)
def test_any_content_is_read_or_refused_in_words(path, content):
    try:
        declared(path, content)
    except ManifestError as error:
        assert str(error)  # noqa: PT017 - either outcome is right, silence is not
