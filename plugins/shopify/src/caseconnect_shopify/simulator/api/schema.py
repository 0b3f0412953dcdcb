"""The pruned official schema, loaded once per process, with its access and personal-data marks."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources

from graphql import GraphQLSchema, build_ast_schema

from caseconnect_shopify.simulator.schema.versions import NEWEST, OLDER, document

PACKAGE = "caseconnect_shopify.simulator.schema"


@cache
def schema(version: str = NEWEST) -> GraphQLSchema:
    """The schema of an API version, as far as the jobs of the connector reach; `unstable` is the newest."""
    if version != NEWEST and version not in OLDER:
        return schema(NEWEST)
    text = (resources.files(PACKAGE) / "admin_2026_10.graphql").read_text("utf-8")
    return build_ast_schema(document(text, version), assume_valid=True, assume_valid_sdl=True)


@cache
def _marks() -> tuple[dict[str, str], dict[str, str]]:
    raw = json.loads((resources.files(PACKAGE) / "access.json").read_text("utf-8"))
    return raw["requiredAccess"], raw["protectedContent"]


def required_access(place: str) -> str | None:
    """Shopify's text on the access that `Type` or `Type.field` needs."""
    return _marks()[0].get(place)


@cache
def sufficient_scopes(place: str) -> frozenset[str]:
    """The scopes of which one is enough for `Type` or `Type.field`; empty when the schema names none."""
    text = (required_access(place) or "").partition("Also:")[0]
    return frozenset(re.findall(r"`((?:read|write)_\w+)`", text))


def protected_content(place: str) -> str | None:
    """The kind of personal data in `Type.field`: name, address, email or phone."""
    return _marks()[1].get(place)


def allowed(place: str, granted: frozenset[str]) -> bool:
    """Whether the granted scopes are enough; a write scope includes its read scope."""
    enough = sufficient_scopes(place)
    return not enough or any(s in granted or s.replace("read_", "write_", 1) in granted for s in enough)
