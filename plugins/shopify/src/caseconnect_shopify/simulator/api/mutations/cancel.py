"""`orderCancel` (API 2026-10): taken on at once, done later; `jobResult` exists from this version on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.registry import mutation
from caseconnect_shopify.simulator.api.wire import number_of
from caseconnect_shopify.simulator.world import cancellation
from caseconnect_shopify.simulator.world.records import Order
from caseconnect_shopify.simulator.world.system import Job


def _answer(errors: list[dict[str, Any]], job: Job | None = None, call: Call | None = None) -> dict[str, Any]:
    plain = [{"field": e["field"], "message": e["message"]} for e in errors]
    return {
        "job": job,
        "jobResult": _result(call, job) if job and call else None,
        "orderCancelUserErrors": errors,
        "userErrors": plain,
    }


def _error(path: str, message: str, code: str) -> dict[str, Any]:
    return {"field": [path], "message": message, "code": code}


def _result(call: Call, job: Job) -> dict[str, Any]:
    status = "STARTED" if not job.done else "FAILED" if job.errors else "SUCCEEDED"
    found = {"__typename": "OrderCancelJobResult", "id": job.id.replace("/Job/", "/OrderCancelJobResult/")}
    return found | {"done": job.done, "errors": job.errors, "status": status, "order": call.shop.orders[job.order_id]}


def _order_refusal(order: Order) -> dict[str, Any] | None:
    reason = cancellation.refusal(order)
    return _error("orderId", reason, "INVALID") if reason else None


def _argument_refusal(
    call: Call, args: dict[str, Any], method: dict[str, Any] | None, order: Order
) -> dict[str, Any] | None:
    if args.get("refund") is not None and method is not None:
        return _error("refund", "Only one of the arguments `refund` or `refund_method` is allowed.", "INVALID")
    if len(args.get("staffNote") or "") > cancellation.NOTE_LENGTH:
        text = f"Staff note is too long. Maximum length is {cancellation.NOTE_LENGTH} characters."
        return _error("staffNote", text, "INVALID")
    if not method or method.get("storeCreditRefund") is None:
        return None
    if order.customer is None:
        text = "Store credit refunds need a customer."
        return _error("refundMethod", text, "STORE_CREDIT_REFUND_MISSING_CUSTOMER")
    until = method["storeCreditRefund"].get("expiresAt")
    if until and datetime.fromisoformat(until) <= call.shop.now():
        text = "Store credit expiration date must be in the future."
        return _error("refundMethod", text, "STORE_CREDIT_REFUND_EXPIRATION_IN_PAST")
    return None


@mutation("orderCancel")
def _cancel(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    order = call.shop.orders.get(number_of(args["orderId"], "Order"))
    if order is None:
        return _answer([_error("orderId", "Order does not exist", "NOT_FOUND")])
    method = args.get("refundMethod")
    refusal = _argument_refusal(call, args, method, order) or _order_refusal(order)
    if refusal:
        return _answer([refusal])
    credit = (method or {}).get("storeCreditRefund")
    refund = bool(args.get("refund") or (method or {}).get("originalPaymentMethodsRefund") or credit is not None)
    wanted = {
        "reason": args["reason"],
        "restock": args["restock"],
        "refund": refund,
        "staffNote": args.get("staffNote"),
    }
    if credit is not None:
        wanted["storeCredit"] = credit.get("expiresAt")
    job = cancellation.begin(call.shop, order, call.who, wanted | {"notifyCustomer": bool(args.get("notifyCustomer"))})
    return _answer([], job, call)
