from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx  # noqa: TID251 - its mock transport stands in for a Shopify that the simulator does not play
import pytest

from caseconnect.sdk.commands import AnnotateOrder, CancelOrder, CommentCase, HoldOrder, ReleaseOrder
from caseconnect.sdk.components import Outcome, Repeat
from caseconnect.sdk.errors import PermanentError, PluginError, TransientError, UnknownOutcome
from caseconnect.sdk.resources import Resources
from caseconnect.sdk.subjects import Subject
from caseconnect_shopify.config import ShopifySettings
from caseconnect_shopify.simulator import Order
from caseconnect_shopify.simulator.world import fulfilment
from caseconnect_shopify.sink import SINK, ShopifySink

BIG = 820982911946154508


Stage = Any


def target(order: Order | str) -> Subject:
    return Subject("shop", "order", order if isinstance(order, str) else str(order.id))


def test_only_refunds_take_a_key_and_nothing_of_value_is_repeated_blindly() -> None:
    assert [c.kind for c, repeat in SINK.commands.items() if repeat is Repeat.KEY] == ["RefundPayment"]
    assert {SINK.commands[c] for c in SINK.commands if c.money} == {Repeat.KEY, Repeat.READ}
    assert SINK.commands[HoldOrder] is SINK.commands[ReleaseOrder] is Repeat.STATE


def test_a_hold_is_put_on_every_part_once(stage: Stage) -> None:
    order = stage.order(id=BIG, split=True)
    command = HoldOrder(target=target(order), cause="fraud", note="high risk")
    assert stage.seen(command).seen is False
    assert stage.do(command).state == "done"
    holds = [h for fo in order.fulfillment_orders for h in fo.holds]
    assert [(h.reason, h.reason_notes) for h in holds] == [("HIGH_RISK_OF_FRAUD", "high risk")] * 2
    assert len({h.handle for h in holds}) == 1
    assert all(len(h.handle or "") <= 64 and (h.handle or "").startswith("connect-") for h in holds)
    assert stage.seen(command).seen is True
    assert stage.do(command).state == "done"
    assert stage.do(command, "another-key").state == "done"
    assert stage.effects() == ["hold", "hold"]


def test_a_hold_goes_beside_those_of_others(stage: Stage) -> None:
    order = stage.order()
    fulfilment.hold_by_hand(stage.shop, order, {"reason": "other"})
    command = HoldOrder(target=target(order), cause="address")
    assert stage.do(command).state == "done"
    assert len(order.fulfillment_orders[0].holds) == 2
    assert stage.do(ReleaseOrder(target=target(order))).state == "done"
    assert [h.app_id for h in order.fulfillment_orders[0].holds] == [None]


def test_a_hold_whose_answer_was_lost_is_found_again(stage: Stage) -> None:
    order = stage.order()
    command = HoldOrder(target=target(order))
    stage.fault("drop_after", "fulfillmentOrderHold")
    with pytest.raises(UnknownOutcome):
        stage.do(command)
    assert stage.seen(command).seen is True
    assert stage.do(command).state == "done"
    assert stage.effects() == ["hold"]


def test_a_hold_that_never_arrived_is_not_taken_for_done(stage: Stage) -> None:
    command = HoldOrder(target=target(stage.order()))
    stage.fault("drop_before", "fulfillmentOrderHold")
    with pytest.raises(UnknownOutcome):
        stage.do(command)
    assert stage.seen(command).seen is False
    assert stage.do(command).state == "done"
    assert stage.effects() == ["hold"]


def test_a_handle_that_exists_already_means_done(stage: Stage) -> None:
    """The look came before another attempt's hold was seen: Shopify's own check of the handle ends it."""
    order = stage.order()
    command = HoldOrder(target=target(order))
    stage.do(command)
    order.fulfillment_orders[0].holds[0].app_id, kept = 1, order.fulfillment_orders[0].holds[0].app_id
    (hold,) = order.fulfillment_orders[0].holds

    async def go() -> Outcome:
        run = stage.sink._client.run

        async def spy(operation: Any, variables: Any) -> Any:
            answer = await run(operation, variables)
            if not operation.mutation:
                hold.app_id = kept
            return answer

        stage.sink._client.run = spy
        outcome: Outcome = await stage.sink.execute(command, "k-1")
        return outcome

    assert asyncio.run(go()).state == "done"
    assert stage.effects() == ["hold"]


