"""Draft orders: a replacement from the draft to the order, what is refused, and a search that lags."""

from typing import Any

import pytest

FIELDS = """draftOrder { id name status email note2 tags completedAt order { id name displayFinancialStatus sourceName }
    totalPriceSet { shopMoney { amount } presentmentMoney { amount currencyCode } }
    subtotalPriceSet { shopMoney { amount } } totalDiscountsSet { shopMoney { amount } }
    purchasingEntity { ... on Customer { id } } appliedDiscount { value valueType amountSet { shopMoney { amount } } }
    lineItems(first: 5) { nodes { title quantity custom sku priceOverride { amount }
      originalUnitPriceSet { shopMoney { amount } } discountedTotalSet { shopMoney { amount } } } } }
  userErrors { field message }"""
CREATE = "mutation M($in: DraftOrderInput!) { draftOrderCreate(input: $in) { FIELDS } }".replace("FIELDS", FIELDS)
UPDATE = "mutation M($id: ID!, $in: DraftOrderInput!) { draftOrderUpdate(id: $id, input: $in) { FIELDS } }".replace(
    "FIELDS", FIELDS
)
COMPLETE = (
    "mutation M($id: ID!, $later: Boolean) { draftOrderComplete(id: $id, paymentPending: $later) { FIELDS } }".replace(
        "FIELDS", FIELDS
    )
)
INVOICE = "mutation M($id: ID!, $to: EmailInput) { draftOrderInvoiceSend(id: $id, email: $to) { FIELDS } }".replace(
    "FIELDS", FIELDS
)
DELETE = "mutation M($id: ID!) { draftOrderDelete(input: { id: $id }) { deletedId userErrors { field message } } }"
SEARCH = "query Q($q: String!) { draftOrders(first: 5, query: $q) { nodes { id name status } } }"
MUG = {"title": "Mug", "quantity": 1, "originalUnitPriceWithCurrency": {"amount": "20.00", "currencyCode": "USD"}}


def create(world: Any, **wanted: Any) -> Any:
    return world.data(CREATE, {"in": {"lineItems": [MUG], **wanted}})["draftOrderCreate"]


def search(world: Any, text: Any) -> Any:
    return [n["id"] for n in world.data(SEARCH, {"q": text})["draftOrders"]["nodes"]]


def test_a_replacement_from_draft_to_order(world: Any) -> None:
    for topic in ("draft_orders/create", "draft_orders/update", "orders/create"):
        world.shop.subscribe(topic, "http://127.0.0.1/hook")
    old = world.order(customer={"email": "a@example.com", "first_name": "Ann"})
    customer = f"gid://shopify/Customer/{old.customer.id}"
    variant = next(v for v in world.shop.variants.values() if v.sku == "MUG")
    line = {"variantId": f"gid://shopify/ProductVariant/{variant.id}", "quantity": 1}
    made = create(
        world,
        lineItems=[line],
        purchasingEntity={"customerId": customer},
        appliedDiscount={"value": 100.0, "valueType": "PERCENTAGE", "title": "Replacement"},
        tags=["case-7"],
        note="Replaces #1001",
        customAttributes=[{"key": "case", "value": "7"}],
        shippingAddress={"firstName": "Ann", "city": "Bonn", "countryCode": "DE"},
    )
    assert made["userErrors"] == []
    draft = made["draftOrder"]
    assert (draft["name"], draft["status"], draft["email"]) == ("#D1", "OPEN", "a@example.com")
    assert draft["totalPriceSet"]["shopMoney"]["amount"] == "0.0"
    assert draft["appliedDiscount"]["amountSet"]["shopMoney"]["amount"] == "20.0"
    assert draft["lineItems"]["nodes"][0]["sku"] == "MUG"
    assert draft["purchasingEntity"] == {"id": customer}
    done = world.data(COMPLETE, {"id": draft["id"]})["draftOrderComplete"]["draftOrder"]
    assert done["status"] == "COMPLETED"
    assert done["order"]["displayFinancialStatus"] == "PAID"
    new = list(world.shop.orders.values())[-1]
    assert (new.tags, new.note, new.customer.id) == (["case-7"], "Replaces #1001", old.customer.id)
    assert new.shipping_address.city == "Bonn"
    assert new.transactions == []
    again = world.data(COMPLETE, {"id": draft["id"]})["draftOrderComplete"]
    assert again["userErrors"] == [{"field": None, "message": "This order has been paid"}]
    assert [e.what for e in world.shop.ledger] == ["draft_create", "draft_complete"]
    world.run_due()
    assert world.inbox.topics().count("draft_orders/update") == 1
    body = world.inbox.bodies("draft_orders/create")[0]
    assert (body["name"], body["tags"], body["applied_discount"]["amount"]) == ("#D1", "case-7", "20.00")
    assert body["admin_graphql_api_id"] == draft["id"]


