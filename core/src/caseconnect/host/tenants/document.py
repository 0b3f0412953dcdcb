"""Strict YAML with a line number for every key path.

YAML 1.2's core scalars instead of PyYAML's 1.1 ones: `on`, `yes` and `no` are text, a time or `010` is text too,
and a number with a point is a `Decimal`, so that money never passes through a float. No tags, no merge keys; sizes
are limited, so that a small file cannot grow into a large structure by aliases.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

import yaml

from caseconnect.host.tenants.problems import Path, Report

MAX_BYTES = 256 * 1024
"""Longest tenant file."""

_MAX_DEPTH = 24
_MAX_NODES = 20_000
_MAX_DIGITS = 60


class _Loader(yaml.SafeLoader):
    """SafeLoader's scanner and parser with the scalars above; the values are made by `_Builder`."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}  # type: ignore[misc] # the stub says instance
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """PyYAML's own, ended early for a file that is nested too deep for it."""
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem=f"nested deeper than {_MAX_DEPTH} levels", problem_mark=self.get_mark())
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


for _tag, _pattern, _first in (
    ("null", r"(?:~|null|Null|NULL|)\Z", ["~", "n", "N", ""]),
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)\Z", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)\Z", list("-+0123456789")),
    ("float", r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,2})?\Z", list("-+0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


@dataclass
class Document:
    """A file's content as plain data, and the line of each key path, counted from 1."""

    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)


@dataclass
class _Builder:
    report: Report
    lines: dict[Path, int]
    nodes: int = 0
    above: set[int] = field(default_factory=set)

    def build(self, node: yaml.Node, path: Path) -> Any:
        self.nodes += 1
        if self.nodes > _MAX_NODES or len(path) > _MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem="aliases make the file too large", problem_mark=node.start_mark)
        if id(node) in self.above:
            raise yaml.MarkedYAMLError(problem="an alias must not hold itself", problem_mark=node.start_mark)
        self.lines.setdefault(path, node.start_mark.line + 1)
        self.above.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
            return self._scalar(node, path)
        finally:
            self.above.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._refuse(path, line, "a key must be a word", "write key: value")
                continue
            key, where = key_node.value, (*path, key_node.value)
            if key == "<<":
                self._refuse(path, line, "merge keys (<<) are not supported", "repeat the keys, or alias a whole value")
            elif key in made:
                self._refuse(where, line, f"the key is written twice, first in line {self.lines[where]}", "keep one")
            else:
                self.lines[where] = line
                made[key] = self.build(value_node, where)
        return made

    def _refuse(self, path: Path, line: int, message: str, hint: str) -> None:
        held = self.report.lines
        self.report.lines = {path: line}
        self.report.add(path, message, hint)
        self.report.lines = held

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        kind, text = node.tag.rpartition(":")[2], node.value
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind in {"int", "float"} and len(text) > _MAX_DIGITS:
            self.report.add(path, "the number is too long")
            return None
        if kind == "int":
            return int(text)
        if kind == "float":
            return Decimal(text)
        if kind != "str":
            self._refuse(path, node.start_mark.line + 1, f"the tag {node.tag} is not supported", "write a plain value")
        return text


def read_document(raw: bytes, report: Report, begin: str = "begin with `tenant:` and the file's name") -> Document:
    """The content of a file. What is wrong with its text goes to `report`; `data` is None if it cannot be read.

    `begin` is the hint for an empty one.
    """
    document = Document()
    report.lines = document.lines
    if len(raw) > MAX_BYTES:
        report.add((), f"the file is longer than {MAX_BYTES // 1024} KiB")
        return document
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        document.lines[()] = raw.count(b"\n", 0, error.start) + 1
        report.add((), "the file is not UTF-8 text")
        return document
    try:
        node = _Loader(text).get_single_node()
        if node is None:
            report.add((), "the file is empty", begin)
            return document
        document.data = _Builder(report, document.lines).build(node, ())
    except yaml.YAMLError as error:
        _add_syntax(report, document, error)
    return document


def _add_syntax(report: Report, document: Document, error: yaml.YAMLError) -> None:
    mark = getattr(error, "problem_mark", None)
    document.data = None
    document.lines.clear()
    if mark:
        document.lines[()] = mark.line + 1
    # `problem` names the construct; the error's whole text would quote the line, which may hold a secret.
    said = getattr(error, "problem", None) or "it holds a character that YAML does not allow"
    report.add((), f"the file is not valid YAML: {said}", "compare the indentation and quotes near this line")
