"""Salesforce's own SDK (commerce-sdk) works with the simulated SCAPI, and is refused what the real one refuses."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx  # noqa: TID251 - a client that shares nothing with ours
import pytest

NPM = "commerce-sdk@6.6.0"
SCOPES = ("orders.rw", "customerlists.rw", "products.rw", "gift-certificates.rw")


@pytest.fixture(scope="module")
def sdk(npm: Any) -> Any:
    """A folder with the SDK and our script."""
    folder = npm("commerce", NPM)
    shutil.copy(Path(__file__).parent / "node" / "commerce.mjs", folder)
    return folder


@pytest.fixture
def base() -> Any:
    """The address of a simulator that runs as a process of its own."""
    command = [sys.executable, "-m", "caseconnect_sfcc.simulator", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


def token(base: Any, scopes: Any = SCOPES) -> Any:
    scope = " ".join(["SALESFORCE_COMMERCE_API:zzxy_prd", *(f"sfcc.{each}" for each in scopes)])
    form = {"grant_type": "client_credentials", "scope": scope}
    auth = ("scapi-client", "scapi-secret")
    return httpx.post(f"{base}/dwsso/oauth2/access_token", data=form, auth=auth).json()["access_token"]


def drive(folder: Any, base: Any, calls: Any) -> Any:
    asked = {"base": base, "organization": "f_ecom_zzxy_prd", "site": "RefArch", "token": token(base), "calls": calls}
    done = subprocess.run(
        ["node", "commerce.mjs"],
        cwd=folder,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {line["name"]: line for line in map(json.loads, done.stdout.splitlines())}


def call(name: Any, api: Any, method: Any, body: Any = None, **parameters: Any) -> Any:
    made = {"name": name, "api": api, "method": method, "parameters": parameters}
    return made if body is None else {**made, "body": body}


def sim(base: Any, path: Any, body: Any) -> Any:
    answer = httpx.post(f"{base}/_sim/{path}", json=body)
    assert answer.is_success, answer.text
    return answer.json()


def test_orders_are_listed_read_and_changed(sdk: Any, base: Any) -> None:
    number = sim(base, "orders", {"situation": "fraud_review"})["orderNo"]
    failed = sim(base, "orders", {"situation": "payment_failed"})["orderNo"]
    one = {"orderNo": number}
    statuses = {
        "updateOrderConfirmationStatus": "confirmed",
        "updateOrderExportStatus": "ready",
        "updateOrderPaymentStatus": "part_paid",
        "updateOrderShippingStatus": "part_shipped",
        "updateOrderExternalStatus": "in review",
        "updateOrderStatus": "completed",
    }
    instrument = {**one, "paymentInstrumentId": f"{number}-M1"}
    event = {"id": "e1", "occurredAt": "2026-11-03T09:00:00Z", "type": "refund", "status": "completed"}
    listing = {"sortBy": "last_modified_date", "sortOrder": "asc", "exportStatus": ["not_exported", "failed"]}
    found = drive(
        sdk,
        base,
        [
            call("list", "Orders", "getOrders", limit=5, lastModifiedDateFrom="2026-01-01T00:00:00.000Z", **listing),
            call("read", "Orders", "getOrder", **one),
            call("patch", "Orders", "updateOrder", {"c_caseconnectCase": "C-1"}, **one),
            call("instrument", "Orders", "updateOrderPaymentInstrument", {"c_issuerBank": "A bank"}, **instrument),
            call("transaction", "Orders", "updateOrderPaymentTransaction", {"c_authResult": "OK"}, **instrument),
            call("address", "Orders", "updateOrderShippingAddress", {"city": "Bonn"}, **one, shipmentId="me"),
            call("event", "Orders", "createOmsStatusEvent", {"adjustment": event}, **one),
            *(call(method, "Orders", method, {"status": value}, **one) for method, value in statuses.items()),
            call("reopen", "Orders", "updateOrderStatus", {"status": "created"}, orderNo=failed),
            call("again", "Orders", "getOrder", **one),
        ],
    )
    assert all("error" not in line for line in found.values()), found
    assert [order["orderNo"] for order in found["list"]["body"]["data"]] == [number, failed]
    assert found["read"]["body"]["confirmationStatus"] == "not_confirmed"
    assert {found[name]["status"] for name in ("patch", "instrument", "transaction", "address", *statuses)} == {204}
    assert found["event"]["status"] == 202
    order = found["again"]["body"]
    assert (order["c_caseconnectCase"], order["status"], order["exportStatus"]) == ("C-1", "completed", "ready")
    assert order["shipments"][0]["shippingAddress"]["city"] == "Bonn"
    assert order["externalOrderStatus"] == "in review"


def test_customers_products_and_gift_certificates(sdk: Any, base: Any) -> None:
    sim(base, "customers", {"number": "0001", "email": "a@shop.example"})
    sim(base, "products", {"id": "mug", "name": "Mug"})
    query = {"termQuery": {"fields": ["email"], "operator": "is", "values": ["a@shop.example"]}}
    shopper = {"customerListId": "RefArch", "customerNo": "0001"}
    customer = {"customerNo": "0001", "lastName": "Sun", "c_vip": True}
    money = {
        "amount": {"currencyMnemonic": "USD", "value": 25.5},
        "recipientEmail": "a@shop.example",
        "merchantId": "G1",
    }
    found = drive(
        sdk,
        base,
        [
            call("search", "Customers", "searchCustomerInCustomerList", {"query": query}, customerListId="RefArch"),
            call("correct", "Customers", "updateCustomerInCustomerList", customer, **shopper),
            call("customer", "Customers", "getCustomerFromCustomerList", **shopper),
            call("hide", "Products", "updateProduct", {"id": "mug", "onlineFlag": {"RefArch": False}}, productId="mug"),
            call("product", "Products", "getProduct", productId="mug"),
            call("make", "GiftCertificates", "createGiftCertificate", money),
            call("certificate", "GiftCertificates", "getGiftCertificate", merchantId="G1"),
        ],
    )
    assert all("error" not in line for line in found.values()), found
    assert [hit["data"]["customerNo"] for hit in found["search"]["body"]["hits"]] == ["0001"]
    assert (found["customer"]["body"]["lastName"], found["customer"]["body"]["c_vip"]) == ("Sun", True)
    assert found["product"]["body"]["online"] is False
    assert found["certificate"]["body"]["balance"] == money["amount"]


def test_what_is_refused_is_refused_to_the_sdk(sdk: Any, base: Any) -> None:
    number = sim(base, "orders", {})["orderNo"]
    reading = token(base, ("orders",))
    found = drive(
        sdk,
        base,
        [
            {**call("token", "Orders", "getOrder", orderNo=number), "token": "wrong"},
            {**call("scope", "Orders", "updateOrder", {"c_caseconnectCase": "C-1"}, orderNo=number), "token": reading},
            call("absent", "Orders", "getOrder", orderNo="none"),
            call("plain", "Orders", "updateOrder", {"status": "cancelled"}, orderNo=number),
            call("transition", "Orders", "updateOrderStatus", {"status": "failed"}, orderNo=number),
            call("window", "Orders", "getOrders", limit=200, offset=9_900),
            call("field", "Products", "searchProducts", {"query": {"termQuery": {"fields": ["x"], "operator": "is"}}}),
        ],
    )
    assert {name: line["status"] for name, line in found.items()} == {
        "token": 401,
        "scope": 403,
        "absent": 404,
        "plain": 400,
        "transition": 409,
        "window": 400,
        "field": 400,
    }
    assert all("error" in line and line["body"]["type"].startswith("https://") for line in found.values())
