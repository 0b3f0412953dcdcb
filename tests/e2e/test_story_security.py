"""What security asks of the whole: a connection is cut off, and no card number and no secret gets anywhere."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from house import SECRET, SHOP, House, everything_held, house

from caseconnect.host.journal.records import Brake
from caseconnect.sdk.errors import AuthError
from caseconnect.sdk.testing import run
from caseconnect_shopify.simulator import create_order

CARD = "4111 1111 1111 1111"


def order(h: House, **more: Any) -> Any:
    given = {
        "lines": [{"title": "Watch", "price": "2500.00"}],
        "payment": {"kind": "authorization", "status": "success"},
        "risk": {"level": "HIGH", "facts": ["proxy"]},
    }
    return create_order(h.shop, given | more)


def counted(h: House, connection: str) -> list[str]:
    """The requests that go out by a connection from now on."""
    transport: Any = h.live["acme"].connections[connection].resources.transport
    send, seen = transport.handle_async_request, list[str]()

    async def sending(request: Any) -> Any:
        seen.append(f"{request.method} {request.url}")
        return await send(request)

    transport.handle_async_request = sending
    return seen


def test_a_connection_that_is_cut_off_is_asked_nothing_until_it_is_resumed(tmp_path: Path) -> None:
    async def play() -> None:
        async with house(tmp_path) as h:
            h.subscribe()
            order(h)
            await h.settle()
            seen = counted(h, "shop")
            await h.journal.pause(Brake("acme", "access", "shop", "the key leaked", "ann", h.now()))
            late = order(h)
            await h.pass_time(300)
            assert seen == []
            assert set(h.answers) == {200}  # what the shop sends is still taken
            await h.journal.resume("acme", "access", "shop", "the key was changed", "ann", h.now())
            await h.pass_time(300)
            assert seen != []
            assert h.explain(f"shop/order/{late.id}")["matters"]

    run(play())


def test_no_card_number_is_stored_or_sent_on(tmp_path: Path) -> None:
    async def play() -> None:
        async with house(tmp_path) as h:
            h.subscribe()
            made = order(h, note=f"charge {CARD}, cvv 737", email="jane@shopper.example")
            await h.settle()
            (matter, *_) = h.explain(f"shop/order/{made.id}")["matters"]
            held = everything_held(tmp_path)
            case = repr(list(h.cases.cases.values()))
            for text in (held, case, str(h.log.__dict__)):
                assert CARD not in text
                assert CARD.replace(" ", "") not in text
                assert "737" not in re.findall(r"cvv.{0,12}", text)
            assert "[card …1111]" in held
            assert matter["case_number"]

    run(play())


def forms(secret: str) -> list[str]:
    """How a secret may be written."""
    raw = secret.encode()
    found = [secret, base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode(), raw.hex(), quote(secret)]
    return [*found, json.dumps(secret)[1:-1], base64.b64encode(f"sim-client:{secret}".encode()).decode()]


def test_no_secret_is_in_the_journal_the_log_or_an_error_also_when_things_fail(tmp_path: Path) -> None:
    secrets = (SECRET, "connect-secret")

    async def play() -> list[str]:
        async with house(tmp_path) as h:
            h.subscribe()
            order(h)
            await h.settle()
            tokens = [token for token in _tokens(h) if len(token) > 8]
            for connection in ("shop", "cases"):
                source: Any = h.live["acme"].connections[connection].source

                async def broken(*_: Any, **__: Any) -> Any:
                    raise AuthError("sign-in was refused")

                source.read = broken
            order(h)
            await h.pass_time(1800)
            said = "\n".join(
                [everything_held(tmp_path), str(vars(h.log)), repr(h.live), repr(h.tenants), repr(h.hooks)]
            )
            said += "".join(repr(c.__dict__) for c in h.live["acme"].connections.values())
            return [text for secret in (*secrets, *tokens) for text in forms(secret) if text in said]

    assert run(play()) == []
    assert not [s for s in secrets if s in " ".join(sys.argv)]


def _tokens(h: House) -> list[str]:
    return [str(token) for token in getattr(h.shop, "tokens", {})]


def keys(matter: dict[str, Any]) -> list[str]:
    return [command["key"] for command in matter["commands"]]


def test_what_was_signed_once_has_no_further_effect_under_any_other_header(tmp_path: Path) -> None:
    """The body is all that is signed: who has one can send it again, under another topic, id or time."""

    async def play() -> None:
        async with house(tmp_path) as h:
            h.subscribe()
            made = order(h)
            await h.settle()
            before = h.explain(f"shop/order/{made.id}")["matters"]
            assert before
            body = json.dumps({"id": int(made.id), "admin_graphql_api_id": f"gid://shopify/Order/{made.id}"}).encode()
            signature = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
            headers: dict[str, str] = {}
            for number, topic in enumerate(("orders/updated", "orders/paid", "orders/cancelled", "orders/create") * 3):
                headers = {"X-Shopify-Hmac-Sha256": signature, "X-Shopify-Topic": topic, "X-Shopify-Shop-Domain": SHOP}
                headers |= {"X-Shopify-Webhook-Id": f"again-{number}", "X-Shopify-Event-Id": f"event-{number}"}
                assert await h._deliver("https://connect.test/hooks/acme/shop", headers, body) == 200
            await h.pass_time(60)
            after = h.explain(f"shop/order/{made.id}")["matters"]
            assert [[c["key"] for c in m["commands"]] for m in after] == [
                [c["key"] for c in m["commands"]] for m in before
            ]
            other = headers | {"X-Shopify-Shop-Domain": "other-shop.myshopify.com"}
            assert await h._deliver("https://connect.test/hooks/acme/shop", other, body) == 401
            assert await h._deliver("https://connect.test/hooks/bolt/shop", headers, body) == 401

    run(play())
