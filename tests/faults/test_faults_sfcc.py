"""Refunds and credit on B2C Commerce: whatever is lost, late or killed, each is done once or is a person's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from random import Random  # noqa: TID251 - a seeded stream: a run can be repeated

import pytest
from money_seeds import WEATHERS, Effect, MoneyWorld, Planned, run_seeds

from caseconnect.models import Money
from caseconnect.sdk.commands import Expect, IssueCredit, RefundPayment
from caseconnect.sdk.subjects import Subject
from caseconnect.sdk.testing.wire import Sent
from caseconnect_sfcc.simulator import SfccSettings, create_app
from caseconnect_sfcc.simulator.scenarios import create_order
from caseconnect_sfcc.sink import SINK
from caseconnect_sfcc.source import SOURCE

MET = {
    "answers": ("done", "unknown", "lost before", "lost after", "error after", "busy", "503"),
    "late": ("done", "unknown", "late", "landed late"),
    "crash": ("done",),
    "revoked": ("done", "refused", "revoke", "by hand", "twice", "change"),
}


class SfccMoneyWorld(MoneyWorld):
    """An instance with four paid orders: two refunds by the cartridge's job, two gift certificates."""

    source = SOURCE
    sink = SINK

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.secrets = {"SCAPI": "scapi-secret", "OCAPI": "ocapi-secret"}
        self.settings = {
            "sites": ["RefArch"],
            "account_manager_url": "https://sim.test",
            "late": [],
            "read_notes": False,
            "read_related": False,
            "scapi": {
                "short_code": "kv7kzm78",
                "organization_id": "f_ecom_zzxy_prd",
                "client_id": "scapi-client",
                "client_secret": {"env": "SCAPI"},
                "base_url": "https://sim.test",
            },
            "ocapi": {
                "host": "www.brand.example",
                "client_id": "ocapi-client",
                "client_secret": {"env": "OCAPI"},
                "base_url": "https://sim.test/instances/zzxy_prd",
            },
        }
        self.app = create_app(SfccSettings(), now=now)
        self.instance = self.app.instances["zzxy_prd"]

    async def plan(self, rng: Random) -> Sequence[Planned]:
        """Amounts up to all that was paid."""
        found = []
        for number in range(4):
            order = create_order(self.instance, {"payment": "paid", "export": "exported"})
            target = Subject("shop", "order", order.number)
            cents = rng.randrange(100, int(order.total * 100))
            amounts = [Money(amount=Decimal(each) / 100, currency="USD") for each in (cents, cents - 1)]
            if number % 2:
                found.append(Planned(*(IssueCredit(target=target, amount=each) for each in amounts)))
                continue
            refunds = [
                RefundPayment(target=target, amount=each, expects=(self._expect(target, each),)) for each in amounts
            ]
            found.append(Planned(*refunds))
        return found

    @staticmethod
    def _expect(target: Subject, amount: Money) -> Expect:
        value = amount.model_dump(mode="json")
        return Expect(fact="order", subject=target, field="refundable", value=value, test="at_least")

    def effects(self) -> Sequence[Effect]:
        """What the hook gave back, and the certificates."""
        found = []
        for each in self.instance.ledger:
            if each.what == "merchant.refund":
                payload = each.args["payload"]
                worth = Money(amount=payload["amount"], currency=payload["currency"])
                found.append(Effect(Subject("shop", "order", each.target), "RefundPayment", worth))
            if each.what == "certificate.create":
                worth = Money(amount=each.args["amount"], currency=each.args["currency"])
                found.append(Effect(Subject("shop", "order", each.args["orderNo"]), "IssueCredit", worth))
        return found

    def moves(self, request: Sent) -> bool:
        """A token moves nothing."""
        return request.method != "GET" and not request.path.endswith("access_token")

    async def by_hand(self, planned: Planned, rng: Random) -> None:
        """A person gives a part back at the payment provider, and the order's attribute tells."""
        order = self.instance.orders[planned.target.id]
        given = Decimal(rng.randrange(1, int(order.total * 100))) / 100
        values = {"refundAmount": float(Decimal(str(order.custom.get("refundAmount", 0))) + given)}

        def change() -> bool:
            order.custom.update(values)
            return True

        self.instance.write_order(order, "merchant", "order.custom", change, values)


@pytest.mark.parametrize("weather", WEATHERS)
def test_no_seed_moves_money_twice_or_by_a_wrong_amount(weather: str, tmp_path: Path) -> None:
    tally = run_seeds(SfccMoneyWorld, weather, tmp_path)
    print(weather, dict(sorted(tally.seen.items())))  # noqa: T201 - `make simulate` shows it
    tally.require(*MET[weather])
