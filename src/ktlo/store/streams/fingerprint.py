"""Which errors are one error: the fingerprint of an exception, as SQL that the engine computes while rows arrive.

A fingerprint is the type and the application's own frames, innermost first, without what changes from build to build:
line numbers, addresses, identifiers, generated names, folders above the last. Stacks are read as Python, V8 (Node) and
other browsers, Java and Kotlin, Go, Ruby, .NET and PHP print them. Where no frame can be read the message stands in,
with its variable parts masked. The rules are versioned: an identifier begins with the version that made it.
"""

from __future__ import annotations

VERSION = 3
"""Raised when a rule changes: what is known keeps its group, what comes gets a new one. The views of earlier versions
(their names end with them) are dropped by the layout. Since 2 a type counts without its module or namespace; since 3
frames of ktlo-instrument are a library's wherever it lies, and a message counts without single quotes around it."""

MOST_FRAMES = 12
MOST_STACK = 64 << 10
"""Characters of a stack that are looked at."""

_PYTHON = r'^\s*File "([^"]+)", line \d+(?:, in (.+))?$'
_IS_PYTHON = r'(?m)^\s*File "[^"]+", line \d+'
_GO = r"^(.+)\(.*\) @@ (\S+\.go):\d+"
_V8_NAMED = r"^\s*at (?:async )?(?:new )?(.+) \((.+?):\d+(?::\d+)?\)$"
_V8_BARE = r"^\s*at (?:async )?([^()\s]+):\d+:\d+$"
_BROWSER = r"^([^\s@]*)@((?:https?|file|webpack)[^\s]+?):\d+:\d+$"
_DOTTED = r"^\s*at ([^\s(]+)\("
_RUBY = r"^\s*(?:from )?(\S+):\d+:in [`'](.+?)'"
_PHP = r"^#\d+ ([^(]+)\(\d+\): ([^(]+)\("

_LIBRARY_PATH = (
    r"site-packages/|dist-packages/|/lib(?:64)?/python\d|^<frozen |^<string>|node_modules/|^node:|^internal/|^native"
    r"|[/\\]ktlo_instrument[/\\]|<anonymous>|/gems/|/lib/ruby/|<internal:|/pkg/mod/|@v\d|/vendor/|/go/src/|/usr/local/go|/usr/lib/go|\.pnpm/"
)
_LIBRARY_NAME = (
    r"^(?:java|javax|jdk|sun|com\.sun|jakarta|kotlin|kotlinx|scala|groovy|org\.(?:springframework|apache|hibernate"
    r"|eclipse|jboss|junit|codehaus|slf4j|postgresql)|io\.(?:netty|undertow|micrometer|opentelemetry|grpc|vertx"
    r"|quarkus|micronaut|reactivex)|co\.elastic|reactor|okhttp3|retrofit2|feign|akka|com\.(?:zaxxer|fasterxml|mysql)"
    r"|com\.google\.common|System|Microsoft|Newtonsoft|Npgsql|MediatR|Grpc)\."
)
_LIBRARY_GO = (
    r"^(?:runtime|net|reflect|sync|syscall|internal|database|encoding|io|os|testing|time|bufio|bytes|context|crypto"
    r"|errors|fmt|log|sort|strconv|strings|html|text|mime|compress|math|path|regexp)[./]|^panic$"
)

COLOURS = r"\x1b\[[0-?]*[ -/]*[@-~]"
"""A control sequence of a terminal (ECMA-48, 5.4), such as a colour."""


def literal(text: str) -> str:
    """A text as an SQL literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _group(of: str, pattern: str, number: int) -> str:
    return f"extractGroups({of}, {literal(pattern)})[{number}]"


def _replaced(of: str, *rules: tuple[str, str]) -> str:
    for pattern, by in rules:
        of = f"replaceRegexpAll({of}, {literal(pattern)}, {literal(by)})"
    return of


def _masked_name(of: str) -> str:
    """Names and paths without what a build or a run put into them; any digit is as good as any other."""
    return _replaced(of, (r"\b(?:0x)?[0-9a-f]*[0-9][0-9a-f]*\b", "0"), (r"[0-9]+", "0"))


def _bare_type(of: str) -> str:
    """A type without its module, package or namespace: spans and loggers tell the same exception with and without."""
    return _replaced(of, (r"^.*[.:/\\](\w+)$", r"\1"))


def masked_message(of: str) -> str:
    """SQL of a message without its variable parts: what is quoted, and every token that bears a digit."""
    return _replaced(
        f"substringUTF8({of}, 1, 1000)",
        (r'"[^"]{0,300}"', '"…"'),
        (r"[^\s,;()\[\]{}<>=\"']*[0-9][^\s,;()\[\]{}<>=\"']*", "0"),
        (r"\s+", " "),
    )


def masked_words(of: str) -> str:
    """SQL of a log record without numbers and quoted names; of a path, each part that bears a digit is masked alone."""
    return _replaced(
        f"substringUTF8({of}, 1, 1000)",
        (r'"[^"]{0,300}"', '"…"'),
        (r"[^\s,;()\[\]{}<>=\"'/]*[0-9][^\s,;()\[\]{}<>=\"'/]*", "0"),
        (r"\s+", " "),
    )


def _unquoted(of: str) -> str:
    """A message without single quotes around all of it: a KeyError's is told with them and without."""
    return _replaced(of, (r"^'(.*)'$", r"\1"))


def without_colours(of: str) -> str:
    """SQL of a text without the escape sequences that colour it on a terminal."""
    return _replaced(of, (COLOURS, ""))


