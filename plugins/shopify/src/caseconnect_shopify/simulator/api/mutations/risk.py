"""`orderRiskAssessmentCreate` (API 2026-10): an app's own view of an order's risk, for offline tokens only."""

from __future__ import annotations

from typing import Any

from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.registry import mutation
from caseconnect_shopify.simulator.api.wire import number_of
from caseconnect_shopify.simulator.world import money, orders
from caseconnect_shopify.simulator.world.records import gid

MAX_FACTS = 20


@mutation("orderRiskAssessmentCreate")
def _create(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    wanted = args["orderRiskAssessmentInput"]
    order = call.shop.orders.get(number_of(wanted["orderId"], "Order"))
    if order is None:
        return _no("orderId", "The record with the ID used as the input value couldn't be found.", "NOT_FOUND")
    if len(wanted["facts"]) > MAX_FACTS:
        return _no(
            "facts", f"More than {MAX_FACTS} facts were provided for the order risk assessment.", "TOO_MANY_FACTS"
        )
    if money.fulfillment_status(order) == "FULFILLED":
        text = "The order is marked as fulfilled and can no longer accept new order risk assessments."
        return _no("orderId", text, "ORDER_ALREADY_FULFILLED")
    spec = {"level": wanted["riskLevel"], "provider": call.shop.app_title, "provider_id": call.shop.app_id}
    made = orders.assess(call.shop, order, spec | {"facts": wanted["facts"], "recommendation": order.recommendation})
    call.shop.effect(
        call.who,
        "risk_assessment",
        gid("Order", order.id),
        order=gid("Order", order.id),
        level=made.level,
        facts=[description for description, _ in made.facts],
    )
    return {"orderRiskAssessment": made, "userErrors": []}


def _no(name: str, message: str, code: str) -> dict[str, Any]:
    error = {"field": ["orderRiskAssessmentInput", name], "message": message, "code": code}
    return {"orderRiskAssessment": None, "userErrors": [error]}
