from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as checked
from hypothesis import strategies as st
from pydantic import ValidationError

from caseconnect.models import Document, File, Money, OrderHistory, OrderSummary, Product, ProductList, Record
from caseconnect.sdk.commands import (
    AttachDocument,
    Command,
    RemoveNotice,
    RestoreProduct,
    ShowNotice,
    SuppressProduct,
)
from caseconnect.sdk.decisions import CaseRef, Missing
from caseconnect.sdk.events import CaseChanged, CommandSettled
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.story import CASE_ID, PLACED, Story
from caseconnect_recalls.rules import decide
from caseconnect_recalls.settings import RecallsSettings

POLICY: dict[str, Any] = {"shops": {"shop": ["RefArch", "Outlet"]}, "product_notice": {"default": "Do not use it."}}
MARK = {"case_type": "Recall"}
KINDS = (SuppressProduct, RestoreProduct, ShowNotice, RemoveNotice)


def product(name: str, **changes: Any) -> Product:
    return Product.model_validate({"id": name, "on_sale": {"RefArch": True}, **changes})


def csv(text: str, name: str = "list.csv") -> tuple[File, ...]:
    document = Document(name=name, media_type="text/csv", content=text.encode())
    return (File(id="c-1/a", name=name, document=document),)


class Recall(Story):
    """A story of a case that an agent opened. `shelf` is what the shops know, by the names of products."""

    def __init__(self, *shelf: Product, **policy: Any) -> None:
        super().__init__([("recalls", decide, RecallsSettings.model_validate({**POLICY, **policy}))])
        self.subject, self.shelf = CASE_ID, {each.id: each for each in shelf}
        self.others: dict[tuple[str, str], Record] = {}
        self.matter = replace(self.matter, subject=CASE_ID, topic="recall")
        self.case = self.case.model_copy(update={"attributes": dict(MARK)})

    def _fact(self, kind: str, subject: Subject) -> Record:
        if kind == "product":
            return self.shelf.get(subject.id, Missing(why="no such product"))
        if kind == "case":
            return self.case
        return self.others.get((kind, subject.id), Missing(why=f"no {kind}"))

    def run(self, event: Any) -> Any:
        answers = super().run(event)
        if self.matter.is_open() and self.matter.case is None:
            self.matter = replace(self.matter, case=CaseRef(CASE_ID))
        return answers

    def says(self, outcome: str | None = "approved", revision: str = "r1", **attributes: str) -> None:
        """The case says something."""
        known = {**self.case.attributes, **attributes}
        self.case_changed(outcome=outcome, revision=revision, attributes=known)

    def ends(self, state: str = "done", note: str = "") -> None:
        """Everything under way ends."""
        kinds = {kind.kind for kind in KINDS}
        for place, command in enumerate(self.matter.commands):
            if command.kind in kinds and command.state == "planned":
                commands = list(self.matter.commands)
                commands[place] = replace(command, state=state)
                self.matter = replace(self.matter, commands=tuple(commands))
                self.run(_ended(command, self, state, note))

    def off(self) -> list[str]:
        """Products that were asked to be taken off sale, in order."""
        return [str(command.target) for command in self.of(SuppressProduct)]


def _ended(command: Any, story: Recall, state: Any, note: str) -> CommandSettled:
    named = {"key": command.key, "kind": command.kind, "name": command.name}
    return CommandSettled(subject=CASE_ID, time=story.now, matter=story.matter.id, state=state, note=note, **named)


def kinds(commands: list[Command]) -> list[str]:
    return [command.kind for command in commands]


def test_an_approved_recall_takes_products_off_sale_and_tells_shoppers_and_the_case() -> None:
    host = Recall(product("MUG"), product("CUP"), checkout_notice={"default": "See our recall.", "de": "Rückruf"})
    host.says(recalled_skus="MUG; CUP\nMUG")
    assert host.off() == ["shop/product/CUP", "shop/product/MUG"]
    notices = [(n.place, str(n.target), n.texts["default"]) for n in host.of(ShowNotice)]
    assert notices == [
        ("product", "shop/product/CUP", "Do not use it."),
        ("product", "shop/product/MUG", "Do not use it."),
        ("checkout", "shop/site/RefArch", "See our recall."),
        ("checkout", "shop/site/Outlet", "See our recall."),
    ]
    assert "2 products are being taken off sale" in host.comments()[0]
    before = len(host.sent)
    host.says(revision="r2")
    assert len(host.sent) == before
    host.ends()
    assert host.comments()[-1] == "Off sale and shown: 2 of 2 products, 4 of 4 notices."
    assert (host.matter.stage, host.matter.state, host.alerts) == ("recalled", "open", [])