def test_throttled_before_anything_is_surely_without_effect(stage: Stage) -> None:
    command = HoldOrder(target=target(stage.order()))
    stage.fault("throttle", "fulfillmentOrderHold")
    with pytest.raises(TransientError) as caught:
        stage.do(command)
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 0
    assert stage.effects() == []


def test_throttled_between_two_parts_is_not_surely_without_effect(stage: Stage) -> None:
    command = HoldOrder(target=target(stage.order(split=True)))
    stage.fault("throttle", "fulfillmentOrderHold", skip=1)
    with pytest.raises(UnknownOutcome):
        stage.do(command)
    stage.clock.forward(60)
    assert stage.seen(command).seen is False
    assert stage.do(command).state == "done"
    assert stage.effects() == ["hold", "hold"]


def test_too_late_to_hold(stage: Stage) -> None:
    order = stage.order()
    fulfilment.fulfill(stage.shop, order, {})
    outcome = stage.do(HoldOrder(target=target(order)))
    assert (outcome.state, outcome.note) == ("refused", "too late: already shipped")


def test_what_is_left_of_a_partly_shipped_order_is_held(stage: Stage) -> None:
    order = stage.order(split=True)
    fulfilment.fulfill(stage.shop, order, {"lines": {str(order.lines[0].id): 2}})
    assert stage.do(HoldOrder(target=target(order))).state == "done"
    assert stage.effects() == ["hold"]


def full_of_holds(stage: Stage, order: Order, part: int) -> None:
    """As many holds of this app, of another connection, as Shopify allows: one more is refused."""
    for number in range(fulfilment.MAX_HOLDS):
        fulfilment.hold(
            stage.shop, order.fulfillment_orders[part], "OTHER", None, f"else-{number}", app_id=stage.shop.app_id
        )


@pytest.mark.parametrize("part", [0, 1])
def test_a_part_that_could_not_be_held_is_not_done(part: int, stage: Stage) -> None:
    order = stage.order(split=True)
    full_of_holds(stage, order, part)
    command = HoldOrder(target=target(order))
    which = f"1 of 2 parts held; not held: fulfilment order {order.fulfillment_orders[part].id}: The maximum"
    with pytest.raises(UnknownOutcome, match=which):
        stage.do(command)
    with pytest.raises(TransientError, match=which):
        stage.do(command)
    assert stage.effects() == ["hold"]
    order.fulfillment_orders[part].holds.clear()
    assert stage.do(command).state == "done"
    assert stage.effects() == ["hold", "hold"]


def test_a_part_that_is_too_late_does_not_hinder_the_hold(stage: Stage) -> None:
    order = stage.order(split=True)
    full_of_holds(stage, order, 1)
    order.fulfillment_orders[1].status = "IN_PROGRESS"
    command = HoldOrder(target=target(order))
    outcome = stage.do(command)
    assert (outcome.state, len(outcome.data["not_held"])) == ("done", 1)
    assert "too late: a part of the goods is in progress" in outcome.note


def test_a_hold_that_no_part_takes_is_refused(stage: Stage) -> None:
    order = stage.order()
    full_of_holds(stage, order, 0)
    outcome = stage.do(HoldOrder(target=target(order)))
    assert outcome.state == "refused"
    assert "maximum" in outcome.note


def test_nothing_to_hold_when_nothing_is_shipped(stage: Stage) -> None:
    order = stage.order(lines=[{"title": "E-book", "price": "5.00", "requires_shipping": False}])
    outcome = stage.do(HoldOrder(target=target(order)))
    assert outcome.state == "refused"
    assert "nothing to hold" in outcome.note


def test_an_order_that_is_not_routed_yet_waits(stage: Stage) -> None:
    order = stage.order()
    order.fulfillment_orders.clear()
    with pytest.raises(TransientError, match="ships from"):
        stage.do(HoldOrder(target=target(order)))


