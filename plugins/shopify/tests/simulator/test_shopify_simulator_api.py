"""Tokens, HTTP errors, cost, scopes and validation: what every call meets before it does anything."""

from typing import Any

import pytest
from graphql import validate_schema

from caseconnect_shopify.simulator import Fault, Shop
from caseconnect_shopify.simulator.api.schema import schema

SHOP_NAME = "{ shop { name } }"


def test_token_by_form_and_by_json(world: Any) -> None:
    form = world.mint()
    assert form.status_code == 200
    body = form.json()
    assert body["expires_in"] == 86_399
    assert "write_orders" in body["scope"].split(",")
    raw = {"client_id": "sim-client", "client_secret": "sim-secret", "grant_type": "client_credentials"}
    assert world.request("POST", "/admin/oauth/access_token", json=raw).json()["access_token"].startswith("shpat_")


@pytest.mark.parametrize(
    ("settings", "changes", "status", "error"),
    [
        ({}, {"client_secret": "wrong"}, 401, "invalid_client"),
        ({}, {"client_id": "other"}, 401, "invalid_client"),
        ({}, {"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"installed": False}, {}, 400, "app_not_installed"),
        ({"same_organization": False}, {}, 400, "shop_not_permitted"),
    ],
)
def test_token_refusals(make_world: Any, settings: Any, changes: Any, status: Any, error: Any) -> None:
    answer = make_world(**settings).mint(**changes)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_a_token_ends_with_its_life(world: Any) -> None:
    assert world.raw(SHOP_NAME).status_code == 200
    world.clock.pass_(86_398)
    assert world.raw(SHOP_NAME).status_code == 200
    world.clock.pass_(1)
    answer = world.raw(SHOP_NAME)
    assert answer.status_code == 401
    assert answer.json() == {"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"}


def test_no_token_and_no_query_and_no_such_place(world: Any) -> None:
    path = "/admin/api/2026-10/graphql.json"
    assert world.request("POST", path, json={"query": SHOP_NAME}).status_code == 401
    world.raw(SHOP_NAME)
    empty = world.request("POST", path, json={}, headers={"X-Shopify-Access-Token": world.token})
    assert empty.status_code == 400
    assert empty.json() == {"errors": {"query": "Required parameter missing or invalid"}}
    assert world.raw(SHOP_NAME, version="2026-11").status_code == 404
    assert world.raw(SHOP_NAME, version="latest").status_code == 404


@pytest.mark.parametrize(
    ("asked", "served"),
    [("2026-10", "2026-10"), ("2026-07", "2026-07"), ("2025-01", "2026-01"), ("unstable", "unstable")],
)
def test_expired_versions_fall_forward(world: Any, asked: Any, served: Any) -> None:
    assert world.raw(SHOP_NAME, version=asked).headers["x-shopify-api-version"] == served


def test_cost_is_charged_and_restored_on_the_shops_clock(world: Any) -> None:
    cost = world.graphql(SHOP_NAME)["extensions"]["cost"]
    assert cost == {
        "requestedQueryCost": 1,
        "actualQueryCost": 1,
        "throttleStatus": {"maximumAvailable": 2000.0, "currentlyAvailable": 1999, "restoreRate": 100.0},
    }
    world.clock.pass_(1)
    assert world.graphql(SHOP_NAME)["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"] == 1999


def test_a_connection_asks_for_its_size_and_pays_for_what_came(world: Any) -> None:
    world.order()
    cost = world.graphql("query Q($n: Int!) { orders(first: $n) { nodes { id customer { id } } } }", {"n": 50})
    assert cost["extensions"]["cost"]["requestedQueryCost"] == 50
    assert cost["extensions"]["cost"]["actualQueryCost"] == 1


def test_throttled_is_http_200_and_says_how_long(make_world: Any) -> None:
    world = make_world(restore_rate=10)
    expensive = "{ orders(first: 150) { nodes { id customer { id } } } }"
    tags = 'mutation { tagsAdd(id: "gid://shopify/Order/1", tags: ["x"]) { userErrors { message } } }'
    for _ in range(10):
        world.graphql(tags)
    answer = world.graphql(expensive)
    assert "data" not in answer
    assert answer["errors"] == [
        {
            "message": "Throttled",
            "extensions": {"code": "THROTTLED", "documentation": "https://shopify.dev/api/usage/rate-limits"},
        }
    ]
    cost = answer["extensions"]["cost"]
    assert cost["requestedQueryCost"] == 150
    assert cost["actualQueryCost"] is None
    assert cost["throttleStatus"]["currentlyAvailable"] == 100
    world.clock.pass_(5)
    assert "data" in world.graphql(expensive)


def test_a_query_above_the_limit_is_refused(world: Any) -> None:
    answer = world.graphql("{ orders(first: 250) { nodes { lineItems(first: 250) { nodes { id } } } } }")
    extensions = answer["errors"][0]["extensions"]
    assert (extensions["code"], extensions["cost"], extensions["maxCost"]) == ("MAX_COST_EXCEEDED", 62_500, 1000)
    assert "extensions" not in answer


def test_missing_scope_names_the_field_and_the_scope(make_world: Any) -> None:
    world = make_world(scopes="read_orders")
    order = world.order(customer={"email": "a@example.com"})
    answer = world.graphql(f'{{ order(id: "gid://shopify/Order/{order.id}") {{ name customer {{ id }} }} }}')
    assert answer["data"] == {"order": {"name": "#1001", "customer": None}}
    error = answer["errors"][0]
    assert error["path"] == ["order", "customer"]
    assert error["extensions"]["code"] == "ACCESS_DENIED"
    assert "`read_customers` access scope" in error["message"]
    denied = world.graphql('mutation { tagsAdd(id: "gid://shopify/Order/1", tags: []) { userErrors { message } } }')
    assert "data" in denied
    hold = 'mutation { fulfillmentOrderHold(id: "gid://shopify/FulfillmentOrder/1", fulfillmentHold: {reason: OTHER})'
    assert world.graphql(hold + " { userErrors { message } } }")["data"] == {"fulfillmentOrderHold": None}


def test_protected_data_is_null_with_an_error(make_world: Any) -> None:
    world = make_world(personal_data=False)
    order = world.order(email="a@example.com", customer={"email": "a@example.com"}, shipping_address={"city": "Bern"})
    fields = "email shippingAddress { city address1 } customer { defaultEmailAddress { emailAddress } }"
    answer = world.graphql(f'{{ order(id: "gid://shopify/Order/{order.id}") {{ {fields} }} }}')
    assert answer["data"]["order"] == {
        "email": None,
        "shippingAddress": {"city": "Bern", "address1": None},
        "customer": {"defaultEmailAddress": None},
    }
    assert answer["errors"][0]["message"].startswith("This app is not approved to use the email field.")


VALIDATION = [
    ("{ shop { nme } }", "undefinedField", "Field 'nme' doesn't exist on type 'Shop'"),
    ("{ order { id } }", "missingRequiredArguments", "Field 'order' is missing required arguments: id"),
    ('{ order(id: "1", x: 2) { id } }', "argumentNotAccepted", "Field 'order' doesn't accept argument 'x'"),
    (
        '{ orders(first: "x") { nodes { id } } }',
        "argumentLiteralsIncompatible",
        "Argument 'first' on Field 'orders' has an invalid value (\"x\"). Expected type 'Int'.",
    ),
    (
        "{ shop }",
        "selectionMismatch",
        "Field must have selections (field 'shop' returns Shop but has no selections. Did you mean 'shop { ... }'?)",
    ),
    (
        "{ shop { name { x } } }",
        "selectionMismatch",
        "Selections can't be made on scalars (field 'name' returns String but has selections [\"x\"])",
    ),
    ("query Q($x: Int) { shop { name } }", "variableNotUsed", "Variable $x is declared by Q but not used"),
    ("query Q { order(id: $x) { id } }", "variableNotDefined", "Variable $x is used by Q but not declared"),
    (
        "query Q($x: ID) { order(id: $x) { id } }",
        "variableMismatch",
        "Nullability mismatch on variable $x and argument id (ID / ID!)",
    ),
    ("query Q($x: Foo) { order(id: $x) { id } }", "undefinedType", "Foo isn't a defined input type (on $x)"),
    ("{ shop { ... on Foo { id } } }", "undefinedType", "No such type Foo, so it can't be a fragment condition"),
    ("{ shop { ...F } }", "useAndDefineFragment", "Fragment F was used, but not defined"),
    (
        "mutation { refundCreate(input: {}) { refund { id } } }",
        "missingRequiredInputObjectAttribute",
        "Argument 'orderId' on InputObject 'RefundInput' is required. Expected type ID!",
    ),
    (
        'mutation { tagsAdd(id: "x", tags: []) { userErrors { code } } }',
        "undefinedField",
        "Field 'code' doesn't exist on type 'UserError'",
    ),
    (
        'mutation M @idempotent(key: "k") { tagsAdd(id: "x", tags: []) { userErrors { message } } }',
        "directiveCannotBeApplied",
        "'@idempotent' can't be applied to mutations (allowed: fields)",
    ),
    ("{ shop { name @foo } }", "undefinedDirective", "Directive @foo is not defined"),
]


@pytest.mark.parametrize(("text", "code", "message"), VALIDATION)
def test_validation_speaks_like_graphql_ruby(world: Any, text: Any, code: Any, message: Any) -> None:
    answer = world.graphql(text)
    assert "data" not in answer
    error = next(e for e in answer["errors"] if e["extensions"]["code"] == code)
    assert error["message"] == message
    assert error["path"][0].split()[0] in {"query", "mutation"}
    assert error["locations"]


def test_parse_error(world: Any) -> None:
    assert world.graphql("{ shop { ")["errors"][0]["extensions"]["code"] == "PARSE_ERROR"


@pytest.mark.parametrize(
    ("kind", "value", "message", "path"),
    [
        ("ID!", None, "Variable $v of type ID! was provided invalid value", []),
        ("OrderInput!", {}, "for id (Expected value to not be null)", ["id"]),
        ("OrderInput!", {"id": "x", "foo": 1}, "for foo (Field is not defined on OrderInput)", ["foo"]),
        ("OrderInput!", {"id": "x", "tags": "a"}, None, None),
        ("OrderInput!", {"id": "x", "tags": [1]}, "for tags.0 (Could not coerce value 1 to String)", ["tags", 0]),
    ],
)
def test_variables_are_checked(world: Any, kind: Any, value: Any, message: Any, path: Any) -> None:
    field = "order(id: $v) { id }" if kind == "ID!" else "orderUpdate(input: $v) { order { id } }"
    text = f"{'query' if kind == 'ID!' else 'mutation'} Q($v: {kind}) {{ {field} }}"
    error = world.graphql(text, {"v": value})["errors"][0]
    if message is None:
        assert error["extensions"]["code"] != "INVALID_VARIABLE"
        return
    assert error["message"].endswith(message)
    assert error["extensions"]["code"] == "INVALID_VARIABLE"
    assert error["extensions"]["problems"][0]["path"] == path


def test_operation_names(world: Any) -> None:
    two = "query A { shop { name } } query B { shop { id } }"
    assert world.graphql(two, operationName="A")["data"] == {"shop": {"name": "demo-shop"}}
    assert world.graphql(two)["errors"][0]["message"] == "An operation name is required"
    assert world.graphql(two, operationName="C")["errors"][0]["message"] == 'No operation named "C"'


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{ order(id: "12") { id } }', "RESOURCE_NOT_FOUND"),
        ('{ order(id: "gid://shopify/Customer/1") { id } }', "RESOURCE_NOT_FOUND"),
        ('{ customer(id: "gid://shopify/Order/1") { id } }', "RESOURCE_NOT_FOUND"),
        ("{ orders(first: 251) { nodes { id } } }", "BAD_REQUEST"),
        ("{ orders { nodes { id } } }", "BAD_REQUEST"),
        ('{ orders(first: 1, after: "?") { nodes { id } } }', "INVALID_CURSOR"),
    ],
)
def test_errors_of_one_field(world: Any, text: Any, code: Any) -> None:
    assert world.graphql(text)["errors"][0]["extensions"]["code"] == code


