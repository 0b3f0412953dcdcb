"""The control API under `/_sim/`: plays customers, staff, banks and carriers, plans faults, shows what happened."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import oauth
from .world import cancellation, disputes, fulfilment, money, orders, payments, people, staff
from .world.drafts import Draft
from .world.records import Order, gid
from .world.shop import Shop
from .world.specs import SpecError, only

Finder = Callable[[Request], Shop | None]
Step = Callable[[Shop, Order, dict[str, Any]], Any]
_SWITCHES_WORDS = """
    personal_data cancel_seconds token_life installed same_organization scopes index_lag slow_refunds
    idempotency_errors file_seconds bulk_seconds bulk_outcome
"""
SWITCHES = frozenset(_SWITCHES_WORDS.split())
SHOWN = 100

STEPS: dict[str, Step] = {
    "transactions": payments.add,
    "risk": orders.assess,
    "fulfill": fulfilment.fulfill,
    "cancel": cancellation.by_hand,
    "edit": orders.edit,
    "hold": fulfilment.hold_by_hand,
    "release": lambda shop, order, spec: fulfilment.release_by_hand(shop, order),
    "refund": payments.refund,
    "events": fulfilment.carrier_event,
    "returns": staff.ask_return,
    "disputes": disputes.open_,
    "move": staff.move_goods,
    "split": staff.split_goods,
    "progress": staff.begin_work,
}


def plain(value: Any) -> Any:
    """A record as JSON can hold it: money as strings, times as ISO 8601."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, dict):
        return {k if isinstance(k, str) else "/".join(map(str, k)): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def summary(order: Order) -> dict[str, Any]:
    """An order in one line of the state."""
    return {
        "id": str(order.id),
        "admin_graphql_api_id": gid("Order", order.id),
        "name": order.name,
        "created_at": order.created_at.isoformat(),
        "updated_at": order.updated_at.isoformat(),
        "total": str(money.total(order)),
        "currency": order.currency,
        "financial_status": money.financial_status(order),
        "fulfillment_status": money.fulfillment_status(order),
        "recommendation": order.recommendation,
        "cancelled_at": plain(order.cancelled_at),
        "cancel_reason": order.cancel_reason,
        "tags": order.tags,
        "note": order.note,
        "return_status": order.return_status,
        "returns": [{"id": str(r.id), "name": r.name, "status": r.status} for r in order.returns],
        "disputes": [{"id": str(d.id), "type": d.type, "status": d.status} for d in order.disputes],
        "refunded": str(money.refunded(order)),
        "holds": [plain(h) for fo in order.fulfillment_orders for h in fo.holds],
        "metafields": {f"{n}.{k}": m.value for (n, k), m in order.metafields.items()},
    }


class ControlApi:
    """The endpoints. What the simulator cannot use is answered with 422 and `{"error": ...}` for a person to read."""

    def __init__(self, find: Finder) -> None:
        self.find = find

    def routes(self) -> list[Route]:
        """All routes below `/_sim/`."""
        return [
            Route("/_sim/orders", self._on_shop(_create), methods=["POST"]),
            Route("/_sim/orders/{key}", self._on_shop(_show), methods=["GET"]),
            Route("/_sim/orders/{key}/{step}", self._on_shop(_step), methods=["POST"]),
            Route("/_sim/products", self._on_shop(lambda s, r, b: staff.product(s, b)), methods=["POST"]),
            Route("/_sim/customers", self._on_shop(_customer), methods=["POST"]),
            Route("/_sim/customers/{key}/{step}", self._on_shop(_decide(staff.decide_customer)), methods=["POST"]),
            Route("/_sim/drafts", self._on_shop(lambda s, r, b: _draft(staff.draft(s, b))), methods=["POST"]),
            Route("/_sim/drafts/{key}/{step}", self._on_shop(_decide_draft), methods=["POST"]),
            Route("/_sim/returns/{key}/{step}", self._on_shop(_decide(staff.decide_return)), methods=["POST"]),
            Route("/_sim/disputes/{key}", self._on_shop(_dispute), methods=["POST"]),
            Route("/_sim/compliance/{kind}", self._on_shop(_compliance), methods=["POST"]),
            Route("/_sim/uninstall", self._on_shop(lambda s, r, b: staff.uninstall(s)), methods=["POST"]),
            Route("/_sim/faults", self._on_shop(_faults), methods=["GET", "POST", "DELETE"]),
            Route("/_sim/settings", self._on_shop(_settings), methods=["POST"]),
            Route("/_sim/secret", self._on_shop(_secret), methods=["POST"]),
            Route("/_sim/tokens", self._on_shop(_tokens), methods=["DELETE"]),
            Route("/_sim/state", self._on_shop(_state), methods=["GET"]),
            Route("/_sim/ledger", self._on_shop(_ledger), methods=["GET"]),
            Route("/_sim/deliveries", self._on_shop(_deliveries), methods=["GET"]),
        ]

    def _on_shop(self, action: Callable[[Shop, Request, Any], Any]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            shop = self.find(request)
            if shop is None:
                return JSONResponse({"error": "There is no such shop here. Use /shops/{domain}/_sim/..."}, 404)
            shop.settle()
            try:
                raw = await request.body()
                found = action(shop, request, json.loads(raw) if raw else {})
            except KeyError as error:
                return JSONResponse({"error": f"Shop {shop.domain} has no order {error.args[0]!r}."}, 404)
            except (SpecError, json.JSONDecodeError) as error:
                return JSONResponse({"error": str(error)}, 422)
            except (TypeError, AttributeError) as error:
                return JSONResponse({"error": f"A value in the request has the wrong kind: {error}."}, 422)
            return JSONResponse(found, 201 if request.method == "POST" else 200)

        return endpoint


def _create(shop: Shop, request: Request, body: Any) -> Any:
    return summary(orders.create(shop, body))


def _show(shop: Shop, request: Request, body: Any) -> Any:
    return plain(shop.order(request.path_params["key"]))


def _step(shop: Shop, request: Request, body: Any) -> Any:
    name = request.path_params["step"]
    if name not in STEPS:
        raise SpecError(f"There is no step {name!r}. Allowed: {', '.join(sorted(STEPS))}.")
    order = shop.order(request.path_params["key"])
    STEPS[name](shop, order, body)
    return summary(order)


def _customer(shop: Shop, request: Request, body: Any) -> Any:
    return staff.customer_summary(shop, people.save(shop, body))


def _decide(decide: Callable[[Shop, str, str, Any], Any]) -> Callable[[Shop, Request, Any], Any]:
    return lambda shop, request, body: plain(
        decide(shop, request.path_params["key"], request.path_params["step"], body)
    )


def _decide_draft(shop: Shop, request: Request, body: Any) -> Any:
    return _draft(staff.decide_draft(shop, request.path_params["key"], request.path_params["step"], body))


def _draft(draft: Draft) -> Any:
    shown = {"id": str(draft.id), "name": draft.name, "status": draft.status, "total": str(draft.total)}
    return shown | {"tags": draft.tags, "order_id": str(draft.order_id) if draft.order_id else None}


def _dispute(shop: Shop, request: Request, body: Any) -> Any:
    key = request.path_params["key"]
    found = shop.disputes.get(int(key)) if key.isdigit() else None
    if found is None:
        raise SpecError(f"There is no dispute {key!r}.")
    return plain(disputes.change(shop, found, body))


def _compliance(shop: Shop, request: Request, body: Any) -> Any:
    return people.compliance(shop, request.path_params["kind"], body)


def _faults(shop: Shop, request: Request, body: Any) -> Any:
    if request.method == "POST":
        for fault in body if isinstance(body, list) else [body]:
            shop.faults.add(fault)
    elif request.method == "DELETE":
        shop.faults.clear()
    return plain(shop.faults.faults)


def _settings(shop: Shop, request: Request, body: Any) -> Any:
    for name, value in only(body, SWITCHES, "The settings").items():
        if name == "index_lag":
            shop.index.lag = float(value)
        elif name == "scopes":
            shop.scopes = frozenset(value.split() if isinstance(value, str) else value)
        else:
            setattr(shop, name, value)
    return {n: plain(shop.index.lag if n == "index_lag" else getattr(shop, n)) for n in sorted(SWITCHES)}


def _secret(shop: Shop, request: Request, body: Any) -> Any:
    only(body, {"client_secret", "revoke_old"}, "The secret")
    if body.get("client_secret"):
        shop.rotate_secret(str(body["client_secret"]))
    if body.get("revoke_old"):
        shop.revoke_old_secret()
    return {"signs_with": "old" if shop.signing_secret() != shop.client_secret else "new"}


def _tokens(shop: Shop, request: Request, body: Any) -> Any:
    return {"expired": oauth.expire_tokens(shop)}


def _state(shop: Shop, request: Request, body: Any) -> Any:
    limit = int(request.query_params.get("limit", SHOWN))
    return {
        "domain": shop.domain,
        "now": shop.now().isoformat(),
        "counts": {"orders": len(shop.orders), "customers": len(shop.customers), "effects": len(shop.ledger)}
        | {"waiting_deliveries": len(shop.outbox), "open_jobs": len(shop.open_jobs)},
        "orders": [summary(o) for o in list(shop.orders.values())[-limit:]],
        "subscriptions": [plain(s) for s in shop.subscriptions.values()],
    }


def _ledger(shop: Shop, request: Request, body: Any) -> Any:
    return [plain(e) for e in shop.ledger]


def _deliveries(shop: Shop, request: Request, body: Any) -> Any:
    limit = int(request.query_params.get("limit", SHOWN))
    return [
        {
            "id": d.id,
            "event_id": d.event_id,
            "topic": d.topic,
            "uri": d.uri,
            "state": d.state,
            "bytes": len(d.body),
            "due_at": d.due_at.isoformat(),
            "attempts": plain(d.attempts),
        }
        for d in list(shop.outbox.recent)[-limit:]
    ]
