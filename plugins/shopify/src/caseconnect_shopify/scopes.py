"""The access scopes that the commands need (Admin API 2026-10); `use` names the commands."""

from __future__ import annotations

from typing import Final

from caseconnect_shopify.checks import Scope

_EVIDENCE: Final = "SubmitEvidence; Shopify grants it on request only"

WRITING: Final = (
    Scope("write_orders", "AnnotateOrder, NoteOrder, AssessRisk, CancelOrder, RefundPayment"),
    Scope("write_merchant_managed_fulfillment_orders", "HoldOrder, ReleaseOrder"),
    Scope("write_third_party_fulfillment_orders", "holds on goods that a logistics service ships", needed=False),
    Scope("write_customers", "AnnotateCustomer", needed=False),
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
"""What the sink's check tries. Without one that is not `needed` Shopify refuses the commands that it names."""
