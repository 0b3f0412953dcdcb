"""Whether the connections give the flows what they ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from caseconnect.host.plugins import Installed
from caseconnect.host.tenants import TenantSet
from caseconnect.sdk.commands import AnnotateOrder, CloseCase, OpenCase
from caseconnect.sdk.components import Webhook
from caseconnect.sdk.events import CaseChanged, ShipmentReported

Read = Callable[..., TenantSet]

SHOP = "{platform: toyshop, settings: {shop: a.example, login: {user: me, password: {env: X}}}}"
PLAIN = "{platform: plainshop}"
CASES = "{platform: toycases}"


def file(flows: str, **connections: str) -> str:
    listed = "".join(f"  {name}: {value}\n" for name, value in connections.items())
    return f"tenant: acme\nenvironment: test\nconnections:\n{listed}flows:\n{flows}"


def places(found: TenantSet) -> list[tuple[tuple[str, ...], str | None]]:
    assert [str(p) for p in found.problems] == []
    return [(f.on, f.cases) for f in found.tenants["acme"].flows]


def problems(found: TenantSet) -> list[str]:
    assert found.tenants == {}
    return [f"{p.path}: {p.message} ({p.hint})" for p in found.problems]


def test_default_places(read: Read) -> None:
    flows = "  - use: review\n  - use: follow\n  - use: watch\n"
    got = places(read(file(flows, shop=SHOP, plain=PLAIN, cases=CASES)))
    # `plain` gives orders but no history and takes no hold: only `watch`, which needs neither, works on it.
    assert got == [(("shop",), "cases"), (("shop",), "cases"), (("shop", "plain"), None)]


def test_two_shops_are_both_taken(read: Read) -> None:
    other = SHOP.replace("a.example", "b.example")
    assert places(read(file("  - use: review\n", a=SHOP, b=other, cases=CASES))) == [(("a", "b"), "cases")]
    assert places(read(file("  - {use: review, on: [b]}\n", a=SHOP, b=other, cases=CASES))) == [(("b",), "cases")]


def test_two_connections_to_one_account_are_refused(read: Read) -> None:
    (problem,) = problems(read(file("  - use: review\n", a=SHOP, b=SHOP, cases=CASES)))
    assert problem == "connections.b: a is a connection to the same account (keep one of them)"


def test_a_plugin_that_cannot_name_its_account_is_told_without_its_text(read: Read, installed: Installed) -> None:
    def account(_: object) -> str:
        raise ValueError("ann@shop.test")

    installed.sources["toyshop"] = replace(installed.sources["toyshop"], account=account)
    (problem,) = problems(read(file("  - use: review\n", a=SHOP, cases=CASES)))
    assert problem.startswith("connections.a: toyshop cannot name its account: ValueError at ")
    assert "ann@" not in problem


def test_two_places_for_cases_must_be_told_apart(read: Read) -> None:
    (problem,) = problems(read(file("  - use: review\n", shop=SHOP, here=CASES, there=CASES)))
    assert problem == "flows[0]: more than one connection can open cases (add cases: here or cases: there)"
    got = places(read(file("  - {use: review, cases: there}\n", shop=SHOP, here=CASES, there=CASES)))
    assert got == [(("shop",), "there")]


def test_nobody_opens_cases(read: Read) -> None:
    got = problems(read(file("  - use: review\n", shop=SHOP)))
    ways = "(installed platforms that do: toycases; add a connection to one, or leave this flow out)"
    assert sorted(got) == [
        f"flows[0]: 'review' may ask for CommentCase, OpenCase, and no connection opens cases {ways}",
        f"flows[0]: 'review' needs the fact 'case', which shop (toyshop) does not supply {ways}",
        f"flows[0]: 'review' waits for CaseChanged, which none of its connections supplies {ways}",
    ]


def test_a_shop_that_lacks_facts_and_commands(read: Read) -> None:
    got = problems(read(file("  - {use: review, on: [plain]}\n", plain=PLAIN, cases=CASES)))
    ways = "(installed platforms that do: toyshop; add a connection to one, or leave this flow out)"
    assert sorted(got) == [
        f"flows[0].on: 'review' may ask for HoldOrder, which plain (plainshop) does not carry out {ways}",
        f"flows[0].on: 'review' needs the fact 'order_history', which plain (plainshop) does not supply {ways}",
    ]
    without_on = problems(read(file("  - use: review\n", plain=PLAIN, cases=CASES)))
    assert [p.replace("[0].on", "[0]") for p in got] == without_on


def test_no_shop_at_all(read: Read) -> None:
    (problem,) = problems(read(file("  - use: review\n", cases=CASES)))
    assert "waits for OrderChanged, which no connection supplies" in problem
    assert "plainshop, toyshop" in problem


def test_nobody_annotates(read: Read) -> None:
    (problem,) = problems(read(file("  - use: follow\n", plain=PLAIN, cases=CASES)))
    assert (
        "may ask for AnnotateOrder, which no connection carries out (installed platforms that do: toyshop;" in problem
    )


def test_no_installed_platform_supplies_it(read: Read, installed: Installed) -> None:
    sink = installed.sinks["toyshop"]
    installed.sinks = {"toycases": installed.sinks["toycases"]}
    assert AnnotateOrder in sink.commands
    (problem,) = problems(read(file("  - use: follow\n", shop=SHOP, cases=CASES)))
    assert "no installed plugin does: install one, or leave this flow out" in problem


def test_a_cases_connection_that_opens_none(read: Read) -> None:
    got = problems(read(file("  - {use: review, cases: plain}\n", shop=SHOP, plain=PLAIN)))
    assert any("may ask for OpenCase, which plain (plainshop) does not carry out" in p for p in got)


def test_a_wrong_connection_is_not_complained_about_twice(read: Read) -> None:
    got = problems(read(file("  - use: review\n", shop="{platform: nosuch}", cases=CASES)))
    assert len(got) == 1


def test_a_rule_that_begins_at_a_case_needs_no_shop(read: Read, installed: Installed) -> None:
    review = installed.transforms["review"]
    installed.transforms["recall"] = type(review)(
        "recall",
        "Begins at a case.",
        review.settings,
        topic="recall",
        handles=frozenset({CaseChanged}),
        needs=frozenset({"case"}),
        uses=frozenset({OpenCase}),
        decide=review.decide,
        begins_at_case=True,
    )
    assert places(read(file("  - use: recall\n", cases=CASES))) == [((), "cases")]


@pytest.mark.parametrize("mode", ["observe", "cases", "live"])
def test_what_is_lacking_is_told_in_every_mode(read: Read, mode: str) -> None:
    assert problems(read(file(f"  - {{use: review, mode: {mode}}}\n", shop=SHOP)))


def test_what_may_be_used_is_not_demanded(read: Read, installed: Installed) -> None:
    review = installed.transforms["review"]
    installed.transforms["review"] = replace(review, uses=review.uses | {CloseCase}, asks=lambda _: review.uses)
    assert places(read(file("  - use: review\n", shop=SHOP, cases=CASES))) == [(("shop",), "cases")]


def test_a_kind_that_two_connections_take_is_refused(read: Read, installed: Installed) -> None:
    door = Webhook("x-sign", ("login",), kinds=("complaint",))
    installed.triggers["toyshop"] = replace(installed.triggers["toyshop"], wakes=lambda _: [door])
    other = SHOP.replace("a.example", "b.example")
    (problem,) = problems(read(file("  - use: review\n", a=SHOP, b=other, cases=CASES)))
    assert problem.startswith("connections.b: a takes 'complaint' already: /in/acme/complaint is one address")


def test_what_may_come_is_not_waited_for(read: Read, installed: Installed) -> None:
    review = installed.transforms["review"]
    more = replace(review, handles=review.handles | {ShipmentReported})
    installed.transforms["review"] = more
    (problem,) = problems(read(file("  - use: review\n", shop=SHOP, cases=CASES)))
    assert "waits for ShipmentReported, which none of its connections supplies" in problem
    installed.transforms["review"] = replace(more, may_come=frozenset({ShipmentReported}))
    assert places(read(file("  - use: review\n", shop=SHOP, cases=CASES))) == [(("shop",), "cases")]
