"""What our client sends, and what it is answered, is held against the official files."""

import asyncio
from typing import Any

import pytest
from sfcc_judges import Recorder, judges, verdicts

from caseconnect.sdk.decisions import Need
from caseconnect.sdk.errors import PermanentError
from caseconnect.sdk.subjects import Subject
from caseconnect_sfcc.connection import client_of
from caseconnect_sfcc.simulator.scenarios import create_content, create_customer, create_order, create_product, hand_in
from caseconnect_sfcc.source import SfccSource

KINDS = ("return", "complaint", "claim", "dispute")
FILE = "src/caseconnect/RefArch/CaseConnectReturn/K-1/file1"


@pytest.fixture(scope="module", name="judges")
def all_judges() -> Any:
    return judges()


def everything(made: Any) -> None:
    """A sweep that finds something everywhere, every fact, every check, and what is not there."""
    shopper = {"customerNo": "42", "email": "jane@shopper.example"}
    create_customer(made.instance, {"number": "42", "email": "jane@shopper.example"})
    create_product(made.instance, {"id": "mug"})
    create_content(made.instance, {"id": "recall"})
    made.instance.files[f"Impex/{FILE}"] = b"%PDF-1.7"
    source = SfccSource(made.settings, made.resources)
    client = client_of(made.settings, made.resources)

    async def story() -> None:
        await source.check()
        cursor = (await source.read(None, ())).cursor
        for n in range(7):
            number = f"{n:04d}"
            create_order(made.instance, {"number": number, "customer": shopper, "status": "created" if n else "new"})
            for kind in KINDS:
                hand_in(made.instance, kind, {"key": f"K-{n}", "orderNo": number, "customerEmail": shopper["email"]})
        create_order(made.instance, {"number": "guest", "customer": {"email": ""}})
        made.clock.forward(2 * 3600)
        more = True
        while more:
            page = await source.read(cursor, ())
            cursor, more = page.cursor, page.more
        needs = [("order", "order", "0001"), ("order_history", "order", "0001"), ("order_history", "order", "guest")]
        needs += [("customer", "customer", "RefArch/42"), ("product", "product", "mug"), ("document", "document", FILE)]
        needs += [(kind, kind, "RefArch/K-1") for kind in KINDS]
        for fact, kind, name in needs:
            subject = Subject("shop", kind, name)
            await source.fetch(Need(fact=fact, subject=subject))
            with pytest.raises(PermanentError):
                await source.fetch(Need(fact=fact, subject=subject._replace(id=f"{name}-absent")))
        await source.root(Subject("shop", "return", "RefArch/K-1"))
        await client.content("RefArch", "recall")

    asyncio.run(story())


def test_requests_and_answers_conform_to_the_official_files(judges: Any, desk: Any) -> None:
    made = desk(page_size=3)
    made.wire = Recorder(made.app)
    made.resources = made.fresh()
    everything(made)
    wrong, judged, unjudged = verdicts(judges, made.wire.seen)
    assert wrong == []
    assert {name for _, name in judged} >= {
        *("getOrders", "getOrder", "getCustomerFromCustomerList", "searchCustomerInCustomerList", "getProduct"),
    }
    print("without a judge (no file of the Shop API and of WebDAV is kept):", *sorted(unjudged), sep="\n  ")  # noqa: T201 - it is asked for
    assert unjudged
    assert all("/dw/shop/" in each or "/webdav/" in each for each in unjudged)
