"""What shoppers write, through the door and by a link, reaches the open case with its files."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import httpx  # noqa: TID251 - a sender of requests is any client
import pytest
from house import SECRET, TENANT, House, house
from stories import comments, matter, only_case, placed

from caseconnect.host.journal.privacy import Whom
from caseconnect.sdk.testing import run

DESK = """  desk:
    platform: inbound
    settings:
      secret: {env: SHOP_SECRET}
      scheme: secret
      header: X-Desk
      orders: shop
      kinds:
        customer_reply:
          id: message.id
          trust_order: true
          map: {text: message.body, email: message.from, order_number: order, reference: case_reference}
          files: {each: "message.files", name: name, content: data}
        complaint: {}
flows:
"""
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


async def post(h: House, body: Any, secret: str = SECRET, kind: str = "customer_reply") -> int:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=h.hooks)) as client:
        headers = {"X-Desk": secret, "Content-Type": "application/json"}
        answer = await client.post(f"https://connect.test/in/acme/{kind}", headers=headers, json=body)
    return answer.status_code


def message(**more: Any) -> dict[str, Any]:
    files = [{"name": "passport.png", "data": base64.b64encode(PNG).decode()}, {"name": "x.exe", "data": "TVqQ"}]
    return {"message": {"id": "m-1", "body": "Here is my proof.", "from": "jane@example.com", "files": files}, **more}


def tenant() -> str:
    return TENANT.replace("flows:\n", DESK, 1)


def test_a_reply_with_a_proof_reaches_the_open_fraud_case(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path, tenant=tenant()) as h:
            order = await placed(h)
            reference = matter(h, order)["reference"]
            assert await post(h, message(case_reference=reference)) == 200
            assert await post(h, message(case_reference=reference)) == 200
            await h.pass_time(120)
            told = [text for text in comments(h) if "Here is my proof." in text]
            assert len(told) == 1
            assert "passport.png" in told[0]
            assert "not taken: x.exe" in told[0]
            assert [a.content for a in only_case(h).attachments if a.media_type == "image/png"] == [PNG]

    run(story())


@pytest.mark.parametrize("body", [{"case_reference": "test/nobody/order/1/order_review/1"}, {}])
def test_a_reply_that_nothing_open_is_about_touches_no_case(tmp_path: Path, body: dict[str, str]) -> None:
    async def story() -> None:
        async with house(tmp_path, tenant=tenant()) as h:
            await placed(h)
            before = comments(h)
            assert await post(h, message(**body)) == 200
            await h.pass_time(120)
            assert comments(h) == before

    run(story())


def test_an_order_that_was_named_too_early_is_found_when_it_is_there(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path, tenant=tenant()) as h:

            async def complain(name: str, email: str) -> None:
                body = {"id": name, "order_number": "1001", "email": email, "text": "It is late."}
                assert await post(h, body, kind="complaint") == 200
                await h.pass_time(120)

            await complain("early", "ann@shop.test")
            order = await placed(h)
            assert order.name == "#1001"
            await complain("later", "Ann@Shop.test ")
            await complain("stranger", "eve@shop.test")
            rows = h.journal._db().execute("SELECT body ->> '$.item', lane FROM events WHERE type='ComplaintChanged'")
            lanes = dict(rows.fetchall())
            assert lanes == {
                "desk/complaint/early": "desk/complaint/early",
                "desk/complaint/later": f"shop/order/{order.id}",
                "desk/complaint/stranger": "desk/complaint/stranger",
            }

    run(story())


def test_a_sender_that_does_not_know_orders_names_no_matter(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path, tenant=tenant().replace("          trust_order: true\n", "")) as h:
            order = await placed(h)
            before = comments(h)
            assert await post(h, message(case_reference=matter(h, order)["reference"])) == 200
            await h.pass_time(120)
            assert comments(h) == before

    run(story())


def test_what_a_shopper_wrote_by_another_way_is_erased_with_the_rest(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path, tenant=tenant()) as h:
            for name, email in (("a", "eve@shop.test"), ("b", "ann@shop.test")):
                assert await post(h, {"id": name, "email": email, "text": "Hello."}, kind="complaint") == 200
            await h.settle()
            whom = Whom("acme", "shop", "77", ())
            found = await h.journal.held(whom, ["Eve@Shop.test"], h.now())
            assert found.rows["events"] == 1
            receipt = await h.journal.erase(whom, ["Eve@Shop.test"], h.now())
            assert receipt.rows["deliveries"] == 1
            db = h.journal._db()
            bodies = [body for (body,) in db.execute("SELECT body FROM events WHERE type='ComplaintChanged'")]
            assert ["eve@shop.test" in body for body in bodies] == [False, False]
            assert ["ann@shop.test" in body for body in bodies] == [False, True]
            left = [topic for (topic,) in db.execute("SELECT topic FROM deliveries WHERE body IS NOT NULL")]
            assert left == ["complaint"]

    run(story())


def test_who_has_not_the_secret_tells_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path, tenant=tenant()) as h:
            assert await post(h, message(), "somebody else's secret") == 401
            assert h.journal.counts()["deliveries"] == {}

    run(story())
