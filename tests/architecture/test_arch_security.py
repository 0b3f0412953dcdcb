"""What no source may do: run data, trust a certificate unseen, compare secrets slowly, log what is not known."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from tools.docs.workspace import ROOT
from tools.sources import tracked

from caseconnect.sdk.resources import LOG_FIELDS

CALLS = {
    *("eval", "exec", "compile", "__import__", "yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.full_load"),
    *("os.system", "os.popen", "tempfile.mktemp", "ssl._create_unverified_context", "logging.config.listen"),
    *("hashlib.md5", "hashlib.sha1", "xml.etree.ElementTree.parse", "xml.dom.minidom.parseString"),
}
METHODS = {"extractall", "set_ciphers"}
MODULES = {"pickle", "cPickle", "dill", "marshal", "shelve", "jsonpickle", "telnetlib", "ftplib", "xmlrpc", "commands"}
FLAGS = {("shell", True), ("verify", False), ("ssl", False), ("check_hostname", False), ("verify_ssl", False)}
NAMES = {"CERT_NONE", "PROTOCOL_TLSv1", "PROTOCOL_TLSv1_1", "UnsafeLoader", "FullLoader"}
SECRET = re.compile(r"signature|hmac|secret|password|passwd|api_key|(?<!next_)token(?!s\b|_)", re.IGNORECASE)
SOURCES = [path for path in tracked(ROOT) if path.suffix == ".py" and not {"tests", "simulator"} & set(path.parts)]


OURS = {
    "core/src/caseconnect/sdk/tokens.py: == on self._token.value"
}  # two tokens that we were given, no guess of anybody


def named(node: ast.AST) -> str:
    """`a.b.c` of a name or an attribute."""
    if isinstance(node, ast.Attribute):
        return f"{named(node.value)}.{node.attr}".lstrip(".")
    return node.id if isinstance(node, ast.Name) else ""


def forbidden(source: str) -> Iterator[tuple[int, str]]:
    """(line, what) of everything that is banned."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = named(node.func)
            if name in CALLS or name.rpartition(".")[2] in METHODS:
                yield node.lineno, name
            given = {(k.arg, k.value.value) for k in node.keywords if isinstance(k.value, ast.Constant)}
            yield from ((node.lineno, f"{flag}={value}") for flag, value in FLAGS & given)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from ((node.lineno, m) for m in modules if m.partition(".")[0] in MODULES)
        elif isinstance(node, ast.Attribute) and node.attr in NAMES:
            yield node.lineno, node.attr
        elif isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
            sides = [node.left, *node.comparators]
            if not any(isinstance(side, ast.Constant) for side in sides):
                yield from ((node.lineno, f"== on {n}") for s in sides if SECRET.search(n := named(s)))


def test_no_source_does_what_is_banned() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for path in SOURCES
        for line, what in forbidden(path.read_text(encoding="utf-8"))
    ]
    assert [one for one in found if re.sub(r":\d+:", ":", one) not in OURS] == []


@pytest.mark.parametrize(
    "line",
    [
        "eval(text)",
        "yaml.load(text)",
        "import pickle",
        "from pickle import loads",
        "run(command, shell=True)",
        "get(url, verify=False)",
        "connect(ssl=False)",
        "context.verify_mode = ssl.CERT_NONE",
        "archive.extractall(folder)",
        "tempfile.mktemp()",
        "given == self.secret",
        "headers.signature != wanted",
        "hashlib.md5(data)",
    ],
)
def test_the_ban_finds_what_it_is_for(line: str) -> None:
    assert list(forbidden(line))


@pytest.mark.parametrize("line", ["yaml.safe_load(text)", "hmac.compare_digest(a, b)", "scheme == 'secret'", "x == y"])
def test_the_ban_leaves_the_rest(line: str) -> None:
    assert not list(forbidden(line))


LOGS = re.compile(r"(?:^|[._])log\.(?:debug|info|warning|error|exception|critical)$")


def logged(source: str) -> Iterator[tuple[int, str]]:
    """(line, name) of every value that is logged by name."""
    for node in ast.walk(ast.parse(source)) if "log." in source else ():
        if isinstance(node, ast.Call) and LOGS.search(named(node.func)):
            yield from ((node.lineno, keyword.arg) for keyword in node.keywords if keyword.arg)


def test_every_log_line_has_known_values_only() -> None:
    found = [(path, line, name) for path in SOURCES for line, name in logged(path.read_text(encoding="utf-8"))]
    assert len(found) > 50
    assert [f"{path.relative_to(ROOT)}:{line}: {name}" for path, line, name in found if name not in LOG_FIELDS] == []
