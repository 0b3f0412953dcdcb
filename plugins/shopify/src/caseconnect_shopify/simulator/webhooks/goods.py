"""Bodies of parcels, carrier scans, transactions, refunds, risk and holds."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from caseconnect_shopify.simulator.world import money, tenders
from caseconnect_shopify.simulator.world.records import (
    ZERO,
    Assessment,
    Fulfillment,
    FulfillmentEvent,
    FulfillmentOrder,
    Hold,
    Order,
    Refund,
    RefundLine,
    Transaction,
    gid,
)

from .parts import Body, address_body, line_body, local, money_set, without

if TYPE_CHECKING:
    from caseconnect_shopify.simulator.world.shop import Shop


def fulfillment_body(shop: Shop, parcel: Fulfillment) -> Body:
    """A parcel."""
    order = shop.orders[parcel.order_id]
    body: Body = {
        "id": parcel.id,
        "admin_graphql_api_id": gid("Fulfillment", parcel.id),
        "order_id": parcel.order_id,
        "status": parcel.status.lower(),
        "created_at": local(shop, parcel.created_at),
        "updated_at": local(shop, parcel.updated_at),
        "service": "manual",
        "name": parcel.name,
        "tracking_company": parcel.company,
        "shipment_status": parcel.events[-1].status.lower() if parcel.events else None,
        "location_id": None,
        "origin_address": {},
        "email": order.email,
        "destination": address_body(shop, order.shipping_address),
        "line_items": [line_body(order, line) | {"quantity": quantity} for _, line, quantity in parcel.lines],
        "tracking_number": parcel.numbers[0] if parcel.numbers else None,
        "tracking_numbers": parcel.numbers,
        "tracking_url": parcel.urls[0] if parcel.urls else None,
        "tracking_urls": parcel.urls,
        "receipt": {},
    }
    return without(shop, body, ("email",))


def fulfillment_event_body(shop: Shop, event: FulfillmentEvent) -> Body:
    """A carrier's scan."""
    return {
        "id": event.id,
        "fulfillment_id": event.fulfillment_id,
        "status": event.status.lower(),
        "message": event.message,
        "happened_at": local(shop, event.happened_at),
        "city": event.city,
        "province": event.province,
        "country": event.country,
        "zip": event.zip,
        "address1": None,
        "latitude": None,
        "longitude": None,
        "shop_id": shop.id,
        "created_at": local(shop, event.created_at),
        "updated_at": local(shop, event.created_at),
        "estimated_delivery_at": local(shop, event.estimated_delivery_at),
        "order_id": event.order_id,
        "admin_graphql_api_id": gid("FulfillmentEvent", event.id),
    }


def transaction_body(shop: Shop, transaction: Transaction) -> Body:
    """A transaction; `total_unsettled_set` says `currency` where all else says `currency_code`."""
    order = shop.orders[transaction.order_id]
    card = transaction.card
    unsettled = transaction.amount if transaction.kind == "AUTHORIZATION" and transaction.status == "SUCCESS" else ZERO
    details = None
    if card:
        details = {
            "credit_card_bin": card.bin,
            "avs_result_code": card.avs,
            "cvv_result_code": card.cvv,
            "credit_card_number": card.number,
            "credit_card_company": card.company,
            "buyer_action_info": None,
            "credit_card_name": card.name,
            "credit_card_wallet": card.wallet,
            "credit_card_expiration_month": card.expiration_month,
            "credit_card_expiration_year": card.expiration_year,
            "payment_method_name": (card.company or "other").lower(),
        }
        without(shop, details, ("credit_card_name",))
    return {
        "id": transaction.id,
        "order_id": transaction.order_id,
        "kind": transaction.kind.lower(),
        "gateway": transaction.gateway,
        "status": transaction.status.lower(),
        "message": transaction.message,
        "created_at": local(shop, transaction.created_at),
        "test": transaction.test,
        "authorization": transaction.authorization,
        "location_id": None,
        "user_id": None,
        "parent_id": transaction.parent_id,
        "processed_at": local(shop, transaction.created_at),
        "device_id": None,
        "error_code": transaction.error_code.lower() if transaction.error_code else None,
        "source_name": order.source_name,
        **({"payment_details": details} if details else {}),
        "receipt": {},
        "amount": money.spell_rest(transaction.amount, order.currency),
        "currency": order.currency,
        "payment_id": transaction.payment_id,
        "total_unsettled_set": money_set(order, unsettled, "currency"),
        "manual_payment_gateway": transaction.manual,
        "amount_rounding": None,
        "admin_graphql_api_id": gid("OrderTransaction", transaction.id),
    }