NOT_YET: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"outcome": None}, {}, "which begins when the case says one of start_on"),
    ({"attributes": {}}, {}, "lacks marked_by"),
    ({"attributes": {"case_type": "complaint"}}, {}, "lacks marked_by"),
    ({"definition": "", "attributes": MARK}, {"marked_by": {}, "definitions": ["recall"]}, "is of none of definitions"),
    ({"outcome": "ended"}, {}, "is in end_on: no recall is on"),
    ({"stage": "Draft"}, {"start_on": {"stage": ["Live"]}}, "which begins when"),
]


@pytest.mark.parametrize(("case", "policy", "says"), NOT_YET)
def test_what_begins_no_recall(case: dict[str, Any], policy: dict[str, Any], says: str) -> None:
    host = Recall(product("MUG"), **policy)
    host.case_changed(**{"outcome": "approved", **case})
    assert says in host.reasons[-1]
    assert (host.sent, host.matter.state) == ([], "none")


@pytest.mark.parametrize(
    ("case", "policy"),
    [
        ({"definition": "recall", "attributes": {"recalled_skus": "MUG"}}, {"definitions": ["recall"]}),
        ({"stage": "live", "outcome": None}, {"start_on": {"stage": ["Live"]}}),
        ({"status": "Recalled", "outcome": None}, {"start_on": {"status": ["recalled"]}}),
        ({"outcome": "APPROVED"}, {}),
    ],
)
def test_what_begins_one(case: dict[str, Any], policy: dict[str, Any]) -> None:
    host = Recall(product("MUG"), **policy)
    host.case_changed(**{"outcome": "approved", "attributes": {**MARK, "recalled_skus": "MUG"}, **case})
    assert host.off() == ["shop/product/MUG"]


LISTS: list[tuple[str, list[str]]] = [
    ("sku\nMUG\nCUP\n", ["CUP", "MUG"]),
    ("Product_ID;Note\nMUG;hot\n;\n", ["MUG"]),
    ("\ufeffSKU\tupc\nMUG\t1\n\t2\n", ["KIT", "MUG"]),
    ('name,item\n"a, b",MUG\n', ["MUG"]),
    ("category\nmugs\n", ["MUG"]),
]


@pytest.mark.parametrize(("text", "names"), LISTS)
def test_lists_that_are_attached_name_products(text: str, names: list[str]) -> None:
    host = Recall(product("MUG"), product("CUP"), product("KIT"))
    host.others = {("products", "mugs"): ProductList(ids=("MUG",)), ("products", "2"): ProductList(ids=("KIT",))}
    host.case = host.case.model_copy(update={"files": csv(text)})
    host.says()
    assert sorted(name.rpartition("/")[2] for name in host.off()) == names


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (csv("name\nMug\n"), "no column is one of sku"),
        (csv(""), "it is empty"),
        ((File(id="c-1/a", name="list.CSV"),), "no document"),
    ],
)
def test_a_list_that_cannot_be_read_is_told(files: tuple[File, ...], says: str) -> None:
    host = Recall(product("MUG"))
    host.case = host.case.model_copy(update={"files": files})
    host.says(recalled_skus="MUG")
    assert host.off() == ["shop/product/MUG"]
    assert any(says in text for text in host.comments())
    assert len(host.alerts) == 1


def test_documents_of_other_names_and_our_own_are_not_read() -> None:
    host = Recall(product("MUG"), product("CUP"))
    ours = csv("sku\nCUP\n")[0].model_copy(update={"ours": True})
    host.case = host.case.model_copy(update={"files": (*csv("sku\nCUP\n", "photo.txt"), ours)})
    host.says(recalled_skus="MUG")
    assert host.off() == ["shop/product/MUG"]


