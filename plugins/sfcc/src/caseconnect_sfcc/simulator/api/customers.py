"""Customers: SCAPI Customers 1.1.3, OCAPI Data 25.6, and what OCAPI Shop shows an agent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from caseconnect_sfcc.simulator.search.finding import read_search
from caseconnect_sfcc.simulator.search.index import Document
from caseconnect_sfcc.simulator.search.records import CUSTOMER_FIELDS, customer_document, renamed, respelled
from caseconnect_sfcc.simulator.world import moments
from caseconnect_sfcc.simulator.world.attributes import JsonObject, shown
from caseconnect_sfcc.simulator.world.customer_writes import (
    READ_ONLY,
    TEXTS,
    WRITABLE,
    add_customer,
    by_id,
    change_customer,
    check_list,
    customer,
)
from caseconnect_sfcc.simulator.world.people import Customer
from caseconnect_sfcc.simulator.world.refusals import Refused

from . import bodies
from .calls import NO_CONTENT, Answer, Call
from .ocapi import DATA, SHOP, check_state, resource_state
from .scapi import SCAPI
from .select import check_selector, selected
from .shapes import cameled, ocapi_order, plain, snake, snaked
from .shop_orders import SEARCH_MEMBERS, result_head

LIST = "/customer/customers/customer-lists/{customerListId}"
PATH = f"{LIST}/customers/{{customerNo}}"
READ, WRITE = "sfcc.customerlists", "sfcc.customerlists.rw"


def _document(found: Customer) -> JsonObject:
    body = {
        "customerNo": found.number,
        "customerId": found.id,
        "creationDate": found.created,
        "lastModified": found.modified,
        **found.profile,
        **({"primaryAddress": found.addresses[0]} if found.addresses else {}),
        **shown(found.custom),
    }
    shaped: JsonObject = plain(body)
    return shaped


def _customer(call: Call) -> Customer:
    return customer(call.instance, call.path["customerListId"], call.path["customerNo"])


def _checked(known: JsonObject) -> JsonObject:
    for name, value in known.items():
        if name in TEXTS and value is not None:
            bodies.text(value, f"$.{name}", 32 if name.startswith("phone") or name == "fax" else 256)
    return {name: value for name, value in known.items() if name in WRITABLE}


def _body(call: Call) -> tuple[JsonObject, JsonObject]:
    known, custom = bodies.split(call.document(), {*WRITABLE, *READ_ONLY}, "customer")
    return _checked(known), custom


@SCAPI.add("GET", PATH, "getCustomer", scope=READ)
def get_customer(call: Call) -> Answer:
    """One customer."""
    return Answer(_document(_customer(call)))


@SCAPI.add("PATCH", PATH, "updateCustomer", scope=WRITE)
def patch_customer(call: Call) -> Answer:
    """Change a customer; answers it."""
    found = _customer(call)
    change_customer(call.instance, found, *_body(call), call.who)
    return Answer(_document(found))


@SCAPI.add("PUT", PATH, "createOrReplaceCustomer", scope=WRITE)
def put_customer(call: Call) -> Answer:
    """Make a customer with a given number, or replace the profile of one."""
    list_id, number = call.path["customerListId"], call.path["customerNo"]
    check_list(call.instance, list_id)
    values, custom = _body(call)
    found = call.instance.customers.get((list_id, number))
    status = 200 if found else 201
    if found is None:
        found = add_customer(call.instance, list_id, number, values, call.who)
    change_customer(call.instance, found, {**dict.fromkeys(found.profile), **values}, custom, call.who)
    return Answer(_document(found), status)


@SCAPI.add("DELETE", PATH, "deleteCustomer", scope=WRITE)
def delete_customer(call: Call) -> Answer:
    """Delete a customer."""
    found = _customer(call)
    del call.instance.customers[found.list_id, found.number]
    call.instance.note(call.who, "customer.delete", f"{found.list_id}/{found.number}")
    return NO_CONTENT


@SCAPI.add("POST", f"{LIST}/customers", "createCustomerInCustomerList", scope=WRITE)
def post_customer(call: Call) -> Answer:
    """Make a customer; the platform gives the number."""
    list_id = call.path["customerListId"]
    check_list(call.instance, list_id)
    values, custom = _body(call)
    made = add_customer(call.instance, list_id, call.instance.fresh_id("number", 8), values, call.who)
    if custom:
        change_customer(call.instance, made, {}, custom, call.who)
    return Answer(_document(made))


@SCAPI.add("POST", f"{LIST}/customer-search", "searchCustomers", scope=READ)
def search_customers(call: Call) -> Answer:
    """Search a list."""
    list_id = call.path["customerListId"]
    check_list(call.instance, list_id)
    body, _ = bodies.split(call.document(), ("query", "sorts", "limit", "offset"), "search_request")
    page = read_search(body, CUSTOMER_FIELDS, camel=True).page(_documents(call, list_id))
    hits = [{"data": _document(call.instance.customers[list_id, key]), "relevance": 1.0} for key in page.keys]
    head = {"limit": page.count, "offset": page.start, "total": page.total, "query": body["query"]}
    return Answer({**head, **({"sorts": body["sorts"]} if "sorts" in body else {}), "hits": hits})


def _documents(call: Call, list_id: str) -> Iterator[tuple[str, Document]]:
    for (owner, number), found in sorted(call.instance.customers.items()):
        if owner == list_id:
            yield number, customer_document(found)


_ADDRESSES = f"{PATH}/addresses"
ADDRESS = (
    *("address1", "address2", "addressId", "city", "companyName", "countryCode", "creationDate", "etag", "firstName"),
    *("fullName", "jobTitle", "lastModified", "lastName", "phone", "postBox", "postalCode", "salutation"),
    *("secondName", "stateCode", "suffix", "suite", "title"),
)


@SCAPI.add("GET", _ADDRESSES, "getCustomerAddresses", scope=READ, query=frozenset({"limit", "offset"}))
def get_addresses(call: Call) -> Answer:
    """The addresses of a customer."""
    limit, offset = call.number("limit", 10, 1, 200), call.number("offset", 0, 0, 10_000)
    found = _customer(call).addresses
    return Answer({"limit": limit, "offset": offset, "total": len(found), "data": found[offset : offset + limit]})


def _address(call: Call, found: Customer) -> JsonObject:
    for each in found.addresses:
        if each["addressId"] == call.path["addressId"]:
            return each
    text = f"No address with ID '{call.path['addressId']}' could be found."
    raise Refused("address-not-found", text, addressId=call.path["addressId"])


@SCAPI.add("GET", f"{_ADDRESSES}/{{addressId}}", "getCustomerAddress", scope=READ)
def get_address(call: Call) -> Answer:
    """One address."""
    return Answer(_address(call, _customer(call)))


@SCAPI.add("PATCH", f"{_ADDRESSES}/{{addressId}}", "updateCustomerAddress", scope=WRITE)
def patch_address(call: Call) -> Answer:
    """Change an address; its etag moves on."""
    found = _customer(call)
    kept = _address(call, found)
    known, custom = bodies.split(call.document(), ADDRESS, "customer_address")
    call.instance.definitions.check(custom, "CustomerAddress")
    for name, value in known.items():
        bodies.text(value, f"$.{name}", 256)
    now = call.instance.now()
    kept |= {**known, **custom, "lastModified": moments.stamp(now), "etag": call.instance.fresh_id("etag")}
    found.modified = now
    target = f"{found.list_id}/{found.number}"
    call.instance.note(call.who, "customer.address", target, {"addressId": kept["addressId"]})
    return Answer(dict(kept))


DATA_PATH = "/customer_lists/{list_id}/customers/{customer_no}"


def _nested(body: JsonObject) -> JsonObject:
    for name in ("credentials", "primary_address"):
        if name in body:
            body[name] = snaked(body[name])
    return body


def _ocapi(found: Customer) -> JsonObject:
    state = resource_state(found.revision, found.number)
    return {"_type": "customer", "_resource_state": state, **_nested(snaked(_document(found)))}


@DATA.add("GET", DATA_PATH, "data.get_customer")
def data_get(call: Call) -> Answer:
    """One customer."""
    return Answer(_ocapi(customer(call.instance, call.path["list_id"], call.path["customer_no"])))


@DATA.add("PATCH", DATA_PATH, "data.patch_customer")
def data_patch(call: Call) -> Answer:
    """Change a customer; answers it."""
    found = customer(call.instance, call.path["list_id"], call.path["customer_no"])
    check_state(call, found.revision, found.number)
    known, custom = bodies.split(call.document(), {snake(name) for name in (*WRITABLE, *READ_ONLY)}, "customer")
    values: JsonObject = cameled(known)
    if isinstance(values.get("credentials"), dict):
        values["credentials"] = cameled(values["credentials"])
    change_customer(call.instance, found, _checked(values), custom, call.who)
    return Answer(_ocapi(found))


@DATA.add("POST", "/customer_lists/{list_id}/customer_search", "data.search_customers")
def data_search(call: Call) -> Answer:
    """Search a list."""
    list_id = call.path["list_id"]
    check_list(call.instance, list_id)
    body, _ = bodies.split(call.document(), SEARCH_MEMBERS, "search_request")
    asked = read_search(body, renamed(CUSTOMER_FIELDS, snake), camel=False)
    selector = check_selector(body.get("select"))
    page = asked.page((key, respelled(found, snake)) for key, found in _documents(call, list_id))
    hits: list[Any] = [
        {"_type": "customer_search_hit", "relevance": 1.0, "data": _ocapi(call.instance.customers[list_id, key])}
        for key in page.keys
    ]
    result = {**result_head("customer_search_result", page, body), "hits": hits}
    return Answer(selected(result, selector) if selector else result)


@SHOP.add("GET", "/customers/{customer_id}", "shop.get_customer")
def shop_get(call: Call) -> Answer:
    """A customer by id (not by number), with addresses and cards on request."""
    found = by_id(call.instance, call.site, call.path["customer_id"])
    body = _ocapi(found)
    credentials = body.pop("credentials", {})
    body.pop("primary_address", None)
    body |= {"auth_type": "registered", "login": credentials.get("login"), "enabled": credentials.get("enabled", True)}
    expansions = [each for each in call.query.get("expand", "").split(",") if each]
    for expansion in expansions:
        if expansion not in {"addresses", "paymentinstruments"}:
            text = f"The expand value '{expansion}' is invalid."
            raise Refused("invalid-expand-value", text, expandValue=expansion)
    if "addresses" in expansions:
        body["addresses"] = [snaked(each) for each in found.addresses]
    if "paymentinstruments" in expansions:
        body["payment_instruments"] = found.payments
    return Answer({name: value for name, value in body.items() if value is not None})


@SHOP.add("GET", "/customers/{customer_id}/payment_instruments", "shop.get_customer_payments")
def shop_payments(call: Call) -> Answer:
    """The saved payment instruments."""
    found = by_id(call.instance, call.site, call.path["customer_id"]).payments
    head = {"_type": "customer_payment_instrument_result", "count": len(found), "start": 0, "total": len(found)}
    return Answer({**head, "data": found})


@SHOP.add("GET", "/customers/{customer_id}/orders", "shop.get_customer_orders")
def shop_orders(call: Call) -> Answer:
    """The orders of a customer, newest first."""
    found = by_id(call.instance, call.site, call.path["customer_id"])
    start, count = call.number("start", 0, 0, 10_000), call.number("count", 10, 1, 200)
    statuses = [each for each in call.query.get("status", "").split(",") if each]
    everywhere = call.query.get("cross-sites", "false") == "true"
    low, high = (moments.parse(call.query.get(name)) for name in ("from", "until"))
    orders = [
        order
        for order in call.instance.orders.values()
        if order.customer.get("customerNo") == found.number
        and (everywhere or order.site == call.site)
        and (not statuses or order.status in statuses)
        and (low is None or order.created >= low)
        and (high is None or order.created <= high)
    ]
    orders.sort(key=lambda order: order.created, reverse=True)
    base = f"{call.base}/s/{call.site}/dw/shop/v{call.version.replace('.', '_')}"
    page = [ocapi_order(order, base) for order in orders[start : start + count]]
    result: JsonObject = {"_type": "customer_order_result", "count": len(page), "start": start, "total": len(orders)}
    if start + count < len(orders):
        result["next"] = f"{base}/customers/{found.id}/orders?start={start + count}&count={count}"
    return Answer({**result, "data": page})
