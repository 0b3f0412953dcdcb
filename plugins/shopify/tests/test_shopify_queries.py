from __future__ import annotations

from importlib import resources

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate
from graphql.language import ast

from caseconnect_shopify import queries
from caseconnect_shopify.client import Operation

OPERATIONS = {o.name: o for o in vars(queries).values() if isinstance(o, Operation)} | {
    o.name: o for _, o in queries.ROOTS.values()
}


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    text = (resources.files("caseconnect_shopify.simulator") / "schema" / "admin_2026_10.graphql").read_text()
    return build_schema(text, assume_valid=True)


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
    assert validate(schema, parse(queries.CUSTOMER.text.replace("displayName", "fullName")))