def test_bar_codes_and_categories_are_looked_up_and_what_is_not_found_is_told_and_looked_for_again() -> None:
    host = Recall(product("MUG"), product("CUP"))
    host.others = {("products", "mugs"): ProductList(ids=("MUG",), complete=False)}
    host.says(recalled_categories="mugs", recalled_upcs="4006", recalled_skus="GONE")
    assert host.off() == ["shop/product/MUG"]
    (told,) = [text for text in host.comments() if text.startswith("Not found")]
    assert all(word in told for word in ("upc 4006", "GONE in shop", "category mugs", "more than can be read"))
    host.shelf["GONE"] = product("GONE")
    host.tick(0.1)
    host.tick(1)
    assert host.off()[-1] == "shop/product/GONE"


def test_variants_parts_and_what_holds_a_product_are_recalled_with_it_and_no_further() -> None:
    shelf = (
        product("MASTER", variants=("RED", "BLUE")),
        product("RED", within=("KIT",)),
        product("BLUE"),
        product("KIT", parts=("RED", "SPOON")),
        product("SPOON", within=("OTHER",)),
        product("SET", parts=("FORK",)),
        product("FORK"),
    )
    host = Recall(*shelf)
    host.says(recalled_skus="MASTER, SET")
    assert {name.rpartition("/")[2] for name in host.off()} == {"MASTER", "RED", "BLUE", "SET", "FORK"}
    host.tick(0.1)
    host.tick(0.1)
    host.tick(0.1)
    assert {name.rpartition("/")[2] for name in host.off()} == {"MASTER", "RED", "BLUE", "SET", "FORK", "KIT"}
    alone = Recall(*shelf, expand=[])
    alone.says(recalled_skus="MASTER")
    assert alone.off() == ["shop/product/MASTER"]


def test_products_that_are_added_later_are_recalled_too_and_shops_are_all_asked() -> None:
    host = Recall(product("MUG"), product("CUP"), shops={"shop": [], "outlet": []})
    host.says(recalled_skus="MUG")
    host.says(revision="r2", recalled_skus="MUG CUP")
    host.says(revision="r3", recalled_skus="MUG; CUP")
    assert host.off() == ["outlet/product/MUG", "shop/product/MUG", "outlet/product/CUP", "shop/product/CUP"]
    assert [f.exception for f in host.matter.findings] == ["recall", "recalled_later"]


def test_a_case_without_products_is_told() -> None:
    host = Recall()
    host.says()
    host.says(revision="r2")
    assert [text for text in host.comments() if "names no product" in text] == [
        "This recall names no product: write them in recalled_skus, recalled_upcs, recalled_categories, "
        "or attach a list (*.csv). Nothing is done."
    ]
    assert len(host.alerts) == 1


def test_a_recall_that_is_too_large_does_nothing_and_says_so_once() -> None:
    host = Recall(product("MUG"), product("CUP"), most_products=1)
    host.says(recalled_skus="MUG; CUP")
    host.says(revision="r2")
    assert kinds(host.sent) == ["CommentCase"]
    assert "2 products, more than most_products (1)" in host.comments()[0]
    assert len(host.alerts) == 1
    host.says(revision="r3", recalled_skus="MUG")
    assert host.off() == ["shop/product/MUG"]


def test_the_texts_of_the_agent_are_shown_and_changed() -> None:
    host = Recall(product("MUG"), checkout_notice={"default": "See our recall."})
    host.says(recalled_skus="MUG", recall_notice="It may break.")
    assert {n.texts["default"] for n in host.of(ShowNotice)} == {"It may break."}
    host.says(revision="r2", recall_notice="It breaks.")
    assert [n.texts["default"] for n in host.of(ShowNotice)[3:]] == ["It breaks."] * 3
    assert any("It breaks." in text for text in host.comments())


