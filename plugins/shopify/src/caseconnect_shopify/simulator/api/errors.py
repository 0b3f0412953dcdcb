"""Top-level GraphQL errors in Shopify's shapes (graphql-ruby, not graphql-core), all answered with HTTP 200."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphql.language import ast

Error = dict[str, Any]


class ApiError(Exception):
    """An error of one field, with Shopify's `extensions.code`; becomes an entry of `errors` and a null."""

    def __init__(self, message: str, code: str, **extensions: Any) -> None:
        super().__init__(message)
        self.message = message
        self.extensions = {"code": code, **extensions}


def location(node: ast.Node | None) -> list[dict[str, int]]:
    """Line and column of a node, as a list of one; empty when unknown."""
    loc = node.loc if node else None
    if loc is None:
        return []
    return [{"line": loc.start_token.line, "column": loc.start_token.column}]


def entry(message: str, node: ast.Node | None = None, path: Sequence[Any] = (), **extensions: Any) -> Error:
    """One entry of `errors`."""
    error: Error = {"message": message}
    if node is not None:
        error["locations"] = location(node)
    if path:
        error["path"] = list(path)
    if extensions:
        error["extensions"] = extensions
    return error


class Refused(Exception):
    """A whole document that is not executed: the `errors` of the answer, which then has no `data` key."""

    def __init__(self, *errors: Error) -> None:
        super().__init__(errors[0]["message"] if errors else "refused")
        self.errors = list(errors)
