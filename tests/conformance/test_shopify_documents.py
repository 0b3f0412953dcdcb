"""Every document of our Shopify client validates on the API version it asks for and on those before it."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest
from graphql import parse, validate

import caseconnect_shopify
from caseconnect_shopify.changes import ROOTS
from caseconnect_shopify.client import Operation
from caseconnect_shopify.simulator.api.schema import schema

MODULES = [import_module(f"caseconnect_shopify.{m.name}") for m in iter_modules(caseconnect_shopify.__path__)]
OPERATIONS = [o for m in MODULES for o in vars(m).values() if isinstance(o, Operation)] + [o for _, o in ROOTS.values()]
DOCUMENTS = {o.name: o.text for o in OPERATIONS}


@pytest.mark.parametrize("version", ["2026-10", "2026-07", "2026-04"])
@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_a_document_validates(name: Any, version: Any) -> None:
    assert validate(schema(version), parse(DOCUMENTS[name])) == []


def test_there_are_documents_and_a_wrong_one_is_found() -> None:
    assert len(DOCUMENTS) > 40
    newer = "mutation M($id: ID!) { orderCancel(orderId: $id, reason: FRAUD, restock: true) { jobResult { id } } }"
    assert validate(schema("2026-10"), parse(newer)) == []
    assert "jobResult" in validate(schema("2026-07"), parse(newer))[0].message
