"""What shoppers handed in: returns, complaints, claims and disputes, with their files and their order."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest

from caseconnect.models import Complaint, Dispute, Money, ReturnRequest, WarrantyClaim
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.order_names import named
from caseconnect.sdk.subjects import Subject
from caseconnect_sfcc.files import file_name, sniffed
from caseconnect_sfcc.forms import files_of
from caseconnect_sfcc.simulator.scenarios import create_order, hand_in
from caseconnect_sfcc.source import SfccSource

FOLDER = "src/caseconnect/RefArch/CaseConnectReturn/R-1"
PDF, JPEG = b"%PDF-1.7 a receipt", b"\xff\xd8\xff\xe0 a photo"
WHO = {
    "customerEmail": "jane@shopper.example",
    "customerName": "Jane Shopper",
    "customerPhone": "217",
    "locale": "de_DE",
}


def source_of(made: Any) -> SfccSource:
    return SfccSource(made.settings, made.resources)


def item(made: Any, kind: Any, key: Any = "K-1") -> Any:
    return asyncio.run(source_of(made).fetch(Need(fact=kind, subject=Subject("shop", kind, f"RefArch/{key}"))))


def order_for(made: Any, **spec: Any) -> Any:
    return create_order(made.instance, {"customer": {"email": "Jane@Shopper.example"}, **spec})


def test_a_return_finds_its_lines_in_the_order(desk: Any) -> None:
    made = desk()
    order = order_for(made, lines=[{"product_id": "mug", "price": "20.00", "quantity": 3}, {"product_id": "tea"}])
    items = [{"itemId": order.lines[0].id, "quantity": 2, "note": "cracked"}, {"productId": "gone"}]
    documents = [{"name": "receipt.pdf", "path": f"{FOLDER}/file1", "type": "application/pdf", "size": 18}]
    spec = {
        "items": json.dumps(items),
        "reason": "BROKEN",
        "comment": "both",
        "proofOfPurchase": "receipt",
        "wish": "Refund",
    }
    hand_in(
        made.instance,
        "return",
        {"key": "K-1", "orderNo": order.number, **WHO, **spec, "documents": json.dumps(documents)},
    )
    found = item(made, "return")
    assert isinstance(found, ReturnRequest)
    assert (found.id, found.name, found.order_id, found.status) == ("RefArch/K-1", "K-1", order.number, "requested")
    assert found.order_number == order.number
    mug, gone = found.lines
    assert (mug.line_id, mug.sku, mug.quantity, mug.reason, mug.note) == (
        order.lines[0].id,
        "mug",
        2,
        "broken",
        "cracked",
    )
    assert (gone.line_id, gone.sku, gone.quantity, gone.unit_price) == (None, "gone", 1, None)
    assert (found.value, found.proof_of_purchase, found.wish) == (None, True, "refund")
    assert (found.email, found.note) == ("jane@shopper.example", "both")
    assert [(f.id, f.name, f.media_type, f.size) for f in found.files] == [
        (f"{FOLDER}/file1", "receipt.pdf", "application/pdf", 18)
    ]
    made.instance.objects["CaseConnectReturn", "RefArch", "K-1"].values["items"] = json.dumps(items[:1])
    assert item(made, "return").value == Money(amount=Decimal("40.00"), currency="USD")


@pytest.mark.parametrize(
    ("word", "status"),
    [("new", "requested"), ("APPROVED", "open"), ("declined", "declined"), ("done", "closed"), ("odd", "unknown")],
)
def test_the_status_words_of_returns_are_settings(desk: Any, word: Any, status: Any) -> None:
    made = desk()
    hand_in(made.instance, "return", {"key": "K-1", "status": word})
    assert item(made, "return").status == status


@pytest.mark.parametrize(
    ("said", "proof"), [("", None), ("no", False), ("False", False), ("yes", True), ("R-77", True)]
)
def test_proof_of_purchase(desk: Any, said: Any, proof: Any) -> None:
    made = desk()
    hand_in(made.instance, "return", {"key": "K-1", "proofOfPurchase": said})
    assert item(made, "return").proof_of_purchase is proof


def test_a_complaint_is_structured(desk: Any) -> None:
    made = desk()
    order = order_for(made)
    spec = {
        "kind": "Not received",
        "subject": "Where is it",
        "skus": ["mug", "tea"],
        "trackingNumber": "1Z9",
        "comment": "late",
    }
    hand_in(made.instance, "complaint", {"key": "K-1", "orderNo": order.number, "customerNo": "42", **WHO, **spec})
    found = item(made, "complaint")
    assert isinstance(found, Complaint)
    assert (found.category, found.subject, found.skus, found.tracking_numbers) == (
        *("not_received", "Where is it", ("mug", "tea")),
        ("1Z9",),
    )
    assert (found.text, found.name, found.phone, found.locale) == ("late", "Jane Shopper", "217", "de-DE")
    assert (found.order_number, found.order_id, found.status) == (order.number, order.number, "new")
    assert found.attributes == {"customerNo": "42"}


def test_a_claim_is_structured(desk: Any) -> None:
    made = desk()
    order = order_for(made, lines=[{"product_id": "mug", "name": "Mug"}])
    spec = {"productId": "mug", "serialNumber": "S1", "purchasedAt": "2026-01-05", "defect": "leaks", "wish": "repair"}
    hand_in(made.instance, "claim", {"key": "K-1", "orderNo": order.number, **WHO, **spec})
    found = item(made, "claim")
    assert isinstance(found, WarrantyClaim)
    assert (found.sku, found.product, found.serial_number, found.wish) == ("mug", "Mug", "S1", "repair")
    assert (found.defect, str(found.purchased_at)) == ("leaks", "2026-01-05 00:00:00+00:00")


def test_a_dispute_is_structured(desk: Any) -> None:
    made = desk()
    spec = {
        "kind": "duplicate-charge",
        "amount": 12.5,
        "currency": "EUR",
        "points": 300,
        "corrections": '{"lastName":"Sun"}',
        "customerNo": "C-9",
    }
    hand_in(made.instance, "dispute", {"key": "K-1", **WHO, **spec})
    found = item(made, "dispute")
    assert isinstance(found, Dispute)
    assert (found.kind, found.reason, found.points) == ("duplicate_charge", "duplicate-charge", 300)
    assert found.amount == Money(amount=Decimal("12.5"), currency="EUR")
    assert (found.corrections, found.order_id) == ({"lastName": "Sun"}, None)
    assert found.customer_id == "RefArch/C-9"


@pytest.mark.parametrize("spec", [{"amount": 5}, {"amount": 5, "currency": "euros"}, {"currency": "EUR"}])
def test_an_amount_without_a_currency_is_no_amount(desk: Any, spec: Any) -> None:
    made = desk()
    hand_in(made.instance, "dispute", {"key": "K-1", **spec})
    assert item(made, "dispute").amount is None


@pytest.mark.parametrize("items", ["not json", "5", '{"a":1}', '[5,null,{"quantity":"x"}]', "[[]]", '"\\u0000"'])
def test_lines_that_cannot_be_read_are_left_out(desk: Any, items: Any) -> None:
    made = desk()
    hand_in(made.instance, "return", {"key": "K-1", "items": items})
    assert len(item(made, "return").lines) <= 1


@pytest.mark.parametrize(
    ("given", "count"),
    [
        (None, 0),
        ("", 0),
        ("[", 0),
        ('["a/b.pdf"]', 1),
        ('[{"name":"x"}]', 0),
        ('[{"path":"a/b.pdf","size":true}]', 1),
        (["a/b.pdf", 5, None], 1),
    ],
)
def test_the_list_of_files_is_read_as_far_as_it_goes(given: Any, count: Any) -> None:
    found = files_of(given)
    assert len(found) == count
    assert all((f.id, f.media_type, f.size) == ("a/b.pdf", "application/pdf", None) for f in found)


@pytest.mark.parametrize(
    ("email", "number", "known"),
    [
        ("JANE@shopper.example ", "exists", True),
        ("", "exists", True),
        ("other@shopper.example", "exists", False),
        ("jane@shopper.example", "absent", False),
        ("jane@shopper.example", "", False),
    ],
)
def test_an_item_belongs_to_its_order_if_the_addresses_agree(desk: Any, email: Any, number: Any, known: Any) -> None:
    made = desk()
    order = order_for(made)
    spec = {"orderNo": order.number if number == "exists" else number, "customerEmail": email}
    hand_in(made.instance, "complaint", {"key": "K-1", **spec})
    subject = Subject("shop", "complaint", "RefArch/K-1")
    found = asyncio.run(source_of(made).root(subject))
    assert found == (Subject("shop", "order", order.number) if known else subject)
    assert item(made, "complaint").order_id == (order.number if known else None)


def test_an_order_is_found_by_its_number_for_who_knows_the_buyers_address(desk: Any) -> None:
    made = desk()
    order = order_for(made)
    found, email = Subject("shop", "order", order.number), order.customer["email"]

    def root(kind: Any, name: Any) -> Any:
        return meant(Subject("shop", kind, name))

    def meant(alias: Subject) -> Any:
        return asyncio.run(source_of(made).root(alias))

    assert meant(named("shop", f" #{order.number} ", None)) == found
    assert meant(named("shop", order.number, f" {email.upper()}")) == found
    assert meant(named("shop", order.number, "somebody@example.com")) is None
    assert meant(named("shop", "99", None)) is None
    assert root("shipment", "1") is None
    assert root("customer", "RefArch/1") == Subject("shop", "customer", "RefArch/1")


def test_uploaded_files_are_read_and_told_by_their_first_bytes(desk: Any) -> None:
    made = desk()
    made.instance.files[f"Impex/{FOLDER}/file1"] = PDF
    made.instance.files[f"Impex/{FOLDER}/photo.png"] = JPEG
    pdf = document(made, f"{FOLDER}/file1")
    assert (pdf.name, pdf.media_type, pdf.content) == ("R-1-file1.pdf", "application/pdf", PDF)
    photo = document(made, f"{FOLDER}/photo.png")
    assert (photo.name, photo.media_type) == ("R-1-photo.png.jpg", "image/jpeg")


def document(made: Any, path: Any) -> Any:
    return asyncio.run(source_of(made).fetch(Need(fact="document", subject=Subject("shop", "document", path))))


@pytest.mark.parametrize("content", [b"", b"MZ\x90\x00 a program", b"<html>", b"<?xml?>", b"%PDF-" + b"x" * 2000])
def test_files_of_other_types_and_sizes_are_refused(desk: Any, content: Any) -> None:
    made = desk(files={"max_bytes": 1000})
    made.instance.files[f"Impex/{FOLDER}/file1"] = content
    with pytest.raises(PermanentError):
        document(made, f"{FOLDER}/file1")


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n..", "image/png"),
        (b"GIF89a", "image/gif"),
        (b"RIFF....WEBPVP8 ", "image/webp"),
        (b"\x00\x00\x00\x18ftypheic", "image/heic"),
        ("Grüße\n".encode(), "text/plain"),
        (b"PK\x03\x04", "application/octet-stream"),
        (b"\x00\x01", "application/octet-stream"),
    ],
)
def test_types_are_told_by_first_bytes(content: Any, media_type: Any) -> None:
    assert sniffed(content) == media_type


@pytest.mark.parametrize(
    ("segments", "name"),
    [
        (["a", "R 1", "fi/le?.pdf"], "R_1-fi_le_.pdf"),
        (["..", "é"], "pdf"),
        (["R-1", "x" * 300], "R-1-" + "x" * 112 + ".pdf"),
    ],
)
def test_names_of_files_are_harmless(segments: Any, name: Any) -> None:
    found = file_name(segments, "application/pdf")
    assert len(found) <= 120
    assert found.endswith(name[-8:])
    assert found[0].isalnum()
