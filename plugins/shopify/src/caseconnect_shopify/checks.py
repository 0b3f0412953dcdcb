"""`connect check --live` for a shop: token, shop, API version, and each scope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from caseconnect.sdk.components import Check
from caseconnect_shopify import queries
from caseconnect_shopify.client import ShopifyClient
from caseconnect_shopify.config import ShopifySettings


@dataclass(frozen=True)
class Scope:
    """An access scope and what it is for. Without one that is not `needed`, less is seen but nothing fails."""

    name: str
    use: str
    needed: bool = True


READING: Final = (
    Scope("read_orders", "orders, payments, refunds, risk"),
    Scope("read_customers", "the shopper and earlier orders"),
    Scope("read_merchant_managed_fulfillment_orders", "what is to be shipped, and holds"),
    Scope("read_third_party_fulfillment_orders", "goods that a logistics service ships", needed=False),
    Scope("read_assigned_fulfillment_orders", "goods assigned to this app's own service", needed=False),
    Scope("read_all_orders", "orders older than 60 days in the history", needed=False),
    Scope("read_products", "product and variant of a line", needed=False),
    Scope("read_returns", "return webhooks that do not name their order", needed=False),
    Scope("read_shopify_payments_disputes", "disputes that do not name their order", needed=False),
)
_EVIDENCE: Final = "SubmitEvidence; Shopify grants it on request only"
WRITING: Final = (
    Scope("write_orders", "AnnotateOrder, NoteOrder, AssessRisk, CancelOrder, RefundPayment"),
    Scope("write_merchant_managed_fulfillment_orders", "HoldOrder, ReleaseOrder"),
    Scope("write_third_party_fulfillment_orders", "holds on goods that a logistics service ships", needed=False),
    Scope("write_customers", "AnnotateCustomer; IssueCredit without an order", needed=False),
    Scope("write_returns", "ApproveReturn, DeclineReturn, ExchangeReturn", needed=False),
    Scope("write_draft_orders", "CreateReplacement", needed=False),
    Scope("read_products", "items of CreateReplacement and ExchangeReturn that are named by their SKU", needed=False),
    Scope("read_store_credit_accounts", "IssueCredit", needed=False),
    Scope("read_store_credit_account_transactions", "IssueCredit", needed=False),
    Scope("write_store_credit_account_transactions", "IssueCredit", needed=False),
    Scope("read_shopify_payments_disputes", "SubmitEvidence", needed=False),
    Scope("write_shopify_payments_dispute_evidences", _EVIDENCE, needed=False),
    Scope("write_shopify_payments_dispute_file_uploads", _EVIDENCE, needed=False),
)


async def run(client: ShopifyClient, settings: ShopifySettings, scopes: Sequence[Scope]) -> tuple[Check, ...]:
    """The steps, one for each scope. What stands before them (no connection, credentials) is raised as an error."""
    await client.authorize()
    data = await client.run(queries.SHOP, {})
    domain = (data.get("shop") or {}).get("myshopifyDomain")
    right = domain == settings.shop
    note = str(domain) if right else f"this is {domain}, the settings say {settings.shop}"
    granted = {s["handle"] for s in (data.get("currentAppInstallation") or {}).get("accessScopes") or ()}
    return (
        Check(step="access token", ok=True),
        Check(step="shop", ok=right, note=note),
        _version(client, settings),
        *(_scope(scope, granted) for scope in scopes),
    )


def _version(client: ShopifyClient, settings: ShopifySettings) -> Check:
    served = client.served_version
    if served is None or served == settings.api_version:
        return Check(step="API version", ok=True, note=settings.api_version)
    return Check(
        step="API version",
        ok=False,
        note=f"{settings.api_version} was asked for and {served} answered: that version has ended; set api_version",
    )


def _scope(scope: Scope, granted: set[str]) -> Check:
    writing = scope.name.replace("read_", "write_", 1)
    if scope.name in granted or writing in granted:
        return Check(step=f"scope {scope.name}", ok=True, note=scope.use)
    if scope.needed:
        note = f"missing; needed for: {scope.use}. Add it to the app and install it anew"
        return Check(step=f"scope {scope.name}", ok=False, note=note)
    return Check(step=f"scope {scope.name}", ok=True, note=f"not granted, so not seen: {scope.use}")
