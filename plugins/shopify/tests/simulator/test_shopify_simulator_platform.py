"""Disputes and evidence, staged uploads and files, bulk exports, metafield definitions."""

import json
from typing import Any

import pytest

from caseconnect_shopify.simulator.world import disputes
from caseconnect_shopify.simulator.world.shop import SCOPES

EVIDENCE_SCOPES = f"{SCOPES} write_shopify_payments_dispute_evidences read_shopify_payments_dispute_evidences"
EVIDENCE = """mutation E($id: ID!, $in: ShopifyPaymentsDisputeEvidenceUpdateInput!) {
  disputeEvidenceUpdate(id: $id, input: $in) { disputeEvidence { id submitted uncategorizedText
    shippingDocumentationFile { id originalFileName fileSize } dispute { status evidenceSentOn } }
    userErrors { field code } } }"""
STAGE = """mutation S($in: [StagedUploadInput!]!) { stagedUploadsCreate(input: $in) {
  stagedTargets { url resourceUrl parameters { name value } } userErrors { field message } } }"""
CREATE = """mutation F($files: [FileCreateInput!]!) { fileCreate(files: $files) {
  files { __typename id fileStatus alt } userErrors { field code } } }"""
NODE = "query N($id: ID!) { node(id: $id) { ... on GenericFile { fileStatus url mimeType } } }"
BULK = """mutation B($q: String!) { bulkOperationRunQuery(query: $q) {
  bulkOperation { id status } userErrors { field message code } } }"""
BULK_READ = """query R($id: ID!) { bulkOperation(id: $id) {
  status errorCode objectCount rootObjectCount fileSize url partialDataUrl completedAt } }"""
ORDERS = """{ orders { edges { node { id name customer { id }
  lineItems { edges { node { id title quantity } } } fulfillmentOrders { nodes { id status } } } } } }"""


def gid(kind: Any, number: Any) -> Any:
    return f"gid://shopify/{kind}/{number}"


def path_of(world: Any, url: Any) -> Any:
    assert url.startswith(f"http://{world.shop.domain}/")
    return url.removeprefix(f"http://{world.shop.domain}")


def stage(world: Any, **more: Any) -> Any:
    wanted = {"filename": "proof.pdf", "mimeType": "application/pdf", "resource": "FILE", "httpMethod": "POST", **more}
    return world.data(STAGE, {"in": [wanted]})["stagedUploadsCreate"]["stagedTargets"][0]


def upload(world: Any, target: Any, body: Any = b"%PDF-1", **changes: Any) -> Any:
    fields = {p["name"]: p["value"] for p in target["parameters"]} | changes
    files = {"file": ("proof.pdf", body, "application/pdf")}
    return world.request("POST", path_of(world, target["url"]), data=fields, files=files)


def test_disputes_are_read(make_world: Any) -> None:
    world = make_world(scopes=EVIDENCE_SCOPES)
    order = world.order()
    open_one = disputes.open_(world.shop, order, {"amount": "11.50", "network_reason_code": "4837"})
    disputes.open_(world.shop, order, {"status": "won"})
    query = """query D($id: ID!) { dispute(id: $id) { id status type amount { amount currencyCode } order { id }
        reasonDetails { reason networkReasonCode } evidenceDueBy disputeEvidence { id customerEmailAddress } }
      disputes(first: 5, query: "status:needs_response") { nodes { id } }
      order(id: "%s") { disputes { initiatedAs status } } }"""
    query = query.replace("%s", gid("Order", order.id))
    number = gid("ShopifyPaymentsDispute", open_one.id)
    found = world.data(query, {"id": number})
    assert found["disputes"]["nodes"] == [{"id": number}]
    assert found["dispute"]["amount"] == {"amount": "11.5", "currencyCode": "USD"}
    assert found["dispute"]["reasonDetails"] == {"reason": "FRAUDULENT", "networkReasonCode": "4837"}
    assert found["dispute"]["evidenceDueBy"] == "2026-11-13T09:30:00Z"
    assert [d["status"] for d in found["order"]["disputes"]] == ["NEEDS_RESPONSE", "WON"]
    older = world.graphql(query, {"id": number}, version="2026-01")["data"]
    assert older["dispute"]["evidenceDueBy"] == "2026-11-13"