@pytest.mark.parametrize("again", [True, False])
def test_a_product_that_is_on_sale_again_is_noticed(again: bool) -> None:
    host = Recall(product("MUG"), product("CUP", on_sale={"RefArch": False}), suppress_again=again)
    host.says(recalled_skus="MUG; CUP")
    host.ends()
    host.shelf["MUG"] = product("MUG", on_sale={"RefArch": False})
    for _ in range(3):
        host.tick(24)
    assert [text for text in host.comments() if "again" in text] == []
    host.shelf["MUG"] = product("MUG", on_sale={"RefArch": False, "Outlet": True})
    host.now = min(host.timers.values())
    (answer,) = host.tick(0)
    assert [str(c.target) for c in answer.commands if c.kind == "SuppressProduct"] == ["shop/product/MUG"] * again
    assert [f.exception for f in answer.findings] == ["on_sale_again"]
    assert "On sale again" in host.comments()[-1]
    assert "on sale again" in host.alerts[-1]


def test_what_is_still_under_way_is_not_on_sale_again() -> None:
    host = Recall(product("MUG"))
    host.says(recalled_skus="MUG")
    host.tick(1)
    assert not [text for text in host.comments() if "again" in text]


def test_open_orders_are_listed_once_without_personal_data() -> None:
    host = Recall(product("MUG"))
    order = OrderSummary(
        id="7",
        number="=7",
        created_at=PLACED,
        total=Money(amount="5", currency="EUR"),
        items=(("MUG", 2),),
        ship_to="Jo",
    )
    host.others["product_orders", "MUG"] = OrderHistory(key="product", orders=(order,), complete=False)
    host.says(recalled_skus="MUG")
    host.tick(1)
    host.tick(24)
    (attached,) = host.of(AttachDocument)
    rows = attached.document.content.decode().splitlines()
    assert rows[1].startswith("shop,'=7,")
    assert "MUG x 2" in rows[1]
    assert "Jo" not in "".join(rows)
    assert len([text for text in host.comments() if "1 orders that are not shipped" in text]) == 1
    quiet = Recall(product("MUG"), list_orders=False)
    quiet.says(recalled_skus="MUG")
    quiet.tick(1)
    assert not [text for text in quiet.comments() if "orders" in text]


def test_the_end_puts_everything_back_and_ends_the_matter_when_it_is_so() -> None:
    host = Recall(product("MUG"), product("CUP"), checkout_notice={"default": "See our recall."})
    host.says(recalled_skus="MUG; CUP")
    host.ends()
    host.says("ended", "r2")
    assert sorted(str(c.target) for c in host.of(RestoreProduct)) == ["shop/product/CUP", "shop/product/MUG"]
    assert sorted((c.place, str(c.target)) for c in host.of(RemoveNotice)) == [
        ("checkout", "shop/site/Outlet"),
        ("checkout", "shop/site/RefArch"),
        ("product", "shop/product/CUP"),
        ("product", "shop/product/MUG"),
    ]
    assert (host.matter.stage, host.timers) == ("undoing", {})
    count = len(host.sent)
    host.says("ended", "r3")
    assert len(host.sent) == count
    host.ends()
    assert (host.matter.state, host.matter.stage) == ("closed", "ended")
    assert host.comments()[-1] == "The recall is undone: products and notices are as they were before."


def test_what_cannot_be_put_back_keeps_the_matter_open() -> None:
    host = Recall(product("MUG"))
    host.says(recalled_skus="MUG")
    host.ends()
    host.says("ended", "r2")
    host.ends("parked", "the platform does not answer")
    assert host.matter.is_open()
    assert "Could not put back on sale as before shop/product/MUG. It waits for a person" in " ".join(host.comments())
    assert len(set(host.alerts)) == 1
    for kind in ("RestoreProduct", "RemoveNotice"):
        host.settle(kind)
    assert host.matter.state == "closed"


def test_what_was_refused_is_told_with_its_reason_and_not_undone() -> None:
    host = Recall(product("MUG"), product_notice={})
    host.says(recalled_skus="MUG")
    host.ends("refused", "no such product")
    assert "Could not take off sale shop/product/MUG. It was refused: no such product" in host.comments()[-2]
    assert "Not done:\n- shop/product/MUG" in host.comments()[-1]
    host.says("ended", "r2")
    assert host.of(RestoreProduct) == []
    assert host.matter.state == "closed"


def test_a_hundred_failures_are_ten_comments_and_a_summary() -> None:
    names = [f"P{number:03d}" for number in range(100)]
    host = Recall(*map(product, names), product_notice={})
    host.says(recalled_skus=";".join(names))
    host.ends("refused", "not allowed")
    assert len([text for text in host.comments() if text.startswith("Could not")]) == 10
    assert "0 of 100 products" in host.comments()[-1]
    assert len(set(host.alerts)) == 1


