"""Customers and their history in the shop; on which terms they buy."""

from __future__ import annotations

from typing import Any

from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.paging import Page, in_order
from caseconnect_shopify.simulator.api.registry import field, fields
from caseconnect_shopify.simulator.api.wire import amount_in, when
from caseconnect_shopify.simulator.world import money
from caseconnect_shopify.simulator.world import orders as world_orders
from caseconnect_shopify.simulator.world.records import Customer, Order, gid

from .roots import search_orders


def _company(order: Order) -> dict[str, Any]:
    company = {"__typename": "Company", "id": gid("Company", order.id), "name": order.company}
    return {"__typename": "PurchasingCompany", "company": company}


def _terms(order: Order) -> dict[str, Any]:
    name, kind, days = order.payment_terms or ("", "", None)
    owed = money.outstanding(order) > 0
    terms = {"paymentTermsName": name, "translatedName": name, "paymentTermsType": kind, "dueInDays": days}
    return {"id": gid("PaymentTerms", order.id), "order": order, "due": owed, "overdue": False} | terms


fields(
    "Order",
    purchasingEntity=lambda o: _company(o) if o.company else o.customer,
    paymentTerms=lambda o: _terms(o) if o.payment_terms else None,
)
fields(
    "Customer",
    Customer,
    id=lambda c: gid("Customer", c.id),
    legacyResourceId=lambda c: str(c.id),
    createdAt=lambda c: when(c.created_at),
    updatedAt=lambda c: when(c.updated_at),
    firstName=lambda c: c.first_name,
    lastName=lambda c: c.last_name,
    displayName=lambda c: " ".join(p for p in (c.first_name, c.last_name) if p) or c.email or "Customer",
    email=lambda c: c.email,
    phone=lambda c: c.phone,
    defaultEmailAddress=lambda c: (
        {"emailAddress": c.email, "validFormat": "@" in c.email, "marketingState": "NOT_SUBSCRIBED"}
        if c.email
        else None
    ),
    defaultPhoneNumber=lambda c: {"phoneNumber": c.phone, "marketingState": "NOT_SUBSCRIBED"} if c.phone else None,
    note=lambda c: c.note,
    tags=lambda c: sorted(c.tags),
    verifiedEmail=lambda c: c.verified_email,
    validEmailAddress=lambda c: bool(c.email),
    state=lambda c: c.state,
    locale=lambda c: c.locale,
    taxExempt=lambda c: c.tax_exempt,
    taxExemptions=lambda c: [],
    canDelete=lambda c: not c.order_ids,
    dataSaleOptOut=lambda c: False,
    multipassIdentifier=lambda c: None,
    defaultAddress=lambda c: c.addresses[0] if c.addresses else None,
    mergeable=lambda c: {"isMergeable": True, "errorFields": [], "reason": None},
    productSubscriberStatus=lambda c: "NEVER_SUBSCRIBED",
    lifetimeDuration=lambda c: "less than a year",
    hasTimelineComment=lambda c: False,
)


@field("Customer", "statistics")
def _statistics(customer: Customer, args: dict[str, Any], call: Call) -> dict[str, Any]:
    orders, spent = world_orders.spent(call.shop, customer)
    tier = "HIGH" if spent >= 1000 else "MEDIUM" if spent >= 200 else "LOW"
    return {"predictedSpendTier": tier if orders else None, "rfmGroup": "LOYAL" if orders >= 5 else "NEW"}


@field("Customer", "numberOfOrders")
def _number(customer: Customer, args: dict[str, Any], call: Call) -> str:
    return str(world_orders.spent(call.shop, customer)[0])


@field("Customer", "amountSpent")
def _spent(customer: Customer, args: dict[str, Any], call: Call) -> dict[str, Any]:
    return amount_in(call.shop.currency, world_orders.spent(call.shop, customer)[1])


@field("Customer", "lastOrder")
def _last(customer: Customer, args: dict[str, Any], call: Call) -> Order | None:
    own = [call.shop.orders[i] for i in customer.order_ids]
    return max(own, key=lambda o: (o.created_at, o.id), default=None)


@field("Customer", "orders")
def _orders(customer: Customer, args: dict[str, Any], call: Call) -> Page:
    text = f"customer_id:{customer.id} {args.get('query') or ''}"
    return search_orders(call, args | {"query": text}, "orders")


@field("Customer", "addresses")
def _addresses(customer: Customer, args: dict[str, Any], call: Call) -> list[Any]:
    return customer.addresses[: args.get("first") or None]


@field("Customer", "addressesV2")
def _addresses_page(customer: Customer, args: dict[str, Any], call: Call) -> Page:
    return in_order(customer.addresses, args)
