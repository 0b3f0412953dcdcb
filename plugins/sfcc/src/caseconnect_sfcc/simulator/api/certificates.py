"""Gift certificates: SCAPI Gift Certificates 1.0.42 and OCAPI Data 25.6. The amount never changes after creation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from caseconnect_sfcc.simulator.search.finding import read_search
from caseconnect_sfcc.simulator.search.index import Document
from caseconnect_sfcc.simulator.search.records import CERTIFICATE_FIELDS, certificate_document
from caseconnect_sfcc.simulator.world.attributes import JsonObject, wrong_type
from caseconnect_sfcc.simulator.world.people import GiftCertificate
from caseconnect_sfcc.simulator.world.refusals import Refused

from . import bodies
from .calls import NO_CONTENT, Answer, Call
from .ocapi import DATA
from .scapi import SCAPI
from .shapes import cameled, plain, snake, snaked

PATH = "/pricing/gift-certificates/gift-certificates"
READ, WRITE = "sfcc.gift-certificates", "sfcc.gift-certificates.rw"
_MORE: dict[str, Any] = {"site_required": True, "query": frozenset({"siteId"})}

DETAILS = ("description", "message", "orderNo", "recipientEmail", "recipientName", "senderName")
MEMBERS = (
    *(*DETAILS, "amount", "balance", "creationDate", "enabled", "lastModified", "maskedGiftCertificateCode"),
    *("merchantId", "status", "transactions", "link"),
)
_LONGEST = {"description": 4000, "message": 4000}


def _document(found: GiftCertificate) -> JsonObject:
    body = {
        "merchantId": found.merchant_id,
        "amount": {"currencyMnemonic": found.currency, "value": found.amount},
        "balance": {"currencyMnemonic": found.currency, "value": found.balance},
        "creationDate": found.created,
        "lastModified": found.modified,
        "enabled": found.enabled,
        "status": found.status,
        "maskedGiftCertificateCode": f"{'*' * (len(found.code) - 4)}{found.code[-4:]}",
        **found.details,
    }
    shaped: JsonObject = plain(body)
    return shaped


def _money(given: Any) -> tuple[Decimal, str]:
    if not isinstance(given, Mapping):
        raise wrong_type("$.amount", "Object", given)
    value, currency = given.get("value"), given.get("currencyMnemonic")
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise wrong_type("$.amount.value", "Decimal", value)
    if value <= 0 or not isinstance(currency, str) or len(currency) != 3:
        raise Refused("invalid", "Invalid gift certificate provided.", field="amount")
    return Decimal(str(value)), currency


def _details(known: JsonObject) -> JsonObject:
    found = {name: known[name] for name in DETAILS if name in known}
    for name, value in found.items():
        if value is not None:
            bodies.text(value, f"$.{name}", _LONGEST.get(name, 256))
    if "recipientEmail" in found and "@" not in str(found["recipientEmail"]):
        raise Refused("invalid-recipient-email", "Invalid recipient email ID provided.")
    return found


def _create(call: Call, site: str, known: JsonObject) -> GiftCertificate:
    amount, currency = _money(known.get("amount"))
    if "recipientEmail" not in known:
        raise Refused("invalid-recipient-email", "Invalid recipient email ID provided.")
    details = _details(known)
    status = known.get("status", "issued")
    if status not in {"issued", "pending"}:
        raise Refused("invalid-status", "Invalid gift certificate status provided.")
    merchant = str(known.get("merchantId") or call.instance.fresh_id("certificate", 12))
    if (site, merchant) in call.instance.certificates:
        raise Refused("merchant-id-not-unique", "Merchant id is not unique.")
    now = call.instance.now()
    code = call.instance.fresh_id("code", 16).upper()
    made = GiftCertificate(merchant, site, code, now, now, amount, currency, amount, status)
    made.enabled = known.get("enabled") is not False
    made.details = details
    call.instance.certificates[site, merchant] = made
    args = {"amount": str(amount), "currency": currency, "orderNo": details.get("orderNo")}
    call.instance.note(call.who, "certificate.create", f"{site}/{merchant}", args)
    return made


def _found(call: Call, site: str, merchant: str) -> GiftCertificate:
    found = call.instance.certificates.get((site, merchant))
    if found is None:
        text = f"No gift certificate with merchant ID '{merchant}' for site '{site}' was found."
        raise Refused("gift-certificate-not-found", text, merchantId=merchant)
    return found


def _change(call: Call, found: GiftCertificate, known: JsonObject) -> None:
    if "amount" in known and _money(known["amount"]) != (found.amount, found.currency):
        raise Refused("invalid", "Invalid gift certificate provided.", field="amount")
    found.details |= _details(known)
    found.enabled = bool(known.get("enabled", found.enabled))
    found.modified = call.instance.now()
    call.instance.note(call.who, "certificate.change", f"{found.site}/{found.merchant_id}", known)


def _delete(call: Call, site: str, merchant: str) -> Answer:
    if call.instance.certificates.pop((site, merchant), None) is not None:
        call.instance.note(call.who, "certificate.delete", f"{site}/{merchant}")
    return NO_CONTENT


def _body(call: Call) -> JsonObject:
    return bodies.split(call.document(), MEMBERS, "gift_certificate")[0]


@SCAPI.add("PUT", PATH, "createGiftCertificate", scope=WRITE, **_MORE)
def put_certificate(call: Call) -> Answer:
    """Make one; repeating it with the same merchant id is refused."""
    return Answer(_document(_create(call, call.site, _body(call))))


@SCAPI.add("POST", PATH, "searchGiftCertificates", scope=READ, **_MORE)
def search_certificates(call: Call) -> Answer:
    """Search those of a site."""
    body, _ = bodies.split(call.document(), ("query", "sorts", "limit", "offset"), "search_request")
    page = read_search(body, CERTIFICATE_FIELDS, camel=True).page(_documents(call))
    hits = [_document(call.instance.certificates[call.site, key]) for key in page.keys]
    head = {"limit": page.count, "offset": page.start, "total": page.total, "query": body["query"]}
    return Answer({**head, **({"sorts": body["sorts"]} if "sorts" in body else {}), "hits": hits})


def _documents(call: Call) -> Iterator[tuple[str, Document]]:
    for (site, merchant), found in sorted(call.instance.certificates.items()):
        if site == call.site:
            yield merchant, certificate_document(found)


@SCAPI.add("GET", f"{PATH}/{{merchantId}}", "getGiftCertificate", scope=READ, **_MORE)
def get_certificate(call: Call) -> Answer:
    """One gift certificate."""
    return Answer(_document(_found(call, call.site, call.path["merchantId"])))


@SCAPI.add("PATCH", f"{PATH}/{{merchantId}}", "updateGiftCertificate", scope=WRITE, **_MORE)
def patch_certificate(call: Call) -> Answer:
    """Change texts and whether it is enabled."""
    found = _found(call, call.site, call.path["merchantId"])
    _change(call, found, _body(call))
    return Answer(_document(found))


@SCAPI.add("DELETE", f"{PATH}/{{merchantId}}", "deleteGiftCertificate", scope=WRITE, **_MORE)
def delete_certificate(call: Call) -> Answer:
    """Delete one."""
    return _delete(call, call.site, call.path["merchantId"])


DATA_PATH = "/sites/{site_id}/gift_certificates"


def _ocapi(found: GiftCertificate) -> JsonObject:
    body = snaked(_document(found))
    for name in ("amount", "balance"):
        body[name] = {"_type": "money", **snaked(body[name])}
    return {"_type": "gift_certificate", **body}


def _data_body(call: Call) -> JsonObject:
    known, _ = bodies.split(call.document(), [snake(name) for name in MEMBERS], "gift_certificate")
    given: JsonObject = cameled(known)
    if isinstance(given.get("amount"), dict):
        given["amount"] = cameled(given["amount"])
    return given


@DATA.add("POST", DATA_PATH, "data.post_certificate")
def data_post(call: Call) -> Answer:
    """Make one; without a merchant id, repeating makes another."""
    site = call.instance.check_site(call.path["site_id"])
    return Answer(_ocapi(_create(call, site, _data_body(call))))


@DATA.add("GET", f"{DATA_PATH}/{{merchant_id}}", "data.get_certificate")
def data_get(call: Call) -> Answer:
    """One gift certificate."""
    return Answer(_ocapi(_found(call, call.instance.check_site(call.path["site_id"]), call.path["merchant_id"])))


@DATA.add("PATCH", f"{DATA_PATH}/{{merchant_id}}", "data.patch_certificate")
def data_patch(call: Call) -> Answer:
    """Change one."""
    found = _found(call, call.instance.check_site(call.path["site_id"]), call.path["merchant_id"])
    _change(call, found, _data_body(call))
    return Answer(_ocapi(found))


@DATA.add("DELETE", f"{DATA_PATH}/{{merchant_id}}", "data.delete_certificate")
def data_delete(call: Call) -> Answer:
    """Delete one."""
    return _delete(call, call.instance.check_site(call.path["site_id"]), call.path["merchant_id"])
