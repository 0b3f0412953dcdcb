"""SCAPI Orders (admin) 1.5.2: what the specification documents, and nothing more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from caseconnect_sfcc.simulator.search.finding import WINDOW
from caseconnect_sfcc.simulator.world import moments, order_writes
from caseconnect_sfcc.simulator.world.attributes import JsonObject, wrong_type
from caseconnect_sfcc.simulator.world.orders import Order
from caseconnect_sfcc.simulator.world.refusals import Refused
from caseconnect_sfcc.simulator.world.statuses import ORDER_TARGETS, VALUES

from . import bodies
from .calls import NO_CONTENT, Answer, Call
from .scapi import SCAPI
from .shapes import camel, scapi_order

PATH = "/checkout/orders/orders"
READ, WRITE = "sfcc.orders", "sfcc.orders.rw"
_COMMON = {"site_required": True}
_SITE = frozenset({"siteId"})

STATUSES = tuple(target for target in ORDER_TARGETS if target != "open")
"""What `PUT …/status` takes; `open` is OCAPI's."""

_LISTS = {
    "status": ("status", ("new", "completed", "cancelled"), 2),
    "exportStatus": ("export", VALUES["export"], 3),
    "confirmationStatus": ("confirmation", VALUES["confirmation"], 1),
    "paymentStatus": ("payment", VALUES["payment"], 2),
    "shippingStatus": ("shipping", VALUES["shipping"], 2),
}
_DATES = ("creationDateFrom", "creationDateTo", "lastModifiedDateFrom", "lastModifiedDateTo")
_LISTING = frozenset({*_LISTS, *_DATES, "externalStatus", "sortBy", "sortOrder", "siteId", "limit", "offset"})


def _order(call: Call) -> Order:
    return call.instance.order(call.site, call.path["orderNo"])


@SCAPI.add("GET", PATH, "getOrders", scope=READ, query=_LISTING, **_COMMON)
def get_orders(call: Call) -> Answer:
    """The orders of a site. No total and no next link: a page shorter than the limit is the last."""
    limit = call.number("limit", 100, 1, 200)
    offset = call.number("offset", 0, 0, WINDOW)
    if limit + offset > WINDOW:
        text = f"The sum of 'offset' and 'limit' must not exceed {WINDOW}."
        raise Refused("value-constraint-violation", text, parameter="offset")
    tests = list(_filters(call))
    found = [scapi_order(each) for each in _page(call, lambda o: all(t(o) for t in tests), offset, limit)]
    return Answer({"data": found})


def _page(call: Call, test: Callable[[Order], bool], offset: int, limit: int) -> Iterator[Order]:
    """The page's orders, looked up in order of time so that a long list costs no more than its page."""
    by_change = _choice(call, "sortBy", ("creation_date", "last_modified_date")) == "last_modified_date"
    timeline = (call.instance.by_modified if by_change else call.instance.by_created)[call.site]
    name = "lastModifiedDate" if by_change else "creationDate"
    keys = timeline.between(_moment(call, f"{name}From"), _moment(call, f"{name}To"))
    if _choice(call, "sortOrder", ("desc", "asc")) == "desc":
        keys.reverse()
    for key in keys:
        order = call.instance.orders[key]
        if not test(order):
            continue
        if offset:
            offset -= 1
            continue
        yield order
        limit -= 1
        if not limit:
            return


def _filters(call: Call) -> Iterator[Callable[[Order], bool]]:
    for name, (attribute, allowed, most) in _LISTS.items():
        if name in call.query:
            yield _listed(attribute, _values(call, name, allowed, most))
    if "externalStatus" in call.query:
        yield _listed("external_status", [call.query["externalStatus"]])
    for attribute, prefix in (("created", "creationDate"), ("modified", "lastModifiedDate")):
        start, end = _moment(call, f"{prefix}From"), _moment(call, f"{prefix}To")
        if start is not None or end is not None:
            yield _dated(attribute, start, end)


def _listed(attribute: str, values: list[str]) -> Callable[[Order], bool]:
    # Orders in created or failed are no documented value of the filter; `open` shows as new.
    wanted = {*values, "open"} if attribute == "status" and "new" in values else set(values)
    return lambda order: getattr(order, attribute) in wanted


