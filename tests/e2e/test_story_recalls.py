"""Row S5: a recall found in a case takes products off SFCC's sites, tells shoppers, lists orders, and is undone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sfcc_house import SfccHouse, connections, sfcc_house
from stories import AGENT, comments, only_case

from caseconnect.sdk.testing import run
from caseconnect_opentext_case.simulator.model import CaseInput
from caseconnect_sfcc.simulator import Fault
from caseconnect_sfcc.simulator.scenarios import create_order, create_product

HOUR = 3600
TENANT = (
    connections("10m", ("RefArch", "RefArchGlobal"), cases="10m")
    + """flows:
  - use: recalls
    mode: $mode
    settings:
      shops: {shop: [RefArch, RefArchGlobal]}
      end_on: {outcome: [rejected]}
      product_notice: {default: Do not use this product., de: Nicht benutzen.}
      checkout_notice: {default: Something that you may have bought is recalled.}
"""
)


def opened(h: SfccHouse, **custom: str) -> Any:
    """An agent opens a case that says that it is a recall."""
    wanted = CaseInput(default={"caseTitle": "Hot mugs"}, custom={"case_type": "recall", **custom})
    return h.cases.create_case(next(iter(h.cases.definitions)), wanted, AGENT)


def on_sale(h: SfccHouse, name: str) -> list[bool]:
    found = h.instance.products[name]
    return [found.online(site, h.now()) for site in ("RefArch", "RefArchGlobal")]


def alerts(h: SfccHouse) -> list[str]:
    return [alert["title"] for alert in h.journal.stuck()["alerts"]]


def matters(h: SfccHouse) -> list[Any]:
    return list(h.explain(f"cases/case/{only_case(h).id}")["matters"])


def test_a_recall_is_carried_out_kept_up_and_undone(tmp_path: Path) -> None:
    async def story() -> None:
        async with sfcc_house(tmp_path, tenant=TENANT) as h:
            for spec in ({"id": "mug"}, {"id": "cup"}, {"id": "jug", "categories": ["jugs"]}, {"id": "pan"}):
                create_product(h.instance, spec)
            create_product(h.instance, {"id": "kit", "kind": "bundle", "members": ["mug", "pan"]})
            order = create_order(h.instance, {"lines": [{"product_id": "mug", "quantity": 2}]})
            await h.pass_time(HOUR)
            case = opened(h, recalled_skus="mug", recalled_categories="jugs")
            h.cases.attach(case.id, "recalled.csv", b"sku\ncup\nlost\n", "text/csv", AGENT)
            await h.pass_time(HOUR)
            assert on_sale(h, "mug") == [True, True]
            h.cases.decide(case.id, "approved", AGENT)
            await h.pass_time(HOUR)
            assert {name: on_sale(h, name) for name in ("mug", "cup", "jug", "kit", "pan")} == {
                **{key: [False, False] for key in ("mug", "cup", "jug", "kit")},
                "pan": [True, True],
            }
            assert h.instance.products["mug"].custom["caseconnectNotice"]["default"] == "Do not use this product."
            told = "\n".join(comments(h))
            assert "4 products are being taken off sale" in told
            assert "lost in shop" in told
            assert "1 orders that are not shipped hold recalled products" in told
            assert order.number in told
            assert next(a.name for a in case.attachments if a.by.email != AGENT).startswith("open-orders")

            flag = h.instance.products["mug"].online_flag
            flag.update(dict.fromkeys(flag, True))
            await h.pass_time(25 * HOUR)
            assert on_sale(h, "mug") == [False, False]
            assert any("On sale again" in text and "mug" in text for text in comments(h))
            assert any("on sale again" in title for title in alerts(h))

            h.cases.change(case.id, AGENT, custom={"recalled_skus": "mug; pan"})
            await h.pass_time(HOUR)
            assert on_sale(h, "pan") == [False, False]

            h.cases.decide(case.id, "rejected", AGENT)
            await h.pass_time(2 * HOUR)
            assert [on_sale(h, name) for name in ("mug", "cup", "jug", "kit", "pan")] == [[True, True]] * 5
            assert not (h.instance.products["mug"].custom.get("caseconnectNotice") or {}).get("default")
            assert comments(h)[-1].startswith("The recall is undone")
            assert [m["state"] for m in matters(h)] == ["closed"]

    run(story())


def test_a_platform_that_refuses_is_told_product_by_product(tmp_path: Path) -> None:
    async def story() -> None:
        async with sfcc_house(tmp_path, tenant=TENANT) as h:
            for name in ("mug", "cup"):
                create_product(h.instance, {"id": name})
            await h.pass_time(HOUR)
            case = opened(h, recalled_skus="mug, cup")
            h.sfcc.faults.schedule(Fault(kind="status", method="PATCH", path="*/products/mug", status=403, count=0))
            h.cases.decide(case.id, "approved", AGENT)
            await h.pass_time(HOUR)
            said = [text for text in comments(h) if text.startswith("Could not take off sale")]
            assert [("shop/product/mug" in text, "refused" in text) for text in said] == [(True, True)]
            assert (on_sale(h, "mug"), on_sale(h, "cup")) == ([True, True], [False, False])
            assert any("1 of 2 products" in text and "- shop/product/mug" in text for text in comments(h))
            assert any("could not be carried out everywhere" in title for title in alerts(h))

    run(story())
