"""`connect check --live` for a shop: token, shop, API version, and each scope."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from caseconnect.sdk.components import Check
from caseconnect_shopify import definitions, subscriptions
from caseconnect_shopify.client import Operation, ShopifyClient
from caseconnect_shopify.config import ShopifySettings

SHOP: Final = Operation(
    "ConnectShop",
    """query ConnectShop {
  shop { myshopifyDomain }
  currentAppInstallation { accessScopes { handle } }
}""",
    cost=4,
)


@dataclass(frozen=True)
class Scope:
    """An access scope and what it is for. Without one that is not `needed`, less is seen or done; all else works."""

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
    Scope("read_products", "products, and product and variant of a line", needed=False),
    Scope("read_returns", "returns, and their webhooks", needed=False),
    Scope("read_shopify_payments_disputes", "disputes, and their webhooks", needed=False),
    Scope("read_fulfillments", "webhooks of parcels and carrier scans", needed=False),
    Scope("read_draft_orders", "webhooks of drafts that became orders, approvals.draft_tag", needed=False),
    Scope("read_store_credit_accounts", "a customer's store credit", needed=False),
    Scope("read_payment_terms", "payment terms of an order", needed=False),
    Scope("read_customer_merge", "webhooks of customers merged into one", needed=False),
)
_EVIDENCE: Final = "SubmitEvidence; Shopify grants it on request only"
WRITING: Final = (
    Scope("write_orders", "AnnotateOrder, NoteOrder, AssessRisk, CancelOrder, RefundPayment"),
    Scope("write_merchant_managed_fulfillment_orders", "HoldOrder, ReleaseOrder"),
    Scope("write_third_party_fulfillment_orders", "holds on goods that a logistics service ships", needed=False),
    Scope("write_customers", "AnnotateCustomer, IssueCredit", needed=False),
    Scope("write_returns", "ApproveReturn, DeclineReturn, ExchangeReturn", needed=False),
    Scope("write_draft_orders", "CreateReplacement, DeleteDraft", needed=False),
    Scope("read_products", "items of CreateReplacement and ExchangeReturn that are named by their SKU", needed=False),
    Scope("read_store_credit_accounts", "IssueCredit", needed=False),
    Scope("read_store_credit_account_transactions", "IssueCredit", needed=False),
    Scope("write_store_credit_account_transactions", "IssueCredit", needed=False),
    Scope("read_shopify_payments_disputes", "SubmitEvidence", needed=False),
    Scope("write_shopify_payments_dispute_evidences", _EVIDENCE, needed=False),
    Scope("write_shopify_payments_dispute_file_uploads", _EVIDENCE, needed=False),
)


def _each_once(scopes: Iterable[Scope]) -> tuple[Scope, ...]:
    found: dict[str, Scope] = {}
    for scope in scopes:
        known = found.get(scope.name, Scope(scope.name, "", needed=False))
        use = f"{known.use}; {scope.use}" if known.use else scope.use
        found[scope.name] = Scope(scope.name, use, needed=known.needed or scope.needed)
    return tuple(found.values())


ALL: Final = _each_once((*READING, *WRITING))
"""Each scope once, with all that it is for."""


async def run(
    client: ShopifyClient, settings: ShopifySettings, scopes: Sequence[Scope], *, subscribed: bool = False
) -> tuple[Check, ...]:
    """The steps, one for each scope; `subscribed`: what `connect setup` made too: webhooks, where their address is
    known, and metafields.

    What stands before them (no connection, credentials) is raised as an error.
    """
    await client.authorize()
    domain, granted = await installation(client)
    made: tuple[Check, ...] = ()
    if subscribed and settings.webhook_address:
        made = (await subscriptions.compare(client, settings, settings.webhook_address, granted)).checks()
    if subscribed and settings.shown_metafields:
        made = (*made, await definitions.check(client, settings))
    right = domain == settings.shop
    note = domain if right else f"this is {domain}, the settings say {settings.shop}"
    return (
        Check(step="access token", ok=True),
        Check(step="shop", ok=right, note=note),
        _version(client, settings),
        *(_scope(scope, granted) for scope in scopes),
        *made,
    )


async def installation(client: ShopifyClient) -> tuple[str, frozenset[str]]:
    """The shop's own domain, and the scopes that are granted there."""
    data = await client.run(SHOP, {})
    granted = {s["handle"] for s in (data.get("currentAppInstallation") or {}).get("accessScopes") or ()}
    return str((data.get("shop") or {}).get("myshopifyDomain")), frozenset(granted)


def _version(client: ShopifyClient, settings: ShopifySettings) -> Check:
    served = client.served_version
    if served is None or served == settings.api_version:
        return Check(
            step="API version", ok=True, note=settings.api_version, ends_at=supported_until(settings.api_version)
        )
    return Check(
        step="API version",
        ok=False,
        note=f"{settings.api_version} was asked for and {served} answered: that version has ended; set api_version",
    )


def supported_until(version: str) -> datetime:
    """Until when Shopify says at least to support a quarter's version: a year from its release, on the 1st at 17:00
    UTC (its docs on API versioning). After that the oldest supported one answers in its place.
    """
    year, month = version.split("-")
    return datetime(int(year) + 1, int(month), 1, 17, tzinfo=UTC)


def _scope(scope: Scope, granted: frozenset[str]) -> Check:
    writing = scope.name.replace("read_", "write_", 1)
    if scope.name in granted or writing in granted:
        return Check(step=f"scope {scope.name}", ok=True, note=scope.use)
    if scope.needed:
        note = f"missing; needed for: {scope.use}. Add it to the app and install it anew"
        return Check(step=f"scope {scope.name}", ok=False, note=note)
    return Check(step=f"scope {scope.name}", ok=True, note=f"not granted; without it less is seen or done: {scope.use}")
