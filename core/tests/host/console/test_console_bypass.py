"""Ways around a role, a cap or the second person: each is closed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from console_desk import ConsoleDesk, look, refund, tenant_with
from journal_desk import TENANT, now_of

from caseconnect.host.journal.records import Brake
from caseconnect.host.web.console.settings import ConsoleSettings
from caseconnect.sdk.subjects import Subject

FOUR_EYES = ConsoleSettings(four_eyes={"EUR": Decimal(100)})
WHOLE = {"tenant": TENANT, "scope": "tenant"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ConsoleDesk]:
    caps = {"RefundPayment": {"hour": {"count": 2, "EUR": "50"}}, "CancelOrder": {"hour": {"count": 1}}}
    made = ConsoleDesk(tmp_path, FOUR_EYES, tenants={TENANT: tenant_with(caps)})
    yield made
    made.close()


def planned(desk: ConsoleDesk, id_: str, amount: str) -> str:
    (key,) = desk.plan(desk.matter(subject=Subject("shop", "order", id_)), refund(amount))
    return key


def pause(desk: ConsoleDesk, scope: str, name: str, by: str) -> None:
    now_of(desk.journal.pause(Brake(TENANT, scope, name, "why", by, desk.now)))


def test_what_connect_lets_go_by_itself_is_in_the_queue_of_the_pause_before_it(desk: ConsoleDesk) -> None:
    pause(desk, "tenant", TENANT, "ann")
    pause(desk, "connection", "shop", "connect")
    keys = [planned(desk, id_, "80") for id_ in ("1", "2")]
    assert [(q.key, q.behind) for q in desk.journal.held_back(TENANT, "tenant", TENANT)] == [
        (key, "shop") for key in keys
    ]
    bob, ann, eve = (desk.browser(*who) for who in (("bob", "operator"), ("ann", "approver"), ("eve", "approver")))
    assert "digest" not in bob.post("/plan/resume", WHOLE).text
    assert "when shop works again" in ann.post("/plan/resume", WHOLE).text
    assert ann.post("/do/resume", look(ann, "resume", **WHOLE)).status_code == 303
    assert len(desk.journal.brakes()) == 2
    assert eve.post("/proposals/1/confirm").status_code == 200
    assert [brake.scope for brake in desk.journal.brakes()] == ["connection"]


@pytest.mark.parametrize(("scope", "by"), [("connection", "eve"), ("access", "connect")])
def test_what_a_person_has_to_end_as_well_is_not(desk: ConsoleDesk, scope: str, by: str) -> None:
    pause(desk, "tenant", TENANT, "ann")
    pause(desk, scope, "shop", by)
    planned(desk, "1", "80")
    assert desk.journal.held_back(TENANT, "tenant", TENANT) == []
