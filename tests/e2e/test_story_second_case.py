"""Two cases of one matter, because a create landed late: the matter's own stays, the other is told and closed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from house import House, house
from stories import AGENT, alerts, comments, done, only_case, operations, placed, told

from caseconnect.sdk.testing import run
from caseconnect_opentext_case.simulator import CaseInput


def title_of_alert(h: House) -> str:
    (alert,) = h.journal.stuck()["alerts"]
    return str(alert["title"])


def land_late(h: House, reference: str) -> Any:
    """What a create does whose answer we gave up on: the same case once more, by our own account."""
    wanted = CaseInput(default={"caseTitle": "Order"}, custom={"externalReference": reference})
    definition = next(iter(h.cases.definitions))
    return h.cases.create_case(definition, wanted, h.cases.service)


def test_the_second_one_is_told_and_closed(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            order = await placed(h)
            first = only_case(h)
            await h.pass_time(90)
            second = land_late(h, first.custom["externalReference"])
            await h.pass_time(300)
            assert (first.fields.status, second.fields.status) == ("Open", "Closed")
            assert [t for t in comments(h) if first.number in t] == [c.text.split("\n")[0] for c in second.comments]
            alert = title_of_alert(h)
            assert f"{first.number} stays, {second.number} is closed" in alert
            (matter,) = told(h, order)["matters"]
            assert (matter["state"], matter["case_number"]) == ("open", first.number)
            before = operations(h)
            await h.pass_time(900)
            await h.restart()
            await h.pass_time(900)
            assert operations(h) == before
            h.cases.decide(first.id, "approved", AGENT)
            await h.pass_time(120)
            assert done(h) == ["hold", "release"]

    run(story())


@pytest.mark.parametrize("touch", ["comment", "decide", "attach", "change"])
def test_one_that_a_person_worked_on_is_not_closed(tmp_path: Path, touch: str) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            await placed(h)
            first = only_case(h)
            await h.pass_time(90)
            second = land_late(h, first.custom["externalReference"])
            touches: dict[str, Callable[[], Any]] = {
                "comment": lambda: h.cases.comment(second.id, "I take this one", AGENT),
                "decide": lambda: h.cases.decide(second.id, "rejected", AGENT),
                "attach": lambda: h.cases.attach(second.id, "mail.txt", b"x", "text/plain", AGENT),
                "change": lambda: h.cases.change(second.id, AGENT, custom={"queue": "fraud"}),
            }
            touches[touch]()
            await h.pass_time(600)
            assert (first.fields.status, second.fields.status) == ("Open", "Open")
            assert "nothing was closed" in second.comments[-1].text
            assert any(second.number in c.text and "nothing was closed" in c.text for c in first.comments)
            alert = title_of_alert(h)
            assert "decide which stays" in alert
            assert done(h) == ["hold"]

    run(story())


def test_a_case_of_another_environment_is_not_ours_to_close(tmp_path: Path) -> None:
    async def story() -> None:
        async with house(tmp_path) as h:
            await placed(h)
            first = only_case(h)
            other = land_late(h, first.custom["externalReference"].replace("test/", "staging/", 1))
            await h.pass_time(600)
            assert (other.fields.status, other.comments, alerts(h)) == ("Open", [], [])

    run(story())