def test_a_release_takes_off_only_our_holds_and_once(stage: Stage) -> None:
    order = stage.order(split=True)
    stage.do(HoldOrder(target=target(order)))
    fulfilment.hold_by_hand(stage.shop, order, {"reason": "other"})
    command = ReleaseOrder(target=target(order))
    assert stage.seen(command).seen is False
    assert stage.do(command).state == "done"
    assert stage.seen(command).seen is True
    again = stage.do(command)
    assert (again.state, again.note) == ("done", "there was no hold of ours")
    assert stage.effects() == ["hold", "hold", "release", "release"]
    assert [e.args["everything"] for e in stage.shop.ledger if e.what == "release"] == [False, False]
    assert {h.app_id for fo in order.fulfillment_orders for h in fo.holds} == {None}


def test_a_release_whose_answer_was_lost(stage: Stage) -> None:
    order = stage.order()
    stage.do(HoldOrder(target=target(order)))
    command = ReleaseOrder(target=target(order))
    stage.fault("drop_after", "fulfillmentOrderReleaseHold")
    with pytest.raises(UnknownOutcome):
        stage.do(command)
    assert stage.seen(command).seen is True
    assert stage.do(command).state == "done"
    assert stage.effects() == ["hold", "release"]


def test_a_hold_that_someone_else_took_off_meanwhile_is_released(stage: Stage) -> None:
    order = stage.order()
    stage.do(HoldOrder(target=target(order)))

    async def go() -> Outcome:
        run = stage.sink._client.run

        async def spy(operation: Any, variables: Any) -> Any:
            if operation.mutation:
                order.fulfillment_orders[0].holds.clear()
            return await run(operation, variables)

        stage.sink._client.run = spy
        outcome: Outcome = await stage.sink.execute(ReleaseOrder(target=target(order)), "k-2")
        return outcome

    assert asyncio.run(go()).state == "done"


def test_held_again_after_a_release(stage: Stage) -> None:
    order = stage.order()
    for key in ("k-1#1", "k-1#2"):
        assert stage.do(HoldOrder(target=target(order)), key).state == "done"
        assert stage.do(ReleaseOrder(target=target(order)), key).state == "done"
    assert stage.effects() == ["hold", "release"] * 2


def test_annotations_are_set_once(stage: Stage) -> None:
    order = stage.order(tags=["vip", "Old"])
    command = AnnotateOrder(
        target=target(order),
        add_tags=("case-open", "VIP"),
        remove_tags=("old", "never-there"),
        attributes={"case_status": "In review", "case_number": "C-7"},
    )
    assert stage.seen(command).seen is False
    assert stage.do(command).state == "done"
    assert sorted(order.tags) == ["case-open", "vip"]
    assert {k: m.value for k, m in order.metafields.items()} == {
        ("connect", "case_status"): "In review",
        ("connect", "case_number"): "C-7",
    }
    assert stage.seen(command).seen is True
    once = stage.effects()
    assert stage.do(command).note == "it was so already"
    assert stage.effects() == once


def test_the_link_to_the_case_is_a_link(stage: Stage) -> None:
    order = stage.order()
    links = {"case_link": "https://case.example/C-7", "case_number": "C-7"}
    assert stage.do(AnnotateOrder(target=target(order), attributes=links)).state == "done"
    types = {key: m.type for (_, key), m in order.metafields.items()}
    assert types == {"case_link": "url", "case_number": "multi_line_text_field"}


@pytest.mark.parametrize("operation", ["tagsAdd", "metafieldsSet"])
def test_annotations_whose_answer_was_lost(operation: str, stage: Stage) -> None:
    order = stage.order()
    command = AnnotateOrder(target=target(order), add_tags=("a",), attributes={"status": "open"})
    stage.fault("drop_after", operation)
    with pytest.raises(UnknownOutcome):
        stage.do(command)
    assert stage.do(command).state == "done"
    assert stage.seen(command).seen is True
    assert sorted(stage.effects()) == ["metafields_set", "tags_add"]


def test_a_failure_after_a_first_effect_is_never_surely_without_effect(stage: Stage) -> None:
    command = AnnotateOrder(target=target(stage.order()), add_tags=("a",), attributes={"status": "open"})
    stage.fault("status", "metafieldsSet", status=429, retry_after="2.0")
    with pytest.raises(UnknownOutcome, match="a part was done"):
        stage.do(command)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"add_tags": ("a,b",)}, "no tag"),
        ({"add_tags": ("x" * 41,)}, "no tag"),
        ({"remove_tags": (" ",)}, "no tag"),
        ({"attributes": {"a key": "x"}}, "no metafield key"),
    ],
)
def test_annotations_that_shopify_could_not_take(fields: dict[str, Any], says: str, stage: Stage) -> None:
    outcome = stage.do(AnnotateOrder(target=target(stage.order()), **fields))
    assert outcome.state == "refused"
    assert says in outcome.note
    assert stage.effects() == []


