"""Bodies of senders become canonical records, by configuration alone."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from caseconnect.models import ApprovalRequest, Complaint, Document, Money, ReturnRequest, ShipmentReport
from caseconnect.sdk.components import Webhook
from caseconnect.sdk.decisions import Need
from caseconnect.sdk.deliveries import Delivery, Parsed
from caseconnect.sdk.errors import ConfigError, PermanentError, TransientError
from caseconnect.sdk.events import ComplaintChanged, ShipmentReported
from caseconnect.sdk.order_names import digest, name_of, named
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.resources import make_resources
from caseconnect_inbound.config import InboundSettings
from caseconnect_inbound.files import safe_name
from caseconnect_inbound.source import InboundSource
from caseconnect_inbound.trigger import wakes

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


def source(kinds: dict[str, Any], **more: Any) -> InboundSource:
    settings = InboundSettings.model_validate({"secret": {"env": "DESK"}, "kinds": kinds, "orders": "shop", **more})
    return InboundSource(settings, make_resources(connection="desk", secrets={"DESK": "very secret words"}))


def delivery(kind: str, body: Any, content_type: str = "application/json") -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Delivery("desk", kind, "delivery-1", NOW, raw, {"Content-Type": content_type})


def event_of(kinds: dict[str, Any], kind: str, body: Any, content_type: str = "application/json", **more: Any) -> Any:
    parsed = source(kinds, **more).parse(delivery(kind, body, content_type))
    assert isinstance(parsed, Parsed)
    (event,) = parsed.events
    return event


HELPDESK = {
    "ticket": {
        "id": 48121,
        "subject": "Broken cup",
        "requester": {"email": "Jane@Example.com", "name": "Jane Doe", "locale": "de"},
        "custom_fields": [{"id": 77, "value": "#1001"}, {"id": 78, "value": "CUP-1"}],
        "tags": ["arrived_broken"],
        "created_at": "2026-11-21T10:00:00+01:00",
        "comments": [
            {
                "body": "The cup came in pieces.",
                "attachments": [
                    {"file_name": "cup.jpg", "content_url": "https://desk.example/a/1", "content_type": "image/jpeg"}
                ],
            }
        ],
    }
}
HELPDESK_MAP = {
    "id": "ticket.id",
    "map": {
        "order_number": "ticket.custom_fields[?id==`77`].value | [0]",
        "skus": "ticket.custom_fields[?id==`78`].value",
        "email": "ticket.requester.email",
        "name": "ticket.requester.name",
        "locale": "ticket.requester.locale",
        "subject": "ticket.subject",
        "text": "join('\n', ticket.comments[].body)",
        "category": "ticket.tags[0]",
        "created_at": "ticket.created_at",
    },
    "values": {"category": {"arrived_broken": "damaged", "*": "other"}},
    "files": {
        "each": "ticket.comments[].attachments[]",
        "name": "file_name",
        "url": "content_url",
        "media_type": "content_type",
    },
}


def test_a_helpdesk_ticket_is_a_complaint_about_an_order() -> None:
    event = event_of({"complaint": HELPDESK_MAP}, "complaint", HELPDESK)
    assert isinstance(event, ComplaintChanged)
    record = event.told()
    assert isinstance(record, Complaint)
    assert (record.id, record.category, record.skus) == ("48121", "damaged", ("CUP-1",))
    assert record.created_at == datetime(2026, 11, 21, 9, 0, tzinfo=UTC) == event.time
    assert event.item == Subject("desk", "complaint", "48121")
    assert event.subject == named("shop", "1001", "jane@example.com")
    assert event.refs == (event.item,)
    (file,) = record.files
    assert (file.id, file.name, file.media_type) == ("https://desk.example/a/1", "cup.jpg", "image/jpeg")


def test_the_alias_of_an_order_holds_no_address() -> None:
    event = event_of({"complaint": HELPDESK_MAP}, "complaint", HELPDESK)
    assert "example" not in str(event.subject).lower()
    name = name_of(event.subject)
    assert name is not None
    assert name.agrees("#1001", "JANE@example.com ")
    assert not name.agrees("#1001", "joe@example.com")
    assert not name.agrees("#1002", "jane@example.com")
    assert not name.agrees("#1001", None)


def test_a_returns_portal_sends_money_and_lines() -> None:
    body = b"""{"rma": "R-9", "order": {"name": "#1002"}, "shopper": {"mail": "jane@example.com"},
                "total": {"value": 1234567890123456.78, "cur": "EUR"},
                "rows": [{"sku": "A", "n": 2, "why": "TOO_SMALL"}], "receipt": false}"""
    settings = {
        "id": "rma",
        "map": {
            "order_number": "order.name",
            "email": "shopper.mail",
            "value": "{amount: total.value, currency: total.cur}",
            "lines": "rows[].{sku: sku, quantity: n, reason: why}",
            "proof_of_purchase": "receipt",
        },
        "constants": {"status": "requested", "wish": "refund"},
    }
    record = event_of({"return_request": settings}, "return_request", body).told()
    assert isinstance(record, ReturnRequest)
    assert record.value == Money(amount=Decimal("1234567890123456.78"), currency="EUR")
    assert record.lines[0].quantity == 2
    assert (record.status, record.wish, record.proof_of_purchase) == ("requested", "refund", False)


def test_a_carrier_knows_the_order_without_an_address() -> None:
    body = {"events": [{"code": "DELAYED", "at": "2026-11-22T08:00:00Z"}], "tracking": "1Z", "reference": "1003"}
    settings = {
        "map": {
            "order_number": "reference",
            "tracking_number": "tracking",
            "status": "events[-1].code",
            "happened_at": "events[-1].at",
        },
        "constants": {"carrier": "Parcel Co"},
    }
    event = event_of({"shipment_event": settings}, "shipment_event", body)
    assert isinstance(event, ShipmentReported)
    assert event.subject == named("shop", "1003", None)
    record = event.told()
    assert isinstance(record, ShipmentReport)
    assert (record.id, record.status, record.carrier) == ("delivery-1", "DELAYED", "Parcel Co")


def test_without_a_mapping_the_body_is_the_record_itself() -> None:
    body = {"id": "a1", "action": "refund", "amount": {"amount": "20.00", "currency": "USD"}, "order_number": "1004"}
    event = event_of({"approval_request": {}}, "approval_request", body)
    record = event.told()
    assert isinstance(record, ApprovalRequest)
    assert record.amount == Money(amount=Decimal("20.00"), currency="USD")


@pytest.mark.parametrize("more", [{"email": None}, {"orders": None}])
def test_a_shopper_whose_order_cannot_be_believed_stands_alone(more: dict[str, Any]) -> None:
    body = {"id": "c1", "order_number": "1001", "email": more.get("email", "jane@example.com"), "text": "late"}
    event = event_of({"complaint": {}}, "complaint", body, **{k: v for k, v in more.items() if k == "orders"})
    assert event.subject == event.item == Subject("desk", "complaint", "c1")


def test_files_in_a_form_and_in_base64_become_documents() -> None:
    payload = {"id": "c2", "text": "see", "files": [{"name": "b.png", "content": base64.b64encode(PNG).decode()}]}
    boundary = "xyz"
    body = (
        b'--xyz\r\nContent-Disposition: form-data; name="payload"\r\nContent-Type: application/json\r\n\r\n'
        + json.dumps(payload).encode()
        + b'\r\n--xyz\r\nContent-Disposition: form-data; name="up"; filename="../a b.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + PNG + b"\r\n--xyz--\r\n"
    )
    settings = {"files": {"each": "files"}}
    record = event_of({"complaint": settings}, "complaint", body, f"multipart/form-data; boundary={boundary}").told()
    assert [f.document.name for f in record.files] == ["b.png", "a-b.png"]
    assert all(f.document.content == PNG for f in record.files)


@pytest.mark.parametrize(
    ("content", "claimed"),
    [(b"MZ\x90\x00 not an image", "image/png"), (PNG + b"0" * 200, "image/png"), (b"<html></html>", "text/html")],
    ids=["claims to be another", "too large", "type not allowed"],
)
def test_a_file_that_is_not_taken_is_named(content: bytes, claimed: str) -> None:
    files = [{"name": "x.png", "media_type": claimed, "content": base64.b64encode(content).decode()}]
    record = event_of({"complaint": {}}, "complaint", {"id": "c3", "files": files}, file_size=100).told()
    (file,) = record.files
    assert (file.name, file.document, file.size) == ("x.png", None, len(content))


@pytest.mark.parametrize(
    ("kind", "body", "content_type", "why"),
    [
        ("complaint", b"{", "application/json", "no JSON"),
        ("complaint", b"[]", "application/json", "not an object"),
        ("complaint", b'{"id": NaN}', "application/json", "no JSON"),
        ("complaint", b"\xff\xfe{}", "application/json", "no JSON"),
        ("complaint", b"[" * 100_000, "application/json", "no JSON"),
        ("complaint", b"{}", "text/xml", "send application/json"),
        ("complaint", b"{}", "multipart/form-data", "boundary"),
        ("complaint", b'{"order_numbr": "secret@example.com"}', "application/json", "did you mean order_number"),
        ("complaint", b'{"category": "secret@example.com"}', "application/json", "category"),
        ("complaint", b'{"files": [{"name": "a", "content": "!"}]}', "application/json", "base64"),
        ("complaint", b'{"files": {}}', "application/json", "no list"),
        ("approval_request", b'{"action": "refund", "amount": {"amount": "x", "currency": "EUR"}}', "", "amount"),
    ],
)
def test_what_does_not_fit_is_said_without_quoting_it(kind: str, body: bytes, content_type: str, why: str) -> None:
    with pytest.raises(PermanentError, match=why) as caught:
        source({"complaint": {}, "approval_request": {}}).parse(delivery(kind, body, content_type))
    assert "secret@example.com" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"map": {"text": "a["}}, "no JMESPath"),
        ({"map": {"txet": "a"}}, "allowed are"),
        ({"id": "a["}, "no JMESPath"),
        ({"files": {"each": "a["}}, "no JMESPath"),
        ({"values": {"nothing": {}}}, "no field"),
    ],
)
def test_a_wrong_mapping_is_refused_when_the_file_is_read(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        source({"complaint": settings})


def test_the_address_of_a_file_stands_in_no_error() -> None:
    async def lost(scope: Any, receive: Any, send: Any) -> None:
        raise ConnectionError

    given = {"secret": {"env": "DESK"}, "kinds": {"complaint": {}}, "file_hosts": ["files.example"]}
    reader = InboundSource(InboundSettings.model_validate(given), make_resources(lost, connection="desk"))
    need = Need(fact="document", subject=Subject("desk", "document", "https://files.example/token/very-secret?key=k1"))
    with pytest.raises(TransientError, match=r"GET https://files\.example/\.\.\.: ") as caught:
        asyncio.run(reader.fetch(need))
    assert "secret" not in str(caught.value)


ADDRESSES = """
http://files.example/x ftp://files.example/x file:///etc/passwd gopher://files.example/x //files.example/x files.example
https:files.example/x https:///x https://files.example:0/x https://files.example:99999/x https://files.example:x/y
https://me@files.example/x https://me:pw@files.example/x https://files.example@127.0.0.1/x https://@files.example/x
https://files.example%40127.0.0.1/x https://127.0.0.1#@files.example/x https://127.0.0.1?@files.example/x
https://files.example\\@127.0.0.1/x https://127.0.0.1\\@files.example/x https://127.0.0.1\\.files.example/x
https://files.example./x https://FILES.example.evil/x https://evil/files.example https://xfiles.example/x
https://files.example.evil.example/x https://evil.example?https://files.example https://evil.example#files.example
https://127.0.0.1/x https://127.1/x https://0x7f.1/x https://2130706433/x https://017700000001/x https://0/x
https://0.0.0.0/x https://localhost/x https://localhost.localdomain/x https://[::1]/x https://[::]/x
https://[::ffff:127.0.0.1]/x https://[::ffff:7f00:1]/x https://[fd00::1]/x https://[fe80::1%25eth0]/x
https://[64:ff9b::7f00:1]/x https://[2002:7f00:1::]/x https://169.254.169.254/latest/meta-data/
https://metadata.google.internal/ https://100.64.0.1/x https://10.0.0.1/x https://172.16.0.1/x https://192.168.0.1/x
https://198.18.0.1/x https://192.0.2.1/x https://224.0.0.1/x https://255.255.255.255/x https://1.1.1.1/x
http://127.0.0.1/x http://localhost/x http://[::1]/x http://10.0.0.1/x http://169.254.169.254/x
https://files.example:8443/x https://files.example:22/x https://files.example:80/x https://[files.example]/x
https://files\u3002example/x https://\uff46iles.example/x https://files.ex\u00e4mple/x https://xn--files-.example/x
https://files.example\x00.evil/x https://files.example\x0b/x javascript:alert(1) data:text/plain,x
unix:///run/x https://files.example,evil.example/x https://{files.example}/x https://*.example/x https://.example/x
mailto:a@files.example https://files.example\u200b/x
"""


@pytest.mark.parametrize(
    "url",
    [*ADDRESSES.replace("\n", " ").strip().split(" "), "https://files.example\t/x", "https://files.example\n/x", ""],
)
def test_no_address_of_a_stranger_leads_anywhere_but_to_an_allowed_host(url: str) -> None:
    asked: list[str] = []

    async def canary(scope: Any, receive: Any, send: Any) -> None:
        asked.append(str(scope["path"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    given = {"secret": {"env": "DESK"}, "kinds": {"complaint": {}}, "file_hosts": ["files.example", "evil:1"]}
    reader = InboundSource(InboundSettings.model_validate(given), make_resources(canary, connection="desk"))
    with pytest.raises(PermanentError):
        asyncio.run(reader.fetch(Need(fact="document", subject=Subject("desk", "document", url))))
    assert asked == []


@pytest.mark.parametrize("host", ["10.0.0.1", "fd00::1", "169.254.169.254"])
def test_an_allowed_host_in_a_network_of_our_own_is_refused_all_the_same(host: str) -> None:
    given = {"secret": {"env": "DESK"}, "kinds": {"complaint": {}}, "file_hosts": [host]}
    reader = InboundSource(InboundSettings.model_validate(given), make_resources(None, connection="desk"))
    host = f"[{host}]" if ":" in host else host
    with pytest.raises(PermanentError, match="network of our own"):
        asyncio.run(reader.fetch(Need(fact="document", subject=Subject("desk", "document", f"https://{host}/x"))))


def test_a_redirect_is_no_file() -> None:
    async def away(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"location", b"http://169.254.169.254/latest/")]
        await send({"type": "http.response.start", "status": 302, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    given = {"secret": {"env": "DESK"}, "kinds": {"complaint": {}}, "file_hosts": ["files.example"]}
    reader = InboundSource(InboundSettings.model_validate(given), make_resources(away, connection="desk"))
    with pytest.raises(PermanentError, match="HTTP 302"):
        asyncio.run(reader.fetch(Need(fact="document", subject=Subject("desk", "document", "https://files.example/x"))))


def test_the_headers_of_the_standard_are_its_own() -> None:
    given = {"secret": {"env": "DESK"}, "kinds": {"complaint": {}}, "scheme": "standard-webhooks"}
    (webhook,) = wakes(InboundSettings.model_validate(given))
    assert isinstance(webhook, Webhook)
    found = (webhook.scheme, webhook.signature_header, webhook.id_header)
    assert found == ("standard-webhooks", "webhook-signature", "webhook-id")
    with pytest.raises(ValueError, match="header, id_header: leave it out"):
        InboundSettings.model_validate({**given, "header": "X-Signature", "id_header": "X-Id"})


def test_a_secret_of_the_standard_that_was_copied_in_part_is_said_by_check() -> None:
    given = {"secret": {"env": "DESK"}, "kinds": {"complaint": {}}, "scheme": "standard-webhooks"}
    resources = make_resources(connection="desk", secrets={"DESK": "whsec_half of it"})
    with pytest.raises(ConfigError, match="copy it whole"):
        asyncio.run(InboundSource(InboundSettings.model_validate(given), resources).check())


def test_the_digest_of_an_address_does_not_depend_on_how_it_is_written() -> None:
    assert digest(" Jane@Example.com") == digest("jane@example.COM ")


PARTS = st.sampled_from(
    ["..", "/", "\\", "\0", "CON", "\u2024\u2024", "\uff0f", "%2e%2e", "~", ".", "-", "a", ".png", "\n"]
)


@example("_")
@example("_DSC1.png")
@given(st.one_of(st.text(max_size=300), st.lists(PARTS, max_size=12).map("".join)))
def test_no_name_of_a_file_is_a_path(name: str) -> None:
    safe = safe_name(name, "image/png")
    assert Document(name=safe, media_type="image/png", content=b"").name == safe
    assert not {"/", "\\", "\0"} & set(safe)
    assert safe.strip(".")
