"""Faults on demand, in one process and over real sockets."""

import asyncio
import json
from typing import Any

import httpx  # noqa: TID251 - a client that shares nothing with ours
import pytest

from caseconnect_shopify.simulator import ConnectionDropped, Shop, SpecError, create_app, create_order
from caseconnect_shopify.simulator.server import server

TAG = 'mutation Tag { tagsAdd(id: "%s", tags: ["seen"]) { userErrors { message } } }'


def gid(order: Any) -> Any:
    return f"gid://shopify/Order/{order.id}"


def plan(world: Any, **fault: Any) -> Any:
    return world.request("POST", "/_sim/faults", json=fault)


def test_drop_before_and_after_the_effect(world: Any) -> None:
    order = world.order()
    world.data("{ shop { name } }")
    assert plan(world, kind="drop_before", operation="tagsAdd").status_code == 201
    with pytest.raises(ConnectionDropped) as before:
        world.raw(TAG % gid(order))
    assert not before.value.after_effect
    assert world.shop.ledger == []
    plan(world, kind="drop_after", operation="Tag")
    with pytest.raises(ConnectionDropped):
        world.raw(TAG % gid(order))
    assert [e.what for e in world.shop.ledger] == ["tags_add"]
    assert order.tags == ["seen"]


def test_delay_truncate_html_throttle(world: Any) -> None:
    world.data("{ shop { name } }")
    plan(world, kind="delay", seconds=3)
    assert world.raw("{ shop { name } }").status_code == 200
    assert world.slept == [3]
    plan(world, kind="truncate")
    with pytest.raises(json.JSONDecodeError):
        world.raw("{ shop { name } }").json()
    plan(world, kind="html")
    assert world.raw("{ shop { name } }").headers["content-type"].startswith("text/html")
    plan(world, kind="throttle")
    answer = world.graphql("{ shop { name } }")
    assert answer["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert answer["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"] == 0


def test_a_fault_may_let_calls_pass_first_and_hit_the_token(world: Any) -> None:
    plan(world, kind="status", status=500, path="access_token", skip=1)
    assert world.mint().status_code == 200
    assert world.mint().status_code == 500
    assert world.mint().status_code == 200


@pytest.mark.parametrize("fault", [{}, {"kind": "explode"}, {"kind": "html", "coutn": 2}, {"kind": "html", "count": 0}])
def test_an_unusable_fault_is_refused(world: Any, fault: Any) -> None:
    answer = plan(world, **fault)
    assert answer.status_code == 422
    assert "ault" in answer.json()["error"]
    with pytest.raises(SpecError):
        world.shop.faults.add(fault)


def test_over_sockets_drops_close_the_connection_and_webhooks_arrive() -> None:
    received = []

    async def receive(reader: Any, writer: Any) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(int(x.split(":")[1]) for x in head.split("\r\n") if x.lower().startswith("content-length"))
        received.append((head, await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        if len(received) == 2:
            got_both.set()

    async def scenario() -> Any:
        listener = await asyncio.start_server(receive, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        hook = f"http://127.0.0.1:{port}/hooks/demo/shop"
        shop = Shop(static_tokens=["t"], webhooks={"orders/create": hook, "orders/updated": hook}, cancel_seconds=0)
        running = server(create_app([shop]))
        task = asyncio.create_task(running.serve())
        base = f"http://127.0.0.1:{await running.ready(task)}"
        order = create_order(shop, {"lines": [{"title": "Mug", "price": "20.00"}]})
        async with httpx.AsyncClient(base_url=base, headers={"X-Shopify-Access-Token": "t"}) as client:
            url = f"/shops/{shop.domain}/admin/api/2026-10/graphql.json"
            shop.faults.add({"kind": "drop_after", "operation": "tagsAdd"})
            with pytest.raises(httpx.RemoteProtocolError):
                await client.post(url, json={"query": TAG % gid(order)})
            shop.faults.add({"kind": "truncate"})
            with pytest.raises(httpx.RemoteProtocolError):
                await client.post(url, json={"query": "{ shop { name } }"})
            assert (await client.post(url, json={"query": "{ shop { name } }"})).json()["data"]["shop"]["name"]
        async with asyncio.timeout(10):
            await got_both.wait()
        running.should_exit = True
        await task
        listener.close()
        await listener.wait_closed()
        return order, shop

    got_both = asyncio.Event()
    order, shop = asyncio.run(scenario())
    assert order.tags == ["seen"]
    assert [e.what for e in shop.ledger] == ["tags_add"]
    assert all(h.startswith("POST /hooks/demo/shop HTTP/1.1") for h, _ in received)
    assert {json.loads(b)["id"] for _, b in received} == {order.id}
