"""`disputeEvidenceUpdate` (API 2026-10): needs a scope that Shopify grants by request, so it is off by default."""

from __future__ import annotations

from typing import Any

from caseconnect_shopify.simulator.api.execute import Call
from caseconnect_shopify.simulator.api.registry import mutation
from caseconnect_shopify.simulator.api.wire import number_of
from caseconnect_shopify.simulator.world import disputes, files
from caseconnect_shopify.simulator.world.aftersale import Dispute
from caseconnect_shopify.simulator.world.records import gid
from caseconnect_shopify.simulator.world.refunds import Refused


def _check(call: Call, dispute: Dispute | None, wanted: dict[str, Any]) -> Dispute:
    if dispute is None:
        raise Refused(["id"], "Dispute evidence could not be found.", "DISPUTE_EVIDENCE_NOT_FOUND")
    if dispute.submitted or dispute.status in disputes.FINAL:
        raise Refused(["id"], "Evidence already accepted.", "EVIDENCE_ALREADY_ACCEPTED")
    if dispute.evidence_due_by and dispute.evidence_due_by <= call.shop.now():
        raise Refused(["id"], "Evidence past due date.", "EVIDENCE_PAST_DUE_DATE")
    for name, given in wanted.items():
        if name.endswith("File") and given:
            upload = files.dispute_file(call.shop, number_of(given["id"], "ShopifyPaymentsDisputeFileUpload"))
            if upload is None or upload.body is None:
                raise Refused(["input", name], "File upload failed. Please try again.", "FILE_NOT_FOUND")
    return dispute


@mutation("disputeEvidenceUpdate")
def _update(root: object, args: dict[str, Any], call: Call) -> dict[str, Any]:
    number = number_of(args["id"], "ShopifyPaymentsDisputeEvidence")
    wanted = dict(args["input"])
    submit = bool(wanted.pop("submitEvidence", False))
    found = next((d for d in call.shop.disputes.values() if d.evidence_id == number), None)
    try:
        dispute = _check(call, found, wanted)
    except Refused as refusal:
        error = {"field": refusal.field, "message": refusal.message, "code": refusal.code}
        return {"disputeEvidence": None, "userErrors": [error]}
    for name, given in wanted.items():
        if name.endswith("File") and given and given.get("destroy"):
            dispute.evidence.pop(name, None)
        else:
            dispute.evidence[name] = given
    if submit:
        dispute.submitted, dispute.status, dispute.evidence_sent_on = True, "UNDER_REVIEW", call.shop.stamp()
        disputes.tell(call.shop, dispute)
    call.shop.effect(
        call.who,
        "dispute_evidence",
        args["id"],
        order=gid("Order", dispute.order_id),
        changed=sorted(wanted),
        submitted=submit,
    )
    return {"disputeEvidence": dispute, "userErrors": []}
