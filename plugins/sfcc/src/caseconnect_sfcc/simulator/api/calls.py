"""A call on its way to an operation, the table of operations, and what they answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from caseconnect_sfcc.simulator.world.attributes import JsonObject
from caseconnect_sfcc.simulator.world.instance import Instance
from caseconnect_sfcc.simulator.world.refusals import Refused


@dataclass(slots=True)
class Call:
    """One request to one operation. `version` is OCAPI's (such as 25.6), `site` what the address or query names."""

    instance: Instance
    client: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any = None
    site: str = ""
    version: str = ""
    user: str | None = None
    base: str = ""

    @property
    def who(self) -> str:
        """Whose effect this is, for the ledger."""
        return self.user or self.client

    def document(self) -> JsonObject:
        """The body as an object, or a refusal."""
        if not isinstance(self.body, dict):
            raise Refused("bad-request", "An error occurred while decoding the request: the body must be an object.")
        return self.body

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number from the query, or a refusal."""
        text = self.query.get(name)
        if text is None:
            return default
        if not re.fullmatch(r"-?\d{1,9}", text) or not low <= int(text) <= high:
            said = (
                f"The value '{text}' of the query parameter '{name}' is invalid: it must be between {low} and {high}."
            )
            expected = f"{low}..{high}"
            raise Refused("value-constraint-violation", said, parameter=name, expected=expected)
        return int(text)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers."""

    body: JsonObject | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


NO_CONTENT = Answer(status=204)

Handler = Callable[[Call], Answer]
"""Carries an operation out."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `scope` is SCAPI's, `query` the query parameters that it defines (SCAPI refuses others)."""

    name: str
    method: str
    template: str
    handler: Handler
    scope: str = ""
    query: frozenset[str] = frozenset()
    site_required: bool = False


class Table:
    """The operations of one API, found by method and path."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self._patterns: list[tuple[re.Pattern[str], Operation]] = []

    def add(self, method: str, template: str, name: str, **more: Any) -> Callable[[Handler], Handler]:
        """Register the decorated function as an operation."""

        def register(handler: Handler) -> Handler:
            operation = Operation(name, method, template, handler, **more)
            self.operations.append(operation)
            pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template))
            self._patterns.append((re.compile(pattern), operation))
            return handler

        return register

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]]:
        """The operation and its path parameters, or a refusal."""
        elsewhere = False
        for pattern, operation in self._patterns:
            match = pattern.fullmatch(path)
            if match is None:
                continue
            if operation.method == method:
                return operation, match.groupdict()
            elsewhere = True
        if elsewhere:
            raise Refused("method-not-allowed", f"The HTTP method '{method}' isn't allowed.", method=method)
        raise Refused("resource-path-not-found", f"The resource path '{path}' could not be found.", path=path)
