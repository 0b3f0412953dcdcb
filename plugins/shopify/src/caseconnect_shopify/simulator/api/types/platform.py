"""Disputes, files, products and bulk operations."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.paging import Page, in_order
from caseconnect_shopify.simulator.api.registry import field, fields, query
from caseconnect_shopify.simulator.api.wire import amount_in, number_of, when
from caseconnect_shopify.simulator.world import files
from caseconnect_shopify.simulator.world.aftersale import Dispute
from caseconnect_shopify.simulator.world.bulk import BulkOperation
from caseconnect_shopify.simulator.world.catalogue import Product, Variant
from caseconnect_shopify.simulator.world.files import File, Image
from caseconnect_shopify.simulator.world.records import Customer, Order, gid

DATES_ONLY = "2026-01"
_TEXTS_WORDS = """
    accessActivityLog cancellationPolicyDisclosure cancellationRebuttal customerEmailAddress customerFirstName
    customerLastName refundPolicyDisclosure refundRefusalExplanation uncategorizedText
"""
TEXTS = _TEXTS_WORDS.split()
_FILES_WORDS = """
    cancellationPolicyFile customerCommunicationFile refundPolicyFile serviceDocumentationFile
    shippingDocumentationFile uncategorizedFile
"""
FILES = _FILES_WORDS.split()

fields(
    "ShopifyPaymentsDispute",
    Dispute,
    id=lambda d: gid("ShopifyPaymentsDispute", d.id),
    legacyResourceId=lambda d: str(d.id),
    type=lambda d: d.type,
    status=lambda d: d.status,
    amount=lambda d: amount_in(d.currency, d.amount),
    initiatedAt=lambda d: when(d.initiated_at),
    reasonDetails=lambda d: {"reason": d.reason, "networkReasonCode": d.network_reason_code},
    disputeEvidence=lambda d: d,
)
fields(
    "ShopifyPaymentsDisputeEvidence",
    id=lambda d: gid("ShopifyPaymentsDisputeEvidence", d.evidence_id),
    dispute=lambda d: d,
    submitted=lambda d: d.submitted,
    customerPurchaseIp=lambda d: None,
    productDescription=lambda d: None,
    fulfillments=lambda d: [],
)
fields(
    "Product",
    Product,
    id=lambda p: gid("Product", p.id),
    legacyResourceId=lambda p: str(p.id),
    title=lambda p: p.variants[0].title,
    status=lambda p: "ACTIVE",
    publishedAt=lambda p: "2020-01-01T00:00:00Z",
)
fields(
    "ProductVariant",
    Variant,
    id=lambda v: gid("ProductVariant", v.id),
    legacyResourceId=lambda v: str(v.id),
    sku=lambda v: v.sku,
    title=lambda v: v.variant_title or "Default Title",
)


@field("Product", "variants")
def _variants(product: Product, args: dict[str, Any], call: Call) -> Page:
    return in_order(list(product.variants), args)


for _kind, _record in (("GenericFile", File), ("MediaImage", Image)):
    fields(
        _kind,
        _record,
        alt=lambda f: f.alt,
        createdAt=lambda f: when(f.created_at),
        updatedAt=lambda f: when(f.created_at),
        mimeType=lambda f: f.mime_type,
        originalFileSize=lambda f: len(f.body or b""),
        mediaContentType=lambda f: "IMAGE",
    )
fields("GenericFile", id=lambda f: gid("GenericFile", f.id))
fields("MediaImage", id=lambda f: gid("MediaImage", f.id))
fields(
    "BulkOperation",
    BulkOperation,
    id=lambda b: gid("BulkOperation", b.id),
    status=lambda b: b.status,
    type=lambda b: "QUERY",
    query=lambda b: b.query,
    createdAt=lambda b: when(b.created_at),
    completedAt=lambda b: when(b.completed_at) if b.status == "COMPLETED" else None,
    errorCode=lambda b: b.error_code,
    objectCount=lambda b: str(b.objects),
    rootObjectCount=lambda b: str(b.roots),
    fileSize=lambda b: str(len(b.body)) if b.body else None,
)


def _moment(name: str, attribute: str) -> None:
    @field("ShopifyPaymentsDispute", name)
    def resolve(dispute: Dispute, args: dict[str, Any], call: Call) -> str | None:
        at: datetime | None = getattr(dispute, attribute)
        # A Date up to 2026-01, a DateTime since 2026-04.
        return f"{at:%Y-%m-%d}" if at and call.version == DATES_ONLY else when(at)


_moment("evidenceDueBy", "evidence_due_by")
_moment("evidenceSentOn", "evidence_sent_on")
_moment("finalizedOn", "finalized_on")


@field("ShopifyPaymentsDispute", "order")
def _order(dispute: Dispute, args: dict[str, Any], call: Call) -> Order | None:
    return call.shop.orders.get(dispute.order_id)


def _text(name: str) -> None:
    @field("ShopifyPaymentsDisputeEvidence", name)
    def resolve(dispute: Dispute, args: dict[str, Any], call: Call) -> Any:
        order = call.shop.orders.get(dispute.order_id)
        customer: Customer | None = order.customer if order else None
        known = {
            "customerEmailAddress": order.email if order else None,
            "customerFirstName": customer.first_name if customer else None,
            "customerLastName": customer.last_name if customer else None,
        }
        return dispute.evidence.get(name, known.get(name))


def _file(name: str) -> None:
    @field("ShopifyPaymentsDisputeEvidence", name)
    def resolve(dispute: Dispute, args: dict[str, Any], call: Call) -> dict[str, Any] | None:
        return _shown_file(call, name, dispute.evidence.get(name))


for _name in TEXTS:
    _text(_name)
for _name in FILES:
    _file(_name)


def _shown_file(call: Call, name: str, given: Any) -> dict[str, Any] | None:
    if not isinstance(given, dict):
        return None
    number = number_of(str(given["id"]), "ShopifyPaymentsDisputeFileUpload")
    upload = files.dispute_file(call.shop, number)
    if upload is None:
        return None
    kind = re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()
    shown = {"id": given["id"], "disputeEvidenceType": kind, "fileSize": len(upload.body or b"")}
    return shown | {
        "fileType": upload.mime_type,
        "originalFileName": upload.filename,
        "url": f"{call.base}/_uploads/{upload.key}",
    }


@field("ShopifyPaymentsDisputeEvidence", "disputeFileUploads")
def _uploads(dispute: Dispute, args: dict[str, Any], call: Call) -> list[Any]:
    shown = [_shown_file(call, name, given) for name, given in dispute.evidence.items() if name in FILES]
    return [s for s in shown if s]


@field("ShopifyPaymentsDisputeEvidence", "shippingAddress")
@field("ShopifyPaymentsDisputeEvidence", "billingAddress")
def _address(dispute: Dispute, args: dict[str, Any], call: Call) -> Any:
    order = call.shop.orders.get(dispute.order_id)
    return order.shipping_address if order else None


@query("dispute")
def _dispute(root: object, args: dict[str, Any], call: Call) -> Dispute | None:
    return call.shop.disputes.get(number_of(args["id"], "ShopifyPaymentsDispute"))


@query("disputeEvidence")
def _evidence(root: object, args: dict[str, Any], call: Call) -> Dispute | None:
    number = number_of(args["id"], "ShopifyPaymentsDisputeEvidence")
    return next((d for d in call.shop.disputes.values() if d.evidence_id == number), None)


@query("disputes")
def _disputes(root: object, args: dict[str, Any], call: Call) -> Page:
    status = re.search(r"status:['\"]?(\w+)", args.get("query") or "")
    found = [d for d in call.shop.disputes.values() if not status or d.status == status[1].upper()]
    return in_order(found, args)


@query("shopifyPaymentsAccount")
def _payments_account(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    found = {"id": gid("ShopifyPaymentsAccount", call.shop.id), "activated": True, "country": "US", "balance": []}
    return found | {"defaultCurrency": call.shop.currency, "onboardable": False, "accountOpenerName": None}


@query("files")
def _files(root: object, args: dict[str, Any], call: Call) -> Page:
    return in_order(list(call.shop.files.values()), args)


@field("GenericFile", "fileStatus")
@field("MediaImage", "fileStatus")
def _status(found: File, args: dict[str, Any], call: Call) -> str:
    return found.status(call.shop.now())


@field("MediaImage", "status")
def _media_status(found: File, args: dict[str, Any], call: Call) -> str:
    return found.status(call.shop.now())


@field("GenericFile", "url")
def _url(found: File, args: dict[str, Any], call: Call) -> str | None:
    ready = found.status(call.shop.now()) == "READY"
    return f"{call.base}/_files/{found.id}/{found.filename}" if ready else None


@field("MediaImage", "image")
def _image(found: File, args: dict[str, Any], call: Call) -> dict[str, Any] | None:
    url = _url(found, args, call)
    return {"id": gid("ImageSource", found.id), "url": url, "altText": found.alt} if url else None


@query("bulkOperation")
def _bulk(root: object, args: dict[str, Any], call: Call) -> BulkOperation | None:
    return call.shop.bulk_operations.get(number_of(args["id"], "BulkOperation"))


@query("currentBulkOperation")
def _current(root: object, args: dict[str, Any], call: Call) -> BulkOperation | None:
    made = list(call.shop.bulk_operations.values()) if args.get("type") != "MUTATION" else []
    return made[-1] if made else None


@query("bulkOperations")
def _bulks(root: object, args: dict[str, Any], call: Call) -> Page:
    status = re.search(r"status:['\"]?(\w+)", args.get("query") or "")
    found = [b for b in call.shop.bulk_operations.values() if not status or b.status == status[1].upper()]
    # The newest first by default, unlike other connections.
    return in_order(found, args | {"reverse": not args.get("reverse")})


@field("BulkOperation", "url")
def _result(operation: BulkOperation, args: dict[str, Any], call: Call) -> str | None:
    return operation.url(call.shop.now()) if not operation.partial else None


@field("BulkOperation", "partialDataUrl")
def _partial(operation: BulkOperation, args: dict[str, Any], call: Call) -> str | None:
    return operation.url(call.shop.now()) if operation.partial else None
