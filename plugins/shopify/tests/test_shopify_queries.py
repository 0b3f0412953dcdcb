from __future__ import annotations

from importlib import import_module, resources
from pkgutil import iter_modules

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate
from graphql.language import ast

import caseconnect_shopify
from caseconnect_shopify import profiles
from caseconnect_shopify.changes import ROOTS
from caseconnect_shopify.client import Operation

MODULES = [import_module(f"caseconnect_shopify.{m.name}") for m in iter_modules(caseconnect_shopify.__path__)]
OPERATIONS = {o.name: o for m in MODULES for o in vars(m).values() if isinstance(o, Operation)} | {
    o.name: o for _, o in ROOTS.values()
}


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    text = (resources.files("caseconnect_shopify.simulator") / "schema" / "admin_2026_10.graphql").read_text()
    return build_schema(text, assume_valid=True)


def test_all_documents_are_found_and_none_shares_a_name() -> None:
    made = [o for m in MODULES for o in vars(m).values() if isinstance(o, Operation)]
    assert len({o.name for o in made}) == len({o.text for o in made})
    assert {"ConnectOrder", "ConnectHold", "ConnectGiveBack"} <= OPERATIONS.keys()


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_document_is_valid_on_the_official_schema(name: str, schema: GraphQLSchema) -> None:
    document = parse(OPERATIONS[name].text)
    assert validate(schema, document) == []
    (operation,) = [d for d in document.definitions if isinstance(d, ast.OperationDefinitionNode)]
    assert operation.name is not None
    assert operation.name.value == name
    assert OPERATIONS[name].mutation is (operation.operation is ast.OperationType.MUTATION)
    # One mutation a request: after an error it is known which one it was.
    assert not OPERATIONS[name].mutation or len(operation.selection_set.selections) == 1


def test_validation_would_notice_a_wrong_field(schema: GraphQLSchema) -> None:
    assert validate(schema, parse(profiles.CUSTOMER.text.replace("displayName", "fullName")))