def test_an_unknown_id_is_null_without_an_error(world: Any) -> None:
    assert world.data('{ order(id: "gid://shopify/Order/1") { id } }') == {"order": None}


def test_refunds_need_the_idempotent_directive(world: Any) -> None:
    text = 'mutation { refundCreate(input: {orderId: "gid://shopify/Order/1"}) { refund { id } } }'
    answer = world.graphql(text)
    assert answer["data"] == {"refundCreate": None}
    assert answer["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}
    assert answer["errors"][0]["message"] == (
        "The @idempotent directive is required for this mutation but was not provided."
    )


def test_what_is_not_simulated_says_so(world: Any) -> None:
    answer = world.graphql("{ abandonedCheckouts(first: 1) { nodes { id } } }")
    assert answer["errors"][0]["extensions"]["code"] == "NOT_SIMULATED"


def test_too_many_items(world: Any) -> None:
    text = 'mutation($t: [String!]!) { tagsAdd(id: "gid://shopify/Order/1", tags: $t) { userErrors { message } } }'
    assert world.graphql(text, {"t": ["x"] * 251})["errors"][0]["extensions"]["code"] == "MAX_INPUT_SIZE_EXCEEDED"


def test_two_shops_do_not_mix(clock: Any, join: Any) -> None:
    first, second = Shop("a.myshopify.com", now=clock), Shop("b.myshopify.com", "other", "hush", now=clock)
    world = join(first, second)
    world.order()
    assert len(world.data("{ orders(first: 5) { nodes { id } } }")["orders"]["nodes"]) == 1
    path = "/admin/api/2026-10/graphql.json"
    for host, prefix in (("b.myshopify.com", ""), ("127.0.0.1", "/shops/b.myshopify.com")):
        stolen = world.request(
            "POST", prefix + path, host, json={"query": SHOP_NAME}, headers={"X-Shopify-Access-Token": world.token}
        )
        assert stolen.status_code == 401
    form = {"client_id": "other", "client_secret": "hush", "grant_type": "client_credentials"}
    token = world.request("POST", "/shops/b.myshopify.com/admin/oauth/access_token", "127.0.0.1", data=form).json()
    headers = {"X-Shopify-Access-Token": token["access_token"]}
    query = {"query": "{ shop { myshopifyDomain } orders(first: 5) { nodes { id } } }"}
    answer = world.request("POST", "/shops/b.myshopify.com" + path, "127.0.0.1", json=query, headers=headers).json()
    assert answer["data"] == {"shop": {"myshopifyDomain": "b.myshopify.com"}, "orders": {"nodes": []}}
    assert world.request("POST", path, "127.0.0.1", json=query, headers=headers).status_code == 404


def test_faults_by_operation_and_count(world: Any) -> None:
    world.raw(SHOP_NAME)
    world.shop.faults.add(Fault("status", operation="Second", status=503, retry_after="4.0", count=2))
    assert world.raw("query First { shop { name } }").status_code == 200
    for _ in range(2):
        answer = world.raw("query Second { shop { name } }")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "4.0")
    assert world.raw("query Second { shop { name } }").status_code == 200


@pytest.mark.parametrize("version", ["2026-01", "2026-04", "2026-07"])
def test_older_versions_have_what_their_schemas_have(world: Any, version: Any) -> None:
    assert validate_schema(schema(version)) == []
    answer = world.graphql('{ order(id: "gid://shopify/Order/1") { cartToken } }', version=version)
    known = version >= "2026-07"
    assert ("errors" not in answer) is known
    job = (
        'mutation { orderCancel(orderId: "gid://shopify/Order/1", reason: FRAUD, restock: true) { jobResult { id } } }'
    )
    error = world.graphql(job, version=version)["errors"][0]
    assert error["message"] == "Field 'jobResult' doesn't exist on type 'OrderCancelPayload'"
    assert "errors" not in world.graphql(job)
