"""Customers of lists, agents' views of them, and gift certificates as credit."""

from typing import Any

BASE = "customer/customers/customer-lists/RefArch"
GIFT = "pricing/gift-certificates/gift-certificates"


def fault(answer: Any) -> Any:
    return answer.status_code, answer.json()["fault"]["type"]


def slug(answer: Any) -> Any:
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


def customer(world: Any, **spec: Any) -> Any:
    made = {"number": "0001", "id": "cid1", "firstName": "Ann", "lastName": "Lee", "email": "ann@shop.example", **spec}
    answer = world.sim("customers", made)
    assert answer.status_code == 201, answer.text
    return answer.json()["number"]


def scapi(world: Any, method: Any, path: Any, body: Any = None) -> Any:
    return world.scapi(method, f"{BASE}{path}", body, site=None)


def test_a_profile_is_corrected(world: Any) -> None:
    customer(world, custom={"loyaltyPointsBalance": 10})
    body = {"phoneMobile": "2175550111", "firstName": None, "c_loyaltyPointsBalance": 250}
    shown = scapi(world, "PATCH", "/customers/0001", body).json()
    assert (shown["phoneMobile"], shown["lastName"], shown["c_loyaltyPointsBalance"]) == ("2175550111", "Lee", 250)
    assert "firstName" not in shown
    assert slug(scapi(world, "PATCH", "/customers/0001", {"phoneMobile": "1" * 33})) == (400, "constraint-violation")
    assert slug(scapi(world, "PATCH", "/customers/0001", {"colour": "red"})) == (400, "unknown-property")
    assert slug(scapi(world, "PATCH", "/customers/0001", {"c_colour": "red"})) == (400, "invalid-custom-property")
    assert slug(scapi(world, "GET", "/customers/0009")) == (404, "customer-not-found")
    gone = world.scapi("GET", "customer/customers/customer-lists/Nowhere/customers/1", site=None)
    assert slug(gone) == (404, "customer-list-not-found")
    assert gone.headers["content-type"] == "application/problem+json"
    path = "/customer_lists/RefArch/customers/0001"
    assert world.data("PATCH", path, {"credentials": {"login": "x", "enabled": False}}).status_code == 200
    shown = world.data("PATCH", path, {"credentials": {"locked": True}}).json()
    assert shown["credentials"] == {"login": "x", "enabled": False, "locked": True}
    assert fault(world.data("GET", "/customer_lists/RefArch/customers/9")) == (
        404,
        "CustomerListCustomerNotFoundException",
    )
    assert [each.changed for each in world.effects("customer.change")] == [True, True, True]


def test_customers_are_found_but_not_by_time(world: Any) -> None:
    for n in range(3):
        customer(world, number=f"000{n}", email=f"c{n}@shop.example", phoneHome="2175550100")
    query = {"termQuery": {"fields": ["phoneHome"], "operator": "is", "values": ["2175550100"]}}
    body = {"query": query, "sorts": [{"field": "customerNo", "sortOrder": "desc"}], "limit": 2}
    found = scapi(world, "POST", "/customer-search", body).json()
    assert [each["data"]["customerNo"] for each in found["hits"]] == ["0002", "0001"]
    assert (found["total"], found["limit"], found["offset"]) == (3, 2, 0)
    query = {"termQuery": {"fields": ["lastModified"], "operator": "greater", "values": ["2026-01-01T00:00:00Z"]}}
    assert slug(scapi(world, "POST", "/customer-search", {"query": query})) == (400, "unqueryable-field")
    words = {"text_query": {"fields": ["email", "last_name"], "search_phrase": "c1"}}
    found = world.data(
        "POST", "/customer_lists/RefArch/customer_search", {"query": words, "select": "(hits.(data.(customer_no)))"}
    )
    assert found.json()["hits"][0]["data"]["customer_no"] == "0001"


