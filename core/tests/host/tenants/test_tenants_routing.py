"""Who carries out what is not the shop's own, whose facts count, and what settings take away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from caseconnect.host.plugins import Installed
from caseconnect.host.tenants import TenantSet
from caseconnect.sdk.commands import Command, HoldOrder, NotifyCustomer, RefundPayment
from caseconnect.sdk.components import Repeat, SinkSpec
from caseconnect.sdk.events import ComplaintChanged

Read = Callable[..., TenantSet]

SHOP = "{platform: toyshop, settings: {shop: a.example, login: {user: me, password: {env: X}}}}"
SHOPS = {"shop": SHOP, "other": SHOP.replace("a.example", "b.example")}
CASES, MAIL, DOOR = "{platform: toycases}", "{platform: toymail}", "{platform: toydoor}"


@pytest.fixture(autouse=True)
def more(installed: Installed) -> None:
    """Mail that only sends, a door that only tells of complaints, and use cases for both."""
    cases = installed.sinks["toycases"]
    mail: dict[type[Command], Repeat] = {NotifyCustomer: Repeat.PERSON}
    shop = installed.sources["toyshop"]
    installed.sinks["toymail"] = SinkSpec("toymail", "A toy.", cases.settings, build=cases.build, commands=mail)
    installed.sources["toydoor"] = replace(
        shop, name="toydoor", settings=cases.settings, facts={}, tells=frozenset({"complaint"}),
        emits=frozenset({ComplaintChanged}), roots=frozenset({"complaint"}),
    )  # fmt: skip
    watch = installed.transforms["watch"]
    installed.transforms["notice"] = replace(watch, name="notice", uses=frozenset({NotifyCustomer, HoldOrder}))
    installed.transforms["complain"] = replace(
        watch,
        name="complain",
        handles=frozenset({ComplaintChanged}),
        needs=frozenset({"complaint", "order"}),
        uses=frozenset({HoldOrder}),
    )


def file(flow: str, **connections: str) -> str:
    listed = "".join(f"  {name}: {value}\n" for name, value in connections.items())
    return f"tenant: acme\nenvironment: test\nconnections:\n{listed}flows:\n  - {flow}\n"


def carried(found: TenantSet, home: str = "shop") -> str:
    assert [str(p) for p in found.problems] == []
    tenant = found.tenants["acme"]
    return tenant.carrier(tenant.flows[0], NotifyCustomer, home)


def problems(found: TenantSet) -> list[str]:
    assert found.tenants == {}
    return [f"{p.path}: {p.message} ({p.hint})" for p in found.problems]


def test_what_the_shop_does_not_do_goes_to_the_only_one_that_does(read: Read) -> None:
    assert carried(read(file("use: notice", **SHOPS, mail=MAIL))) == "mail"


def test_what_two_do_must_be_told_apart(read: Read) -> None:
    (problem,) = problems(read(file("use: notice", shop=SHOP, mail=MAIL, post=MAIL)))
    assert problem == (
        "flows[0]: 'notice' may ask for NotifyCustomer, which mail and post carry out (say which: via: "
        "{NotifyCustomer: mail})"
    )
    told = "{use: notice, via: {NotifyCustomer: post}}"
    assert carried(read(file(told, shop=SHOP, mail=MAIL, post=MAIL))) == "post"


def test_another_shop_never_carries_it_out_unless_it_is_named(read: Read, installed: Installed) -> None:
    plain = installed.sinks["toyshop"]
    installed.sinks["plainshop"] = replace(plain, name="plainshop", commands={NotifyCustomer: Repeat.PERSON})
    connections = {"shop": SHOP, "plain": "{platform: plainshop}"}
    got = problems(read(file("{use: notice, on: [shop]}", **connections)))
    assert "may ask for NotifyCustomer, which shop (toyshop) does not carry out" in got[0]
    told = "{use: notice, on: [shop], via: {NotifyCustomer: plain}}"
    assert carried(read(file(told, **connections))) == "plain"


@pytest.mark.parametrize(
    ("via", "said"),
    [
        ("{NotifyCustomer: mial}", "flows[0].via.NotifyCustomer: there is no connection 'mial' (did you mean mail?"),
        ("{NotifyCustomer: shop}", "flows[0].via.NotifyCustomer: shop (toyshop) does not carry out NotifyCustomer"),
        ("{RefundPayment: mail}", "flows[0].via.RefundPayment: 'notice' asks for no RefundPayment"),
        ("{OpenCase: mail}", "flows[0].via.OpenCase: OpenCase goes to the flow's cases"),
    ],
)
def test_a_way_that_leads_nowhere_is_refused(read: Read, via: str, said: str) -> None:
    got = problems(read(file(f"{{use: notice, via: {via}}}", shop=SHOP, mail=MAIL)))
    assert any(problem.startswith(said) for problem in got), got


def test_a_door_is_given_the_facts_and_the_commands_of_the_shops_whose_orders_it_is_about(read: Read) -> None:
    found = read(file("use: complain", door=DOOR, **SHOPS))
    assert [str(p) for p in found.problems] == []
    assert found.tenants["acme"].flows[0].on == ("door",)
    got = problems(read(file("use: complain", door=DOOR)))
    assert any("needs the fact 'order', which door (toydoor) does not supply" in p for p in got)
    assert any("may ask for HoldOrder, which door (toydoor) does not carry out" in p for p in got)


def test_what_is_told_counts_as_supplied(read: Read, installed: Installed) -> None:
    installed.sources["toydoor"] = replace(installed.sources["toydoor"], tells=frozenset())
    (problem,) = problems(read(file("use: complain", door=DOOR, shop=SHOP)))
    assert "needs the fact 'complaint', which door (toydoor) does not supply (no installed plugin does" in problem


def test_a_fact_that_it_can_do_without_is_not_demanded(read: Read, installed: Installed) -> None:
    complain = installed.transforms["complain"]
    installed.transforms["complain"] = replace(complain, optional=frozenset({"order"}), uses=frozenset())
    assert read(file("use: complain", door=DOOR)).problems == []


def test_what_the_settings_take_away_is_not_demanded(read: Read, installed: Installed) -> None:
    notice = installed.transforms["notice"]

    def asks(settings: object) -> frozenset[type]:
        return frozenset({HoldOrder} if settings.hold else ())  # type: ignore[attr-defined] # the toy's settings

    installed.transforms["notice"] = replace(notice, asks=asks)
    plain = "{platform: plainshop}"
    assert read(file("{use: notice, settings: {hold: false}}", plain=plain)).problems == []
    (problem,) = problems(read(file("use: notice", plain=plain)))
    assert "may ask for HoldOrder, which plain (plainshop) does not carry out" in problem


def test_a_plugin_that_asks_for_what_it_did_not_declare_is_found_out(read: Read, installed: Installed) -> None:
    notice = installed.transforms["notice"]
    installed.transforms["notice"] = replace(notice, asks=lambda _: frozenset({RefundPayment}))
    (problem,) = problems(read(file("use: notice", shop=SHOP)))
    assert problem == "flows[0]: 'notice' asks for RefundPayment, which it did not declare (a fault of the plugin)"

    def broken(settings: object) -> frozenset[type]:
        raise KeyError("ann@shop.test")

    installed.transforms["notice"] = replace(notice, asks=broken)
    got = problems(read(file("use: notice", shop=SHOP, mail=MAIL)))
    assert "cannot tell what it asks for: KeyError at" in got[0]
    assert "ann@" not in got[0]