def refund_body(shop: Shop, refund: Refund) -> Body:
    """A refund; the subtotals of its lines are numbers, not strings."""
    order = shop.orders[refund.order_id]
    way_back = shop.returns.get(refund.return_id or 0)
    return {
        "id": refund.id,
        "order_id": refund.order_id,
        "created_at": local(shop, refund.created_at),
        "note": refund.note,
        "user_id": None,
        "processed_at": local(shop, refund.created_at),
        "duties": [],
        "total_duties_set": money_set(order, ZERO),
        "return": {"id": way_back.id, "admin_graphql_api_id": gid("Return", way_back.id)} if way_back else None,
        "refund_shipping_lines": [_shipping_refund(order, refund)] if refund.shipping else [],
        "restock": any(line.restock_type != "NO_RESTOCK" for line in refund.lines),
        "admin_graphql_api_id": gid("Refund", refund.id),
        "order_adjustments": [],
        "refund_line_items": [
            {
                "id": line.id,
                "quantity": line.quantity,
                "line_item_id": line.line.id,
                "location_id": None,
                "restock_type": line.restock_type.lower(),
                "subtotal": float(_net(order, line)),
                "total_tax": float(tenders.tax_share(order, _net(order, line))),
                "subtotal_set": money_set(order, _net(order, line)),
                "total_tax_set": money_set(order, tenders.tax_share(order, _net(order, line))),
                "line_item": line_body(order, line.line),
            }
            for line in refund.lines
        ],
        "transactions": [transaction_body(shop, t) for t in refund.transactions],
    }


def _net(order: Order, line: RefundLine) -> Decimal:
    return tenders.line_net(line.line, line.quantity) - tenders.cart_share(order, line.line, line.quantity)


def _shipping_refund(order: Order, refund: Refund) -> Body:
    line = {
        "id": order.id + 1,
        "title": order.shipping_title,
        "price": money.spell_rest(order.shipping, order.currency),
    }
    amounts = {"subtotal_amount_set": money_set(order, refund.shipping), "tax_amount_set": money_set(order, ZERO)}
    return {"id": refund.id, "shipping_line": line} | amounts


def risk_body(shop: Shop, changed: tuple[Order, Assessment]) -> Body:
    """A changed risk assessment: no recommendation, `order_id` as a string, provider null for Shopify's own."""
    order, assessment = changed
    return {
        "provider_id": assessment.provider_id,
        "provider_title": assessment.provider_title,
        "risk_level": assessment.level.lower(),
        "created_at": local(shop, assessment.created_at),
        "order_id": str(order.id),
        "admin_graphql_api_order_id": gid("Order", order.id),
    }


def hold_body(shop: Shop, hold: Hold) -> Body:
    """A fulfilment hold as `fulfillment_holds/*` and `fulfillment_orders/*` show it."""
    return {
        "id": gid("FulfillmentHold", hold.id),
        "reason": hold.reason.lower(),
        "reason_notes": hold.reason_notes,
        "held_by_requesting_app": hold.app_id == shop.app_id,
        "handle": hold.handle,
        "held_by_app": {"id": gid("App", hold.app_id)} if hold.app_id else None,
    }


def fulfillment_order_ref(order: FulfillmentOrder) -> Body:
    """A fulfilment order as these topics show it: its gid and its status."""
    return {"id": gid("FulfillmentOrder", order.id), "status": order.status.lower()}
