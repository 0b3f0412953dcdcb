"""`customerUpdate` and `customerMerge` (API 2026-10)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.registry import mutation
from caseconnect_shopify.simulator.api.wire import address_of, number_of
from caseconnect_shopify.simulator.world import people
from caseconnect_shopify.simulator.world.records import Customer, gid
from caseconnect_shopify.simulator.world.system import Job

EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
PHONE = re.compile(r"^\+?[0-9 ()./-]{6,20}$")
PLAIN = {"firstName": "first_name", "lastName": "last_name", "note": "note", "email": "email", "phone": "phone"} | {
    "locale": "locale",
    "taxExempt": "tax_exempt",
}


def _no(field: list[str], message: str) -> dict[str, Any]:
    return {"customer": None, "userErrors": [{"field": field, "message": message}]}


def _problem(call: Call, customer: Customer, wanted: dict[str, Any]) -> dict[str, Any] | None:
    email = wanted.get("email")
    if email and not EMAIL.match(email):
        return _no(["email"], "Email is invalid")
    other = call.shop.customer_by_email(email) if email else None
    if other is not None and other is not customer:
        return _no(["email"], "Email has already been taken")
    if wanted.get("phone") and not PHONE.match(wanted["phone"]):
        return _no(["phone"], "Phone is invalid")
    return None


@mutation("customerUpdate")
def _update(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    wanted = args["input"]
    customer = call.shop.customers.get(number_of(wanted["id"], "Customer")) if wanted.get("id") else None
    if customer is None:
        return _no(["id"], "Customer does not exist")
    problem = _problem(call, customer, wanted)
    if problem:
        return problem
    for key, name in PLAIN.items():
        if key in wanted:
            setattr(customer, name, wanted[key])
    if "tags" in wanted:
        tags = [t.strip() for part in wanted["tags"] or () for t in part.split(",") if t.strip()]
        people.retag(call.shop, customer, list(dict.fromkeys(tags)))
    if wanted.get("addresses"):
        customer.addresses = [address_of(call.shop.next_id(), a) for a in wanted["addresses"]]
    people.changed(call.shop, customer)
    call.shop.effect(call.who, "customer_update", wanted["id"], changed=sorted(k for k in wanted if k != "id"))
    return {"customer": customer, "userErrors": []}


def _kept(one: Customer, two: Customer, override: dict[str, Any]) -> Customer:
    """Which of two customers stays (rules of `customerMerge`, 2026-10, as far as this shop knows them)."""
    wanted = override.get("customerIdOfEmailToKeep")
    if wanted:
        return one if wanted == gid("Customer", one.id) else two
    if bool(one.email) != bool(two.email):
        return one if one.email else two
    return one if one.state == "ENABLED" and two.state != "ENABLED" else two


@mutation("customerMerge")
def _merge(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    found = [call.shop.customers.get(number_of(args[k], "Customer")) for k in ("customerOneId", "customerTwoId")]
    one, two = found
    if one is None or two is None or one is two:
        field = "customerOneId" if one is None else "customerTwoId"
        error = {"field": [field], "message": "The customer ID is invalid.", "code": "INVALID_CUSTOMER_ID"}
        return {"job": None, "resultingCustomerId": None, "userErrors": [error]}
    if any(card.customer in {one, two} for card in call.shop.gift_cards.values() if card.customer):
        text = "The customer cannot be merged because it has associated gift cards."
        error = {"field": ["customerOneId"], "message": text, "code": "CUSTOMER_HAS_GIFT_CARDS"}
        return {"job": None, "resultingCustomerId": None, "userErrors": [error]}
    kept = _kept(one, two, args.get("overrideFields") or {})
    gone = two if kept is one else one
    shop, who = call.shop, call.who
    due = shop.now() + timedelta(seconds=shop.cancel_seconds)
    job = Job(gid("Job", shop.next_uuid()), 0, due, who, {"kept": kept.id, "gone": gone.id})
    shop.jobs[job.id] = job

    def finish() -> None:
        job.done = True
        if gone.id in shop.customers:
            people.merge(shop, kept, gone)
            shop.effect(who, "customer_merge", gid("Customer", kept.id), gone=gid("Customer", gone.id))

    shop.after(shop.cancel_seconds, finish)
    return {"job": job, "resultingCustomerId": gid("Customer", kept.id), "userErrors": []}