def test_evidence_needs_a_scope_that_is_off_by_default(world: Any) -> None:
    answer = world.graphql(EVIDENCE, {"id": gid("ShopifyPaymentsDisputeEvidence", 1), "in": {}})
    assert answer["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"


def test_evidence_is_gathered_sent_once_and_in_time(make_world: Any) -> None:
    world = make_world(scopes=EVIDENCE_SCOPES)
    world.shop.subscribe("disputes/update", "http://127.0.0.1/hook")
    order = world.order()
    dispute = disputes.open_(world.shop, order, {})
    number = gid("ShopifyPaymentsDisputeEvidence", dispute.evidence_id)

    def update(**wanted: Any) -> Any:
        return world.data(EVIDENCE, {"id": number, "in": wanted})["disputeEvidenceUpdate"]

    target = stage(world, resource="DISPUTE_FILE_UPLOAD")
    empty = update(shippingDocumentationFile={"id": target["resourceUrl"]})
    assert empty["userErrors"] == [{"field": ["input", "shippingDocumentationFile"], "code": "FILE_NOT_FOUND"}]
    assert upload(world, target).status_code == 201
    saved = update(shippingDocumentationFile={"id": target["resourceUrl"]}, uncategorizedText="Delivered")
    assert saved["disputeEvidence"]["submitted"] is False
    sent = update(submitEvidence=True)["disputeEvidence"]
    assert sent["shippingDocumentationFile"]["originalFileName"] == "proof.pdf"
    assert sent["dispute"] == {"status": "UNDER_REVIEW", "evidenceSentOn": "2026-11-03T09:30:00Z"}
    assert update(uncategorizedText="More")["userErrors"][0]["code"] == "EVIDENCE_ALREADY_ACCEPTED"
    world.run_due()
    assert world.inbox.bodies("disputes/update")[0]["status"] == "under_review"
    assert [e.what for e in world.shop.ledger] == ["dispute_evidence", "dispute_evidence"]
    late = disputes.open_(world.shop, order, {"evidence_due_days": 0})
    wanted = {"id": gid("ShopifyPaymentsDisputeEvidence", late.evidence_id), "in": {}}
    errors = world.data(EVIDENCE, wanted)["disputeEvidenceUpdate"]["userErrors"]
    assert errors[0]["code"] == "EVIDENCE_PAST_DUE_DATE"
    unknown = {"id": gid("ShopifyPaymentsDisputeEvidence", 1), "in": {}}
    errors = world.data(EVIDENCE, unknown)["disputeEvidenceUpdate"]["userErrors"]
    assert errors[0]["code"] == "DISPUTE_EVIDENCE_NOT_FOUND"


def test_a_file_is_uploaded_and_gets_ready(world: Any) -> None:
    target = stage(world, fileSize="6")
    assert upload(world, target, b"too long").status_code == 400
    assert upload(world, target, key="other").status_code == 403
    assert world.request("PUT", path_of(world, target["url"]), content=b"%PDF-1").status_code == 405
    assert upload(world, target).status_code == 201
    wanted = {"files": [{"originalSource": target["resourceUrl"], "alt": "Proof", "contentType": "FILE"}]}
    made = world.data(CREATE, wanted)["fileCreate"]["files"][0]
    assert (made["__typename"], made["fileStatus"], made["alt"]) == ("GenericFile", "UPLOADED", "Proof")
    seen = []
    for _ in range(3):
        seen.append(world.data(NODE, {"id": made["id"]})["node"])
        world.clock.pass_(1)
    assert [n["fileStatus"] for n in seen] == ["UPLOADED", "PROCESSING", "READY"]
    assert seen[0]["url"] is None
    got = world.request("GET", path_of(world, seen[2]["url"]))
    assert (got.content, got.headers["content-type"]) == (b"%PDF-1", "application/pdf")


def test_a_put_target_and_what_was_never_uploaded(world: Any) -> None:
    target = stage(world, httpMethod="PUT")
    assert world.request("PUT", path_of(world, target["url"]), content=b"x").status_code == 200
    bare = stage(world)
    files = [{"originalSource": bare["resourceUrl"]}, {"originalSource": target["resourceUrl"], "alt": "x" * 513}]
    no = world.data(CREATE, {"files": files})["fileCreate"]
    assert no["userErrors"] == [{"field": ["files", "1", "alt"], "code": "ALT_VALUE_LIMIT_EXCEEDED"}]
    made = world.data(CREATE, {"files": files[:1]})["fileCreate"]["files"][0]
    world.clock.pass_(2)
    assert world.data(NODE, {"id": made["id"]})["node"]["fileStatus"] == "FAILED"
    world.clock.pass_(86_400)
    assert upload(world, bare).status_code == 404


def run_bulk(world: Any, text: Any = ORDERS) -> Any:
    return world.data(BULK, {"q": text})["bulkOperationRunQuery"]


def read_bulk(world: Any, number: Any) -> Any:
    return world.data(BULK_READ, {"id": number})["bulkOperation"]


def test_an_export_of_orders(world: Any) -> None:
    world.shop.subscribe("bulk_operations/finish", "http://127.0.0.1/hook")
    orders = [world.order() for _ in range(3)]
    made = run_bulk(world)["bulkOperation"]
    assert made["status"] == "CREATED"
    world.clock.pass_(2.5)
    assert read_bulk(world, made["id"])["status"] == "RUNNING"
    orders.append(world.order())
    world.clock.pass_(2.5)
    done = read_bulk(world, made["id"])
    assert (done["status"], done["rootObjectCount"], done["objectCount"]) == ("COMPLETED", "4", "12")
    got = world.request("GET", path_of(world, done["url"]))
    lines = [json.loads(line) for line in got.text.splitlines()]
    assert done["fileSize"] == str(len(got.content))
    first = [x for x in lines if x.get("__parentId") == gid("Order", orders[0].id)]
    assert lines[0] == {"id": gid("Order", orders[0].id), "name": orders[0].name, "customer": None}
    assert [x["id"].split("/")[3] for x in first] == ["LineItem", "FulfillmentOrder"]
    world.run_due()
    body = world.inbox.bodies("bulk_operations/finish")[0]
    assert (body["status"], body["type"], body["error_code"]) == ("completed", "query", None)
    assert "url" not in body
    world.token = None
    world.clock.pass_(7 * 86_400)
    assert read_bulk(world, made["id"])["url"] is None
    assert world.request("GET", path_of(world, done["url"])).status_code == 404


def test_an_export_that_fails_leaves_a_part(make_world: Any) -> None:
    world = make_world(bulk_outcome="FAILED")
    for _ in range(2):
        world.order()
    made = run_bulk(world)["bulkOperation"]["id"]
    world.clock.pass_(5)
    done = read_bulk(world, made)
    assert (done["status"], done["errorCode"], done["url"]) == ("FAILED", "INTERNAL_SERVER_ERROR", None)
    part = world.request("GET", path_of(world, done["partialDataUrl"])).text
    assert len(part.splitlines()) == 3


def test_five_exports_at_once_and_one_is_stopped(world: Any) -> None:
    made = [run_bulk(world)["bulkOperation"]["id"] for _ in range(5)]
    assert run_bulk(world)["userErrors"][0]["code"] == "LIMIT_REACHED"
    cancel = """mutation C($id: ID!) { bulkOperationCancel(id: $id) {
      bulkOperation { status } userErrors { field message } } }"""
    stopped = world.data(cancel, {"id": made[0]})["bulkOperationCancel"]
    assert stopped["bulkOperation"]["status"] == "CANCELING"
    world.clock.pass_(1)
    assert read_bulk(world, made[0])["status"] == "CANCELED"
    assert run_bulk(world)["userErrors"] == []
    again = world.data(cancel, {"id": made[0]})["bulkOperationCancel"]["userErrors"]
    assert again == [{"field": None, "message": "A bulk operation cannot be canceled when it is canceled"}]
    unknown = world.data(cancel, {"id": gid("BulkOperation", 1)})["bulkOperationCancel"]["userErrors"]
    assert unknown == [{"field": ["id"], "message": "Bulk operation does not exist"}]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{ shop { name } }", "at least one connection"),
        ("{ orders { edges { node { colour } } } }", "Field 'colour' doesn't exist"),
        ("{ orders { edges { node { id } } } customers { edges { node { id } } } }", "more than one top-level field"),
        (
            "{ customers { nodes { id orders { nodes { id lineItems { nodes { id } } } } } } }",
            "nesting depth greater than 2",
        ),
        ("{ orders {", "Invalid bulk query"),
        ("mutation { x }", "Invalid bulk query"),
    ],
)
def test_queries_that_are_not_exported(world: Any, text: Any, words: Any) -> None:
    answer = run_bulk(world, text)
    assert answer["bulkOperation"] is None
    assert words in answer["userErrors"][0]["message"]
    assert (answer["userErrors"][0]["field"], answer["userErrors"][0]["code"]) == (["query"], "INVALID")