def _dated(attribute: str, start: datetime | None, end: datetime | None) -> Callable[[Order], bool]:
    def test(order: Order) -> bool:
        at: datetime = getattr(order, attribute)
        return (start is None or at >= start) and (end is None or at < end)

    return test


def _values(call: Call, name: str, allowed: tuple[str, ...], most: int) -> list[str]:
    values = call.query[name].split(",")
    wrong = [value for value in values if value not in allowed]
    if wrong or len(values) > most:
        said = (
            f"The query parameter '{name}' takes up to {most} of {', '.join(allowed)}; '{call.query[name]}' was sent."
        )
        raise Refused("value-constraint-violation", said, parameter=name)
    return values


def _choice(call: Call, name: str, allowed: tuple[str, ...]) -> str:
    value = call.query.get(name, allowed[0])
    if value not in allowed:
        said = f"The query parameter '{name}' takes one of {', '.join(allowed)}; '{value}' was sent."
        raise Refused("value-constraint-violation", said, parameter=name)
    return value


def _moment(call: Call, name: str) -> datetime | None:
    text = call.query.get(name)
    found = moments.parse(text)
    if text is not None and found is None:
        said = f"The value '{text}' of the query parameter '{name}' is no date and time."
        raise Refused("value-constraint-violation", said, parameter=name)
    return found


@SCAPI.add("POST", PATH, "createOrders", scope=WRITE, query=_SITE, **_COMMON)
def create_orders(call: Call) -> Answer:
    """Only a trusted system acting for a shopper may create orders; a token of Account Manager may not."""
    raise Refused("forbidden", "Orders are created with a shopper token (TSOB), not with an Account Manager token.")


@SCAPI.add("GET", f"{PATH}/{{orderNo}}", "getOrder", scope=READ, query=_SITE, **_COMMON)
def get_order(call: Call) -> Answer:
    """One order, whatever its status."""
    return Answer(scapi_order(_order(call)))


@SCAPI.add("PATCH", f"{PATH}/{{orderNo}}", "updateOrder", scope=WRITE, query=_SITE, **_COMMON)
def patch_order(call: Call) -> Answer:
    """Custom attributes only; `null` clears."""
    order = _order(call)
    order_writes.set_custom(call.instance, order, bodies.custom_only(call.document(), "order_update_request"), call.who)
    return NO_CONTENT


@SCAPI.add("PUT", f"{PATH}/{{orderNo}}/status", "updateOrderStatus", scope=WRITE, query=_SITE, **_COMMON)
def put_status(call: Call) -> Answer:
    """The order status; `failed_with_reopen` answers 201 and where the reopened basket is."""
    order = _order(call)
    body, _ = bodies.split(call.document(), ("status",), "order_status_update_request")
    target = bodies.one_of(body, "status", STATUSES, "order_status_update_request")
    changed = order_writes.set_status(call.instance, order, target, call.who)
    if changed and target == "failed_with_reopen":
        basket = f"{call.base}/checkout/shopper-baskets/v1/organizations/{call.instance.settings.organization}/baskets"
        return Answer(status=201, headers={"Location": f"{basket}/{call.instance.fresh_id('basket')}"})
    return NO_CONTENT


def _status_operation(path: str, name: str, attribute: str) -> None:
    where = f"order_{attribute}_status_update_request"

    @SCAPI.add("PUT", f"{PATH}/{{orderNo}}/{path}", name, scope=WRITE, query=_SITE, **_COMMON)
    def put(call: Call) -> Answer:
        order = _order(call)
        body, _ = bodies.split(call.document(), ("status",), where)
        value = bodies.one_of(body, "status", VALUES[attribute], where)
        order_writes.set_other_status(call.instance, order, attribute, value, call.who)
        return NO_CONTENT


_status_operation("confirmation-status", "updateOrderConfirmationStatus", "confirmation")
_status_operation("export-status", "updateOrderExportStatus", "export")
_status_operation("payment-status", "updateOrderPaymentStatus", "payment")
_status_operation("shipping-status", "updateOrderShippingStatus", "shipping")


@SCAPI.add(
    "PUT", f"{PATH}/{{orderNo}}/external-status", "updateOrderExternalStatus", scope=WRITE, query=_SITE, **_COMMON
)
def put_external(call: Call) -> Answer:
    """A free text of 1 to 256 characters."""
    order = _order(call)
    body, _ = bodies.split(call.document(), ("status",), "order_external_status_update_request")
    value = bodies.text(body.get("status"), "$.status", 256, shortest=1)
    order_writes.set_other_status(call.instance, order, "external_status", value, call.who)
    return NO_CONTENT


