"""Pages over a small journal: each is there, empty and full, and says what it should."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from console_desk import ConsoleDesk
from journal_desk import ORDER, START, TENANT, case_of, delivery, now_of
from serving import TENANT as SERVED
from serving import write_tenant

from caseconnect.host.alerting.telling import Links
from caseconnect.host.journal.records import Brake, DecidedBy, NewAlert
from caseconnect.host.plugins import load
from caseconnect.host.tenants import load_tenants
from caseconnect.host.web.console.asking import Account, Live
from caseconnect.host.web.console.pages import PAGES
from caseconnect.host.web.console.pages.plots import columns, spark
from caseconnect.host.web.console.pages.showing import grouped, lasting, moment, safe_url, spelled, sums_of
from caseconnect.models import Money
from caseconnect.sdk.commands import RefundPayment

PLAIN = [page.path for page in PAGES if "{" not in page.path]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ConsoleDesk]:
    made = ConsoleDesk(tmp_path, pages=PAGES)
    now_of(made.journal.first(TENANT, "start", START))
    yield made
    made.close()


def usd(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency="USD")


def test_every_page_of_an_empty_journal_says_what_to_do(desk: ConsoleDesk) -> None:
    browser = desk.browser("vera", "viewer")
    for path in PLAIN:
        answer = browser.get(path)
        assert answer.status_code == 200, path
        assert "style=" not in answer.text, path
    assert "Nothing waits for you" in browser.get("/").text
    for path in ("/orders/acme/shop/order/1", "/orders/nobody/x", "/deliveries/7", "/tenants/x", "/incidents/acme/x"):
        answer = browser.get(path)
        assert (answer.status_code, "There is no" in answer.text) == (404, True), path


def test_what_waits_is_told_with_its_amount_and_the_effect_of_each_answer(desk: ConsoleDesk) -> None:
    matter = desk.matter()
    keys = desk.plan(matter, *(RefundPayment(name=name, amount=usd("600.25")) for name in "abc"))
    for key in keys:
        desk.settle(key, "parked", note="the answer was lost")
    text = desk.browser("ann", "approver").get("/").text
    assert "3 refunds wait for an answer" in text
    assert "1,800.75 USD" in text
    assert "Nothing is sent. Connect takes 3 refunds (1,800.75 USD) as done" in text
    assert text.count('name="key"') == 9
    seen = desk.browser("vera", "viewer").get("/").text
    assert "This takes the role approver" in seen
    assert "It is done&hellip;</button>" not in seen


def test_what_is_over_is_gone_by_itself(desk: ConsoleDesk) -> None:
    (receipt,) = desk.receive(delivery("bad", b"{"))
    desk.parsed(receipt.seq, state="parked", reason="the body is not JSON")
    now_of(desk.journal.alert(NewAlert(TENANT, "down:shop", "shop does not work"), START))
    now_of(desk.journal.pause(Brake(TENANT, "tenant", TENANT, "a trial", "ann", START)))
    browser = desk.browser("oli", "operator")
    text = browser.get("/").text
    for told in ("the body is not JSON", "shop does not work", "is paused by ann", "nothing of this tenant goes out"):
        assert told in text
    now_of(desk.journal.replay("deliveries", [receipt.seq], START))
    now_of(desk.journal.close_alert(TENANT, "down:shop", START))
    now_of(desk.journal.resume(TENANT, "tenant", TENANT, "over", "ann", START))
    assert "Nothing waits for you" in browser.get("/").text


@pytest.mark.parametrize("page", ["/", "/alerts"])
def test_an_alert_names_its_runbook_as_a_link_where_there_is_a_copy(desk: ConsoleDesk, page: str) -> None:
    now_of(desk.journal.alert(NewAlert(TENANT, "down:shop", "shop does not work"), START))
    browser = desk.browser("oli", "operator")
    assert "What to do: docs/runbooks/connection-down.md<" in browser.get(page).text
    desk.console.house.runbook = Links("j1", "https://docs.example.com/runbooks").runbook
    assert 'href="https://docs.example.com/runbooks/connection-down"' in browser.get(page).text


def test_a_connection_shows_when_its_secrets_and_its_token_end(desk: ConsoleDesk, tmp_path: Path) -> None:
    folder = write_tenant(tmp_path, template=SERVED.replace("SHOP_SECRET}", "SHOP_SECRET, expires: 2026-01-11}"))
    desk.tenants = dict(load_tenants(folder, load()).tenants)
    token_ends = desk.now + timedelta(hours=20)

    async def live() -> Live:
        return Live(accounts={(TENANT, "shop"): Account("demo", 20, 40, 40, 1, 0, token_ends)})

    desk.console.house.live = live
    text = desk.browser("vera", "viewer").get("/connections").text
    assert text.count("secret ends") == 1
    assert 'client_secret</code> <time datetime="2026-01-11T00:00:00+00:00"' in text
    assert f'<dt>access token ends</dt><dd><time datetime="{token_ends.isoformat(timespec="seconds")}"' in text


def test_alerts_that_differ_in_the_order_alone_are_one_thing(desk: ConsoleDesk) -> None:
    for number in range(30):
        subject = f"shop/order/{number}"
        title = f"{subject}: a request waits (RefundPayment parked)"
        now_of(desk.journal.alert(NewAlert(TENANT, f"approvals:{title}", title, subject), START))
    text = desk.browser("ann", "approver").get("/").text
    assert "30 alerts: ...: a request waits" in text
    assert text.count("<article") == 1


def test_a_body_is_for_operators(desk: ConsoleDesk) -> None:
    desk.receive(delivery("d", b'{"name": "Ann Lee"}'))
    viewer, operator = desk.browser("vera", "viewer"), desk.browser("oli", "operator")
    assert "Ann Lee" not in viewer.get("/deliveries/1").text
    assert viewer.get("/deliveries/1/body").status_code == 403
    assert "Ann Lee" in operator.get("/deliveries/1/body").text
    looks = [(click.who, click.about) for click in desk.journal.clicks() if click.action == "look_body"]
    assert looks == [("oli", ["/deliveries/1/body"])]
    assert "data-live" in operator.get("/deliveries/1").text
    assert "data-live" not in operator.get("/deliveries/1/body").text, "each look by itself would be written down"


def test_an_order_page_tells_why_there_is_no_case(desk: ConsoleDesk) -> None:
    desk.decide(events=(desk.event(),), answers=(DecidedBy("fraud", "high_value: 20 USD is below high_value.USD"),))
    text = desk.browser("vera", "viewer").get(f"/orders/{TENANT}/{ORDER}").text
    assert "There is no case: no flow found anything." in text
    assert "high_value: 20 USD is below high_value.USD" in text


def test_an_order_page_is_short_unless_all_is_asked_for(desk: ConsoleDesk) -> None:
    (key,) = desk.plan(desk.matter(), case_of())
    desk.send(key, data={"id": "77", "number": "CASE-77"})
    browser = desk.browser("vera", "viewer")
    short, whole = (browser.get(f"/orders/{TENANT}/{ORDER}{query}").text for query in ("", "?all=1"))
    assert "CASE-77" in short
    assert (short.count(">sending<"), whole.count(">sending<")) == (0, 1)


def test_numbers_of_flows_are_there_after_one_look(desk: ConsoleDesk) -> None:
    found = (DecidedBy("fraud", "risky", "m", decision={"findings": [{"exception": "x"}]}),)
    desk.decide(events=(desk.event(),), answers=found)
    text = desk.browser("vera", "viewer").get("/flows?span=7d").text
    assert "fraud" in text
    assert "100.0 %" in text


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, "0 s"), (59, "59 s"), (90, "90 s"), (600, "10 min"), (5400, "1.5 h"), (180000, "2 d")]
)
def test_lengths_of_time_are_said_in_one_unit(seconds: int, told: str) -> None:
    assert lasting(timedelta(seconds=seconds)) == told
    shown = moment(START, START + timedelta(seconds=seconds))
    assert shown is not None
    assert shown.ago == ("now" if seconds == 0 else f"{told} ago")


def test_amounts_and_names_are_said_as_people_read_them() -> None:
    yen = Money(amount=Decimal("1234567"), currency="JPY")
    assert (grouped(yen), grouped(usd("1234.5"))) == ("1,234,567 JPY", "1,234.50 USD")
    assert sums_of([usd("1"), None, yen, usd("2.50")]) == (yen, usd("3.50"))
    assert (spelled("RefundPayment"), spelled("order_review")) == ("refund payment", "order review")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//elsewhere", 'https://a"onclick', None])
def test_a_link_that_is_none_of_the_web_is_none(url: str | None) -> None:
    assert safe_url(url) is None
    assert safe_url("https://shop.test/admin/orders/1") is not None


def test_a_plot_keeps_within_its_frame() -> None:
    plot = columns("Things", "things", [(str(hour), float(hour * 37)) for hour in range(24)])
    assert all(0 <= bar.y <= bar.y + bar.height <= plot.base + 0.1 for bar in plot.bars)
    assert all(plot.left <= bar.x <= bar.x + bar.width <= plot.width for bar in plot.bars)
    assert (len(plot.rows), plot.empty, columns("x", "y", [("a", 0.0)]).empty) == (24, False, True)
    assert spark([0.0, 0.0]) == ""
    assert len(spark([1.0, 2.0, 3.0]).split()) == 3