def _place(path: str) -> str:
    """A file with the folder that it is in; what lies above differs from machine to machine."""
    plain = _replaced(path, (r"\\", "/"), (r"[?#].*$", ""), (r"^[a-z+]+://[^/]*", ""))
    return f"arrayStringConcat(arraySlice(splitByChar('/', {plain}), -2), '/')"


def _marked(path: str, text: str) -> str:
    return f"concat(if(match({path}, {literal(_LIBRARY_PATH)}), 'l', 'o'), {text})"


def _dotted(name: str) -> str:
    """A Java or .NET method without proxies, closures, state machines and generic arguments."""
    plain = _replaced(
        name,
        (r"\$\$[^.]*", ""),
        (r"^.*/", ""),
        (r"lambda\$([^.$]*)\$[0-9]+", r"lambda$\1"),
        (r"<>c(?:__DisplayClass[0-9_]+)?\.", ""),
        (r"<([^<>]*)>g__(\w+)\|[0-9_]+", r"\1.\2"),
        (r"<([^<>]*)>[a-z]__[0-9_]*(?:\.MoveNext)?", r"\1"),
        (r"\[[^\]]*\]|`[0-9]+", ""),
    )
    return f"concat(if(match({plain}, {literal(_LIBRARY_NAME)}), 'l', 'o'), {_masked_name(plain)})"


def _frame(line: str) -> str:
    """A line of a stack as ``o`` (own) or ``l`` (library) and the normalised frame; empty when it is none."""
    python_path, go_path = _group(line, _PYTHON, 1), _group(line, _GO, 2)
    named, v8 = _group(line, _V8_NAMED, 1), _group(line, _V8_NAMED, 2)
    bare, browser = _group(line, _V8_BARE, 1), _group(line, _BROWSER, 2)
    ruby, php = _group(line, _RUBY, 1), _group(line, _PHP, 1)
    go_name = _replaced(_group(line, _GO, 1), (r"\[\.\.\.\]", ""))
    go_own = f"if(match({go_path}, {literal(_LIBRARY_PATH)}) OR match({go_name}, {literal(_LIBRARY_GO)}), 'l', 'o')"
    # A minified function has a name of one or two letters, another one in the next build.
    called = _replaced(named, (r" \[as [^\]]*\]", ""), (r"^[A-Za-z_$]{1,2}$", "?"), (r"<anonymous>", "?"))
    in_ruby = _replaced(_group(line, _RUBY, 2), (r"^(?:block|rescue|ensure)(?: \([0-9]+ levels\))? in ", ""))

    def at(path: str, name: str) -> str:
        text = f"concat({_masked_name(_place(path))}, ' ', {_masked_name(name) if name else literal('?')})"
        return _marked(path, text)

    forms = (
        (_PYTHON, at(python_path, _group(line, _PYTHON, 2))),
        (_GO, f"concat({go_own}, {_masked_name(go_name)})"),
        (_V8_NAMED, at(v8, called)),
        (_V8_BARE, at(bare, "")),
        (_BROWSER, at(browser, "")),
        (_DOTTED, _dotted(_group(line, _DOTTED, 1))),
        (_RUBY, at(ruby, in_ruby)),
        (_PHP, at(php, _group(line, _PHP, 2))),
    )
    cases = ", ".join(f"match({line}, {literal(pattern)}), {made}" for pattern, made in forms)
    return f"multiIf({cases}, '')"


def marked_frames(stack: str) -> str:
    """SQL of a stack's frames, innermost first, each once (recursion is one frame), with their mark in front."""
    # Go prints a frame on two lines.
    joined = _replaced(
        f"substringUTF8({stack}, 1, {MOST_STACK})", (r"\r", ""), (r"\n\s+(\S+\.go:\d+)", r" @@ \1")
    )
    read = f"arrayFilter(f -> f != '', arrayMap(l -> {_frame('l')}, splitByChar('\\n', {joined})))"
    python = f"match({stack}, {literal(_IS_PYTHON)})"
    return f"arrayDistinct(if({python}, arrayReverse({read}), {read}))"


def frames(marked: str) -> str:
    """SQL of the frames that count: the application's own, or all where none is."""
    own = f"arrayFilter(f -> startsWith(f, 'o'), {marked})"
    return (
        f"arraySlice(arrayMap(f -> substring(f, 2), if(notEmpty({own}), {own}, {marked})), 1, {MOST_FRAMES})"
    )


def basis(marked: str, is_exception: str) -> str:
    """SQL of what a group rests on: ``own frames``, ``frames``, ``message`` or ``operation``."""
    return (
        f"multiIf(arrayExists(f -> startsWith(f, 'o'), {marked}), 'own frames', notEmpty({marked}), 'frames',"
        f" {is_exception}, 'message', 'operation')"
    )


def fingerprint(*, basis: str, service: str, operation: str, kind: str, frames: str, message: str) -> str:
    """SQL of the identifier: the version, and 64 bits of what the group rests on.

    Only own frames make one group across services: a library's, or words, say too little to join two of them.
    """
    said = masked_message(_unquoted(message))
    parts = (
        f"if({basis} = 'own frames', '', {service})",
        f"if({basis} = 'operation', {operation}, '')",
        _masked_name(_bare_type(kind)),
        f"if({basis} IN ('message', 'operation'), {said}, arrayStringConcat({frames}, '\\n'))",
    )
    text = ", '\\n\\n', ".join(f"toString({part})" for part in parts)
    return f"concat('{VERSION}-', leftPad(lower(hex(sipHash64(concat({text})))), 16, '0'))"
