"""A sink on a simulated instance."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from caseconnect.sdk.components import Outcome, Sighting
from caseconnect.sdk.subjects import Subject
from caseconnect_sfcc.simulator.faults import Fault
from caseconnect_sfcc.simulator.scenarios import create_order
from caseconnect_sfcc.sink import SfccSink


class Stage:
    """What a test of the sink plays with: the platform's records on one side, the sink on the other."""

    def __init__(self, desk: Any) -> None:
        self.desk, self.instance, self.clock = desk, desk.instance, desk.clock
        self.sink = SfccSink(desk.settings, desk.resources)

    def order(self, **spec: Any) -> Any:
        """An order that waits to be exported."""
        shopper = {"customerName": "Jane Shopper", "email": "jane@shopper.example"}
        return create_order(self.instance, {"customer": shopper, "export": "ready", **spec})

    @staticmethod
    def about(order: Any) -> Subject:
        """An order as a target."""
        return Subject("shop", "order", order.number)

    def do(self, command: Any, key: str = "k-1") -> Outcome:
        return asyncio.run(self.sink.execute(command, key))

    def see(self, command: Any, key: str = "k-1") -> Sighting:
        return asyncio.run(self.sink.verify(command, key))

    def before(self, command: Any) -> Any:
        return asyncio.run(self.sink.before(command))

    def check(self) -> Any:
        return {each.step: each for each in asyncio.run(self.sink.check())}

    def fault(self, operation: str, kind: str = "drop_after", **more: Any) -> None:
        self.desk.app.faults.schedule(Fault(kind, operation, **more))

    def changes(self, instance: Any = None) -> list[str]:
        """What the API changed, in order."""
        ledger = (instance or self.instance).ledger
        return [each.what for each in ledger if each.who in {"scapi-client", "ocapi-client"} and each.changed]

    def merchant(self, name: str) -> list[Any]:
        """What the cartridge's hooks did."""
        return [each.args["payload"] for each in self.instance.ledger if each.what == f"merchant.{name}"]


@pytest.fixture
def stage(desk: Callable[..., Any]) -> Callable[..., Stage]:
    def make(simulator: Any = None, **settings: Any) -> Stage:
        return Stage(desk(simulator, **settings))

    return make