@pytest.mark.parametrize(
    ("wanted", "field", "message"),
    [
        ({"lineItems": []}, None, "Add at least 1 product"),
        (
            {"lineItems": [{"variantId": "gid://shopify/ProductVariant/99", "quantity": 1}]},
            None,
            "Product with ID 99 is no longer available.",
        ),
        ({"lineItems": [{"quantity": 1, "originalUnitPrice": "1"}]}, None, "Merchandise title is empty."),
        (
            {"lineItems": [MUG, MUG | {"quantity": 0}]},
            ["lineItems", "1", "quantity"],
            "Quantity must be greater than or equal to 1",
        ),
        (
            {"lineItems": [{"title": "A", "quantity": 1, "originalUnitPrice": "-1"}]},
            None,
            "Cannot send negative price for line_item",
        ),
        ({"email": "not-an-email"}, ["email"], "Email is invalid"),
        ({"reserveInventoryUntil": "2020-01-01T00:00:00Z"}, None, "Reserve until can't be in the past"),
        (
            {"tags": ["ok", "x" * 41]},
            ["tags", "1"],
            "Title Tag exceeds the maximum length of 40 characters",
        ),
        (
            {"purchasingEntity": {"customerId": "gid://shopify/Customer/1"}},
            ["purchasingEntity", "customerId"],
            "Customer does not exist",
        ),
    ],
)
def test_drafts_that_are_refused(world: Any, wanted: Any, field: Any, message: Any) -> None:
    answer = create(world, **wanted)
    assert answer == {"draftOrder": None, "userErrors": [{"field": field, "message": message}]}
    assert (world.shop.drafts, world.shop.ledger) == ({}, [])


def test_a_refused_change_changes_nothing(world: Any) -> None:
    draft = create(world, note="before")["draftOrder"]
    wrong = world.data(UPDATE, {"id": draft["id"], "in": {"note": "after", "tags": ["x" * 41]}})["draftOrderUpdate"]
    assert wrong["userErrors"][0]["field"] == ["input", "tags", "1"]
    assert next(iter(world.shop.drafts.values())).note == "before"
    right = world.data(UPDATE, {"id": draft["id"], "in": {"note": "after"}})["draftOrderUpdate"]["draftOrder"]
    assert right["note2"] == "after"
    assert right["lineItems"]["nodes"][0]["title"] == "Mug"


def test_prices_of_the_customers_currency_and_overrides(make_world: Any) -> None:
    world = make_world(rates={"EUR": "0.5"})
    euro = {"amount": "10.00", "currencyCode": "EUR"}
    lines = [{"title": "A", "quantity": 2, "originalUnitPriceWithCurrency": euro}]
    lines.append({"title": "B", "quantity": 1, "originalUnitPrice": "9.00", "priceOverride": euro | {"amount": "0"}})
    draft = create(world, presentmentCurrencyCode="EUR", lineItems=lines)["draftOrder"]
    assert draft["totalPriceSet"] == {
        "shopMoney": {"amount": "40.0"},
        "presentmentMoney": {"amount": "20.0", "currencyCode": "EUR"},
    }
    assert draft["lineItems"]["nodes"][1]["priceOverride"] == {"amount": "0.0"}
    later = world.data(COMPLETE, {"id": draft["id"], "later": True})["draftOrderComplete"]["draftOrder"]["order"]
    assert later["displayFinancialStatus"] == "PENDING"
    assert list(world.shop.orders.values())[-1].presentment_currency == "EUR"
    wrong = world.graphql(CREATE, {"in": {"lineItems": lines, "presentmentCurrencyCode": "JPY"}})
    assert wrong["errors"][0]["extensions"]["code"] == "CURRENCY_CODE_INVALID"


def test_the_search_for_a_tag_lags(make_world: Any) -> None:
    world = make_world(index_lag=30)
    draft = create(world, tags=["Key-1"])["draftOrder"]["id"]
    assert search(world, "tag:key-1") == []
    world.clock.pass_(30)
    assert search(world, "tag:key-1") == [draft]
    assert search(world, "tag:key-2") == []
    world.data(COMPLETE, {"id": draft})
    assert search(world, "status:open tag:key-1") == [draft]
    world.clock.pass_(30)
    assert search(world, "status:open tag:key-1") == []
    assert search(world, "status:completed") == [draft]
    answer = world.graphql(SEARCH, {"q": "colour:red"})
    assert answer["extensions"]["search"][0]["warnings"][0]["field"] == "colour"


def test_invoices_and_deletion(world: Any) -> None:
    world.shop.subscribe("draft_orders/delete", "http://127.0.0.1/hook")
    draft = create(world)["draftOrder"]["id"]

    def send(number: Any, to: Any = None) -> Any:
        email = {"to": to} if to else None
        return world.data(INVOICE, {"id": number, "to": email})["draftOrderInvoiceSend"]

    assert send("gid://shopify/DraftOrder/1")["userErrors"][0]["message"] == "Draft order not found"
    assert send(draft)["userErrors"] == [{"field": None, "message": "To can't be blank"}]
    assert send(draft, "a@example.com")["draftOrder"]["status"] == "INVOICE_SENT"
    assert world.data(DELETE, {"id": draft})["draftOrderDelete"] == {"deletedId": draft, "userErrors": []}
    gone = world.data(DELETE, {"id": draft})["draftOrderDelete"]
    assert gone["userErrors"] == [{"field": ["id"], "message": "Draft order does not exist"}]
    world.run_due()
    assert world.inbox.bodies("draft_orders/delete") == [{"id": int(draft.rsplit("/", 1)[-1])}]
    other = create(world)["draftOrder"]["id"]
    world.data(COMPLETE, {"id": other})
    assert len(send(other)["userErrors"]) == 2
    assert search(world, "") == [other]