def test_an_agent_sees_a_customer_by_id_with_orders(world: Any) -> None:
    customer(world, addresses=[{"city": "Springfield"}], payments=[{"payment_instrument_id": "p1"}])
    mine = [world.order(customer={"customerNo": "0001", "email": "ann@shop.example"}, age_seconds=n) for n in range(3)]
    world.order(customer={"customerNo": "0002"})
    other = world.order(customer={"customerNo": "0001"}, site="RefArchGlobal")
    shown = world.shop("GET", "/customers/cid1").json()
    assert (shown["customer_no"], shown["email"], "addresses" in shown) == ("0001", "ann@shop.example", False)
    wide = world.shop("GET", "/customers/cid1", expand="addresses,paymentinstruments").json()
    assert (wide["addresses"][0]["city"], wide["payment_instruments"][0]["payment_instrument_id"]) == (
        "Springfield",
        "p1",
    )
    assert fault(world.shop("GET", "/customers/cid1", expand="cats")) == (400, "InvalidExpandValueException")
    assert fault(world.shop("GET", "/customers/0001")) == (404, "CustomerNotFoundException")
    page = world.shop("GET", "/customers/cid1/orders", count=2).json()
    assert [each["order_no"] for each in page["data"]] == mine[:2]
    assert (page["total"], "next" in page) == (3, True)
    everywhere = world.shop("GET", "/customers/cid1/orders", **{"cross-sites": "true"}).json()
    assert other in [each["order_no"] for each in everywhere["data"]]
    assert world.shop("GET", "/customers/cid1/orders", status="failed").json()["total"] == 0
    assert world.shop("GET", "/customers/cid1/payment_instruments").json()["count"] == 1


def test_addresses_have_etags_that_move(world: Any) -> None:
    customer(world, addresses=[{"addressId": "home", "city": "Springfield"}])
    before = scapi(world, "GET", "/customers/0001/addresses/home").json()
    world.time.pass_(1)
    after = scapi(world, "PATCH", "/customers/0001/addresses/home", {"city": "Portland"}).json()
    assert (before["city"], after["city"]) == ("Springfield", "Portland")
    assert before["etag"] != after["etag"]
    assert scapi(world, "GET", "/customers/0001/addresses").json()["total"] == 1
    assert slug(scapi(world, "GET", "/customers/0001/addresses/work")) == (404, "not-found")


def money(value: Any, currency: Any = "USD") -> Any:
    return {"currencyMnemonic": currency, "value": value}


def test_a_gift_certificate_is_made_once_and_its_amount_stays(world: Any) -> None:
    body = {"amount": money(12.5), "recipientEmail": "ann@shop.example", "merchantId": "case-1", "orderNo": "1"}
    made = world.scapi("PUT", GIFT, body).json()
    assert (made["amount"], made["balance"], made["status"]) == (money(12.5), money(12.5), "issued")
    assert made["maskedGiftCertificateCode"].startswith("*")
    assert slug(world.scapi("PUT", GIFT, body)) == (400, "merchant-id-not-unique")
    assert slug(world.scapi("PATCH", f"{GIFT}/case-1", {"amount": money(99)})) == (400, "invalid")
    assert world.scapi("PATCH", f"{GIFT}/case-1", {"enabled": False}).json()["enabled"] is False
    assert slug(world.scapi("PUT", GIFT, {**body, "merchantId": "b", "amount": money(0)})) == (400, "invalid")
    wrong = {**body, "merchantId": "b", "recipientEmail": "nobody"}
    assert slug(world.scapi("PUT", GIFT, wrong)) == (400, "invalid-recipient-email")
    assert slug(world.scapi("PUT", GIFT, {**body, "merchantId": "b", "status": "redeemed"})) == (400, "invalid-status")
    assert slug(world.scapi("GET", f"{GIFT}/none")) == (404, "not-found")
    effects = world.effects("certificate.create")
    assert [(each.args["amount"], each.args["currency"]) for each in effects] == [("12.5", "USD")]


def test_without_a_merchant_id_each_post_makes_another(world: Any) -> None:
    path = "/sites/RefArch/gift_certificates"
    body = {"amount": {"currency_mnemonic": "EUR", "value": 5}, "recipient_email": "ann@shop.example"}
    first, second = (world.data("POST", path, body).json() for _ in range(2))
    assert first["merchant_id"] != second["merchant_id"]
    assert first["amount"]["currency_mnemonic"] == "EUR"
    assert len(world.effects("certificate.create")) == 2
    query = {"query": {"termQuery": {"fields": ["status"], "operator": "is", "values": ["issued"]}}}
    assert world.scapi("POST", GIFT, query).json()["total"] == 2
    assert world.scapi("DELETE", f"{GIFT}/{first['merchant_id']}").status_code == 204
    assert world.scapi("DELETE", f"{GIFT}/{first['merchant_id']}").status_code == 204
    assert fault(world.data("GET", f"{path}/{first['merchant_id']}")) == (404, "GiftCertificateNotFoundException")