_INSTRUMENT = f"{PATH}/{{orderNo}}/payment-instruments/{{paymentInstrumentId}}"


@SCAPI.add("PATCH", _INSTRUMENT, "updateOrderPaymentInstrument", scope=WRITE, query=_SITE, **_COMMON)
def patch_payment(call: Call) -> Answer:
    """Custom attributes of a payment instrument."""
    return _patch_payment(call, transaction=False)


@SCAPI.add("PATCH", f"{_INSTRUMENT}/transaction", "updateOrderPaymentTransaction", scope=WRITE, query=_SITE, **_COMMON)
def patch_transaction(call: Call) -> Answer:
    """Custom attributes of a payment transaction."""
    return _patch_payment(call, transaction=True)


def _patch_payment(call: Call, *, transaction: bool) -> Answer:
    order = _order(call)
    found = order_writes.payment(order, call.path["paymentInstrumentId"])
    values = bodies.custom_only(call.document(), "payment_update_request")
    order_writes.set_payment_custom(call.instance, order, found, values, call.who, transaction=transaction)
    return NO_CONTENT


ADDRESS = tuple(
    camel(name)
    for name in (
        *("address1", "address2", "city", "company_name", "country_code", "first_name", "full_name", "job_title"),
        *("last_name", "phone", "post_box", "postal_code", "salutation", "second_name", "state_code", "suffix"),
        *("suite", "title"),
    )
)
"""The members of an order address, SCAPI names."""


def address(given: Mapping[str, Any]) -> JsonObject:
    """A checked address with SCAPI names: texts up to 256 characters, a two-letter country."""
    for name, value in given.items():
        bodies.text(value, f"$.{name}", 256)
    country = given.get("countryCode")
    if country is not None and not (len(country) == 2 and country.isascii() and country.isupper()):
        raise Refused(
            "property-constraint-violation", "The countryCode must be two capital letters.", path="$.countryCode"
        )
    return dict(given)


_SHIPMENT = f"{PATH}/{{orderNo}}/shipments/{{shipmentId}}/shipping-address"


@SCAPI.add("PUT", _SHIPMENT, "updateOrderShippingAddress", scope=WRITE, query=_SITE, **_COMMON)
def put_address(call: Call) -> Answer:
    """Replace a shipment's address."""
    order = _order(call)
    found = order_writes.shipment(order, call.path["shipmentId"])
    known, custom = bodies.split(call.document(), ADDRESS, "shipping_address_update_request")
    checked = call.instance.definitions.check(custom, "OrderAddress")
    order_writes.set_address(call.instance, order, found, {**address(known), **checked}, call.who)
    return NO_CONTENT


@SCAPI.add("POST", f"{PATH}/{{orderNo}}/oms-status-events", "createOmsStatusEvent", scope=WRITE, query=_SITE, **_COMMON)
def oms_event(call: Call) -> Answer:
    """An event that is only forwarded to subscribers; the order stays as it is."""
    body, _ = bodies.split(
        call.document(), ("omsOrderId", "fulfillmentEvent", "adjustment"), "oms_status_event_request"
    )
    if ("fulfillmentEvent" in body) == ("adjustment" in body):
        raise Refused("bad-request", "Exactly one of 'fulfillmentEvent' and 'adjustment' must be present.")
    name = "adjustment" if "adjustment" in body else "fulfillmentEvent"
    event = body[name]
    needed = ["id", "occurredAt", "type", "status" if name == "adjustment" else "lineItems"]
    if not isinstance(event, dict):
        raise wrong_type(f"$.{name}", "Object", event)
    if name == "fulfillmentEvent" and event.get("type") != "processing":
        needed += ["trackingNumber", "trackingUrl"]
    missing = [each for each in needed if each not in event]
    if missing:
        raise Refused("bad-request", f"The '{name}' lacks {', '.join(missing)}.")
    number = call.path["orderNo"]
    call.instance.order(call.site, number)
    call.instance.note(call.who, "order.oms_event", number, body)
    return Answer(status=202)