@pytest.mark.parametrize("undone", [True, False])
def test_a_recall_that_begins_again_takes_everything_off_again(undone: bool) -> None:
    host = Recall(product("MUG"))
    host.says(recalled_skus="MUG")
    host.ends()
    host.says("ended", "r2")
    if undone:
        host.ends()
        assert host.matter.state == "closed"
    host.says("approved", "r3")
    assert host.off() == ["shop/product/MUG"] * 2
    assert (host.matter.stage, host.matter.episode) == ("recalled", 2 if undone else 1)


def test_an_outcome_that_is_taken_back_or_a_case_that_is_closed_ends_nothing() -> None:
    host = Recall(product("MUG"))
    host.says(recalled_skus="MUG")
    host.says(None, "r2")
    assert "goes on until the case says one of end_on" in host.reasons[-1]
    host.case_changed(closed=True, status="Closed")
    host.case_changed(closed=True, status="Closed")
    assert host.of(RestoreProduct) == []
    assert len(host.alerts) == 1
    assert "the recall goes on" in host.comments()[-1]


def test_a_mode_that_keeps_off_shops_says_what_to_do_by_hand_and_has_nothing_to_undo() -> None:
    host = Recall(product("MUG"))
    host.matter = replace(host.matter, mode="cases")
    host.says(recalled_skus="MUG")
    assert "do it by hand" in host.comments()[0]
    withheld = tuple(replace(c, state="withheld") if c.kind != "CommentCase" else c for c in host.matter.commands)
    host.matter = replace(host.matter, commands=withheld)
    host.says("ended", "r2")
    assert host.matter.state == "closed"


def test_a_timer_without_a_recall_and_other_subjects_do_nothing() -> None:
    host = Recall(product("MUG"))
    host.says(None)
    host.run(CaseChanged(subject=CASE_ID, time=host.now))
    host.subject = Subject("shop", "order", "1")
    host.matter = replace(host.matter, subject=host.subject)
    host.changed()
    assert "not at a order" in host.reasons[-1]
    assert host.sent == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"shops": {}},
        {"marked_by": {}},
        {"start_on": {}},
        {"end_on": {"outcome": []}},
        {"product_notice": {"de": "Nicht benutzen"}},
        {"start_on": {"colour": ["red"]}},
        {"look_hours": 0},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RecallsSettings.model_validate({**POLICY, **wrong})


@pytest.mark.parametrize("places", tuple(permutations(range(3))))
def test_the_order_of_events_changes_nothing(places: tuple[int, ...]) -> None:
    host = Recall(product("MUG"), product("CUP"), product_notice={})
    host.says(recalled_skus="MUG")
    acts: list[Callable[[], object]] = [
        lambda: host.says(revision="r2", recalled_skus="MUG; CUP"),
        lambda: host.ends(),
        lambda: host.tick(1),
    ]
    for place in (*places, *places):
        acts[place]()
    assert sorted(host.off()) == ["shop/product/CUP", "shop/product/MUG"]


NAMES = st.lists(st.sampled_from([f"P{number}" for number in range(6)]), min_size=1, max_size=6)


@checked(max_examples=100, deadline=None)
@given(NAMES, NAMES, st.permutations(["ended", "approved", None, "look"]))
def test_everything_taken_off_sale_is_put_back(first: list[str], second: list[str], then: list[str | None]) -> None:
    host = Recall(*(product(f"P{number}", within=(f"P{number + 1}",)) for number in range(6)))
    host.says(recalled_skus=";".join(first))
    host.ends()
    for number, outcome in enumerate(then):
        host.tick(1) if outcome == "look" else host.says(outcome, f"s{number}", recalled_skus=";".join(second))
        host.ends()
    host.says("ended", "last")
    host.ends()
    assert all(host.reasons)
    assert host.matter.state == "closed"
    last: dict[str, str] = {}
    for command in host.sent:
        if isinstance(command, KINDS):
            last[f"{'product' in command.kind.lower()}:{command.name}"] = command.kind
    assert set(last.values()) <= {"RestoreProduct", "RemoveNotice"}
