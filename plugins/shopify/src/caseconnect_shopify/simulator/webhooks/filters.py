"""A subscription's `filter` and `includeFields`, applied to the body that would be sent.

Of the search syntax: `field:value` with `>`, `>=`, `<`, `<=`, `*` for "is there", `-` and NOT, AND, OR and brackets. A
field may be a path (`customer.id`); along a list any element counts. A term without a field is an invalid filter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

Body = dict[str, Any]
Test = Callable[[Body], bool]
MAX_BYTES = 65_535
TOKEN = re.compile(
    r"\s*(?:(?P<bracket>[()])|(?P<word>AND|OR|NOT)\b|(?P<minus>-)?(?P<field>[\w.]+):(?P<op>>=|<=|>|<)?"
    r"""(?P<value>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s()]+))"""
)


class FilterError(ValueError):
    """A filter that cannot be read."""


def parse(text: str) -> Test:
    """A filter as a test on bodies. FilterError when it is none."""
    if len(text.encode()) > MAX_BYTES:
        raise FilterError("too long")
    tokens: list[re.Match[str]] = []
    at = 0
    while text[at:].strip():
        found = TOKEN.match(text, at)
        if found is None:
            raise FilterError(text[at:])
        tokens.append(found)
        at = found.end()
    reader = _Reader(tokens)
    test = reader.either()
    if reader.tokens:
        raise FilterError(reader.tokens[0].group())
    return test


class _Reader:
    """Reads terms: OR binds weakest, terms side by side are joined by AND."""

    def __init__(self, tokens: list[re.Match[str]]) -> None:
        self.tokens = tokens

    def either(self) -> Test:
        """One or more conjunctions, joined by OR."""
        tests = [self.both()]
        while self._take("OR"):
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else lambda body: any(test(body) for test in tests)

    def both(self) -> Test:
        """One or more terms, joined by AND or by nothing."""
        tests = [self.term()]
        while self.tokens and self.tokens[0]["word"] != "OR" and self.tokens[0]["bracket"] != ")":
            self._take("AND")
            tests.append(self.term())
        return lambda body: all(test(body) for test in tests)

    def term(self) -> Test:
        """A term, a negated one, or a bracket."""
        if self._take("NOT"):
            inner = self.term()
            return lambda body: not inner(body)
        if self._take("("):
            within = self.either()
            if not self._take(")"):
                raise FilterError("a bracket is not closed")
            return within
        if not self.tokens or self.tokens[0]["field"] is None:
            raise FilterError("a field is missing")
        token = self.tokens.pop(0)
        test = _comparison(token["field"].split("."), token["op"] or "", _unquoted(token["value"]))
        return (lambda body: not test(body)) if token["minus"] else test

    def _take(self, text: str) -> bool:
        if self.tokens and text in {self.tokens[0]["word"], self.tokens[0]["bracket"]}:
            self.tokens.pop(0)
            return True
        return False


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value[0] in "'\"" and len(value) > 1 else value


def _comparison(path: list[str], op: str, wanted: str) -> Test:
    def test(body: Body) -> bool:
        found = list(_values(body, path))
        if wanted == "*" and not op:
            return any(v is not None for v in found)
        return any(_holds(v, op, wanted) for v in found)

    return test


def _values(value: Any, path: list[str]) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _values(item, path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from _values(value[path[0]], path[1:])


def _holds(have: Any, op: str, wanted: str) -> bool:
    text = {True: "true", False: "false", None: ""}.get(have, str(have)) if not isinstance(have, dict) else ""
    left, right = _number(text), _number(wanted)
    pair: tuple[Any, Any] = (
        (left, right) if left is not None and right is not None else (text.casefold(), wanted.casefold())
    )
    match op:
        case ">":
            return bool(pair[0] > pair[1])
        case ">=":
            return bool(pair[0] >= pair[1])
        case "<":
            return bool(pair[0] < pair[1])
        case "<=":
            return bool(pair[0] <= pair[1])
        case _:
            # Tags are one string in REST-shaped bodies: each counts.
            return bool(pair[0] == pair[1]) or wanted.casefold() in [t.strip().casefold() for t in text.split(", ")]


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def trim(body: Any, paths: Iterable[str]) -> Any:
    """Only these fields of a body: names, or paths such as `line_items.id`."""
    wanted: dict[str, list[str]] = {}
    for path in paths:
        head, _, rest = path.partition(".")
        wanted.setdefault(head, []).append(rest)
    if isinstance(body, list):
        return [trim(item, paths) for item in body]
    if not isinstance(body, dict):
        return body
    return {
        key: value if "" in wanted[key] else trim(value, wanted[key]) for key, value in body.items() if key in wanted
    }