def test_definitions_are_pinned_so_that_staff_see_them(world: Any) -> None:
    create = """mutation D($in: MetafieldDefinitionInput!) { metafieldDefinitionCreate(definition: $in) {
      createdDefinition { id namespace key pinnedPosition type { name } } userErrors { field code } } }"""
    wanted = {"name": "Case", "key": "case", "type": "url", "ownerType": "ORDER", "pin": True}
    made = world.data(create, {"in": wanted})["metafieldDefinitionCreate"]["createdDefinition"]
    assert (made["pinnedPosition"], made["type"]["name"]) == (1, "url")
    assert made["namespace"] == f"app--{world.shop.app_id}"
    again = world.data(create, {"in": wanted})["metafieldDefinitionCreate"]["userErrors"]
    assert again == [{"field": ["definition", "key"], "code": "TAKEN"}]
    bad = world.data(create, {"in": wanted | {"key": "a b"}})["metafieldDefinitionCreate"]["userErrors"]
    assert bad[0]["code"] == "INVALID_CHARACTER"
    other = world.data(create, {"in": wanted | {"key": "other", "pin": False}})["metafieldDefinitionCreate"]
    pin = """mutation P($id: ID!) { metafieldDefinitionPin(definitionId: $id) {
      pinnedDefinition { pinnedPosition } userErrors { code } } }"""
    number = other["createdDefinition"]["id"]
    assert world.data(pin, {"id": number})["metafieldDefinitionPin"]["pinnedDefinition"] == {"pinnedPosition": 2}
    assert world.data(pin, {"id": number})["metafieldDefinitionPin"]["userErrors"] == [{"code": "ALREADY_PINNED"}]
    listed = world.data("{ metafieldDefinitions(first: 5, ownerType: ORDER, pinnedStatus: PINNED) { nodes { key } } }")
    assert [n["key"] for n in listed["metafieldDefinitions"]["nodes"]] == ["case", "other"]
