"""The use case keeps the SDK's contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from caseconnect.models import Case, Document, File, Money, OrderHistory, OrderSummary, Product, ProductList
from caseconnect.sdk.decisions import CaseRef, CommandState, Finding, Matter
from caseconnect.sdk.events import CaseChanged, CommandSettled, TimerFired
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing import PluginContract, Situation, TransformContract
from caseconnect.sdk.testing.story import CASE_ID, PLACED
from caseconnect_recalls import plugin

NOW = PLACED
SETTINGS = {
    "shops": {"shop": ["RefArch"]},
    "product_notice": {"default": "Do not use it."},
    "checkout_notice": {"default": "See our recall."},
}
MUG, KIT = Subject("shop", "product", "MUG"), Subject("shop", "product", "KIT")
LIST = Document(name="list.csv", media_type="text/csv", content=b"sku,upc\nCUP,\n,4006381333931\n")
ORDERS = OrderHistory(
    key="product",
    orders=(OrderSummary(id="7", number="7", created_at=NOW, total=Money(amount="5", currency="EUR")),),
)


def facts(**changes: Any) -> Any:
    """A case that names a mug, a list of cups and a category of kits, and what the shop knows of them."""
    names = {"case_type": "recall", "recalled_skus": "MUG", "recalled_categories": "kits"}
    fields = {"id": CASE_ID.id, "number": "CC-1", "outcome": "approved", "revision": "r1", "attributes": names}
    files = (File(id="c-1/a", name="list.csv"),)
    found: dict[Any, Any] = {
        ("case", CASE_ID): Case.model_validate({**fields, "files": files, **changes}),
        ("document", Subject("cases", "document", "c-1/a")): LIST,
        ("products", Subject("shop", "category", "kits")): ProductList(ids=("KIT",)),
        ("product_orders", MUG): ORDERS,
    }
    for name in ("MUG", "CUP", "KIT"):
        record = Product(id=name, on_sale={"RefArch": True}, within=("BOX",))
        found["product", Subject("shop", "product", name)] = record
    return found


def open_matter() -> Matter:
    """A recall of a mug that is off sale."""
    names = {"SuppressProduct": str(MUG), "ShowNotice": str(MUG), "CommentCase": "texts:x"}
    return Matter(
        subject=CASE_ID,
        topic="recall",
        state="open",
        episode=1,
        id="m1",
        owner="recalls",
        mode="live",
        case=CaseRef(CASE_ID, "CC-1"),
        stage="recalled",
        findings=(Finding(exception="recall", ground="g", summary="s", arose_at=NOW),),
        commands=tuple(CommandState(kind, name, "done", "recalls", f"k{kind}") for kind, name in names.items()),
    )


class TestPlugin(PluginContract):
    plugin = plugin


class TestRecalls(TransformContract):
    plugin = plugin

    def situations(self) -> Sequence[Situation]:
        changed = CaseChanged(subject=CASE_ID, time=NOW)
        looked = TimerFired(subject=CASE_ID, time=NOW, use="recalls", name="look:x", due=NOW + timedelta(days=1))
        matter = open_matter()
        nothing: dict[str, Any] = {"attributes": {}}
        mug = {"attributes": {"case_type": "recall", "recalled_skus": "MUG"}, "files": ()}
        undoing = replace(matter, stage="undoing")
        ended = CommandSettled(subject=CASE_ID, time=NOW, matter="m1", key="k", kind="SuppressProduct", state="done")
        failed = ended.model_copy(update={"state": "refused", "name": str(MUG), "note": "no such product"})
        return [
            Situation(changed, NOW, facts(), settings=SETTINGS, opens=True, name="a recall begins"),
            Situation(changed, NOW, facts(outcome=None), settings=SETTINGS, name="not decided"),
            Situation(changed, NOW, facts(**nothing), settings=SETTINGS, name="no recall"),
            Situation(changed, NOW, facts(), matter, SETTINGS, opens=True, name="more products"),
            Situation(looked, NOW, facts(**mug), matter, {**SETTINGS, "expand": []}, opens=True, name="on sale again"),
            Situation(changed, NOW, facts(outcome="ended"), matter, SETTINGS, name="it ends"),
            Situation(changed, NOW, facts(outcome="ended"), undoing, SETTINGS, name="it is being undone"),
            Situation(changed, NOW, facts(outcome=None, closed=True), matter, SETTINGS, opens=True, name="closed"),
            Situation(changed, NOW, facts(), replace(matter, state="closed"), SETTINGS, opens=True, name="once more"),
            Situation(changed, NOW, facts(), None, {**SETTINGS, "most_products": 1}, opens=True, name="too many"),
            Situation(ended, NOW, facts(), matter, SETTINGS, name="a product is off sale"),
            Situation(failed, NOW, facts(), matter, SETTINGS, name="a product is not"),
        ]