def test_an_empty_text_deletes_the_metafield(
    settings: ShopifySettings, make_resources: Callable[..., Resources]
) -> None:
    sent: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("access_token"):
            return httpx.Response(200, json={"access_token": "t", "expires_in": 86399})
        body = json.loads(request.content)
        sent.append(body)
        if body["operationName"] == "ConnectDeleteMetafields":
            return httpx.Response(200, json={"data": {"metafieldsDelete": {"userErrors": []}}})
        field = {"key": "status", "value": "open", "type": "multi_line_text_field", "compareDigest": "d"}
        there = {"tags": [], "metafields": {"nodes": [field]}}
        return httpx.Response(200, json={"data": {"node": there, "metafieldDefinitions": {"nodes": []}}})

    sink = ShopifySink(settings, make_resources(httpx.MockTransport(answer)))
    command = AnnotateOrder(target=target("7"), attributes={"status": "", "never_set": ""})
    assert asyncio.run(sink.execute(command, "k")).state == "done"
    wanted = {"ownerId": "gid://shopify/Order/7", "namespace": "connect", "key": "status"}
    assert [b["variables"] for b in sent[1:]] == [{"metafields": [wanted]}]


def test_what_a_user_error_quotes_is_masked(
    settings: ShopifySettings, make_resources: Callable[..., Resources]
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("access_token"):
            return httpx.Response(200, json={"access_token": "t", "expires_in": 86399})
        if json.loads(request.content)["operationName"] == "ConnectAddTags":
            message = "Tag Kim M is taken by kim@example.com"
            return httpx.Response(200, json={"data": {"tagsAdd": {"userErrors": [{"message": message}]}}})
        return httpx.Response(200, json={"data": {"node": {"tags": []}}})

    sink = ShopifySink(settings, make_resources(httpx.MockTransport(answer)))
    outcome = asyncio.run(sink.execute(AnnotateOrder(target=target("7"), add_tags=("Kim M",)), "k"))
    assert (outcome.state, outcome.note) == ("refused", "Tag … is taken by <e-mail>")


def test_tags_carry_the_prefix(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage({"tag_prefix": "cc:"})
    order = stage.order()
    assert stage.do(AnnotateOrder(target=target(order), add_tags=("open",))).state == "done"
    assert order.tags == ["cc:open"]


@pytest.mark.parametrize("command", [HoldOrder, ReleaseOrder, AnnotateOrder, CancelOrder])
def test_an_order_that_shopify_does_not_know(command: type, stage: Stage) -> None:
    with pytest.raises(PermanentError, match="no order 404"):
        stage.do(command(target=target("404")))


@pytest.mark.parametrize("at", [None, Subject("shop", "customer", "1"), Subject("shop", "order", "gid://x")])
def test_a_command_needs_an_order(at: Subject | None, stage: Stage) -> None:
    with pytest.raises(PermanentError, match="wants an order"):
        stage.do(HoldOrder(target=at))


def test_a_foreign_command_is_a_fault_of_the_program(stage: Stage) -> None:
    with pytest.raises(PluginError):
        stage.do(CommentCase(target=target("1"), text="x"))


def test_a_missing_scope_is_named(stage: Stage) -> None:
    order = stage.order()
    stage.shop.scopes -= {"write_merchant_managed_fulfillment_orders", "write_third_party_fulfillment_orders"}
    outcome = stage.do(HoldOrder(target=target(order)))
    assert (outcome.state, stage.effects()) == ("refused", [])
    assert "write_merchant_managed_fulfillment_orders" in outcome.note
    checks = {c.step: c for c in asyncio.run(stage.sink.check())}
    assert not checks["scope write_merchant_managed_fulfillment_orders"].ok
    assert checks["scope write_third_party_fulfillment_orders"].ok
    assert checks["scope write_orders"].ok
