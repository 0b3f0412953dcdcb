"""A stand-in of the merchant's cartridge: it finds triggers, acts, and writes status, result and time back."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from . import moments
from .attributes import JsonObject, store
from .orders import Order
from .people import CustomObject
from .refusals import Refused

if TYPE_CHECKING:
    from caseconnect_sfcc.simulator.settings import CartridgeSettings

    from .instance import Instance

WHO = "cartridge"
REFUNDED = "refundAmount"
RECEIPT = "CaseConnectReceipt"
"""What was done is kept under the action's key, in a type that the API does not write: a repeat acts no second time."""
OUTCOMES = ("done", "error", "unknown", "never")
_LATE = "It waited for too long, and a person was asked. Nothing was done."
ACTIONS = ("refund", "replacement", "exchange", "loyalty", "notice")
"""What `int_caseconnect` has a hook for."""


@dataclass(slots=True)
class Execution:
    """A run of a job, started over OCAPI Data."""

    id: str
    job_id: str
    client: str
    started: datetime
    ends: datetime
    parameters: list[dict[str, str]]
    finished: bool = False
    failed: bool = False


class Cartridge:
    """The job. It picks a trigger up `delay` seconds after the trigger's last write while its status is `requested`."""

    def __init__(self, instance: Instance, settings: CartridgeSettings) -> None:
        self.settings = settings
        self.executions: dict[str, Execution] = {}
        self._instance = instance
        self._since = instance.now()
        self._objects: dict[tuple[str | None, str | int], CustomObject] = {}

    def configure(self, **changes: Any) -> None:
        """Change settings while running. A job that was off works off from now on what waits."""
        self.settings = replace(self.settings, **changes)
        self._since = self._instance.now()

    def run_due(self) -> None:
        """Finish the executions that are due, and work triggers off unless only a started job does that."""
        now = self._instance.now()
        for execution in self.executions.values():
            if not execution.finished and execution.ends <= now:
                execution.finished = True
                self._work(execution.ends, None)
        if not self.settings.by_job_only:
            self._work(now, timedelta(seconds=self.settings.delay))

    def check(self, job_id: str) -> None:
        """Refuse a job that does not exist."""
        if job_id != self.settings.job_id or not self.settings.enabled:
            raise Refused("job-not-found", f"No job with ID '{job_id}' could be found.", jobId=job_id)

    def start(self, job_id: str, client: str, parameters: list[dict[str, str]]) -> Execution:
        """Start the job, or refuse."""
        self.check(job_id)
        if any(not each.finished for each in self.executions.values()):
            raise Refused("job-already-running", f"The job with ID '{job_id}' is already running.", jobId=job_id)
        now = self._instance.now()
        ends = now + timedelta(seconds=self.settings.job_seconds)
        made = Execution(self._instance.fresh_id("execution", 8), job_id, client, now, ends, parameters)
        self.executions[made.id] = made
        self._instance.note(client, "job.start", job_id, {"execution": made.id})
        return made

    def hook(self, order: Order, values: dict[str, Any]) -> None:
        """The `afterPATCH` hook of OCAPI Shop orders: acts at once on `c_orderAction`."""
        action = values.get("orderAction")
        if not self.settings.hook or not isinstance(action, str):
            return
        if self._outcome(action) == "error":
            text = "The hook returned a status of type error."
            raise Refused(
                "hook-status",
                text,
                extensionPoint="dw.ocapi.shop.order.afterPATCH",
                statusCode="ORDER_ACTION_FAILED",
                statusMsg=f"{action} was refused by the payment provider.",
                statusDetails={},
            )
        self._instance.note(WHO, f"merchant.{action}", order.number, {"returnCase": values.get("returnCase")})

    def _work(self, now: datetime, delay: timedelta | None) -> None:
        """Work off what is due `now`, as it would have been at its turn: the simulator wakes only when it is asked."""
        if not self.settings.enabled:
            return
        for found in [each for each in self._objects.values() if each.modified + (delay or timedelta(0)) <= now]:
            turn = now if delay is None else max(found.modified + delay, self._since)
            self._work_object(found, late=turn - found.created > timedelta(seconds=self.settings.oldest))

    def watch(self, written: CustomObject) -> None:
        """Look at what was just written: is it, or is it no longer, a trigger?"""
        if written.type != self.settings.trigger_type:
            return
        key = (written.site, written.key)
        if written.values.get("status") == "requested":
            self._objects[key] = written
        else:
            self._objects.pop(key, None)

    def forget(self, removed: CustomObject) -> None:
        """A trigger was deleted before its turn."""
        if removed.type == self.settings.trigger_type:
            self._objects.pop((removed.site, removed.key), None)

    def _work_object(self, found: CustomObject, *, late: bool) -> None:
        values = found.values
        outcome = self._outcome(str(values.get("action")))
        if outcome == "never":
            return
        receipt = self._instance.objects.get((RECEIPT, found.site, found.key))
        if receipt is None:
            now = moments.stamp(self._instance.now())
            status, result = ("error", _LATE) if late else self._call(outcome, found)
            written = {"status": status, "result": result, "startedAt": now, "finishedAt": now}
            self._instance.put_object(RECEIPT, found.key, found.site, written, WHO)
        else:
            written = receipt.values
        self._instance.put_object(found.type, found.key, found.site, written, WHO)

    def _outcome(self, action: str) -> str:
        return self.settings.outcomes.get(action, self.settings.outcome)

    def _fits(self, order: Order | None, found: CustomObject) -> bool:
        """As the job of `int_caseconnect` reckons: the attribute or what was done, and what is in doubt, leave less."""
        if order is None:
            return False
        given = {"done": Decimal(0), "unknown": Decimal(0)}
        for other in self._instance.objects.values():
            same = (other.type, other.site, other.values.get("orderNo")) == (found.type, found.site, order.number)
            receipt = self._instance.objects.get((RECEIPT, other.site, other.key))
            if same and other.values.get("action") == "refund" and other.key != found.key and receipt is not None:
                status = str(receipt.values["status"])
                given[status] = given.get(status, Decimal(0)) + _worth(other)
        told = Decimal(str(order.custom.get(REFUNDED, 0)))
        return 0 < _worth(found) <= order.total - max(told, given["done"]) - given["unknown"]

    def _give_back(self, order: Order, payload: JsonObject) -> None:
        """A merchant's hook keeps what was given back in an attribute of the order."""
        before = Decimal(str(order.custom.get(REFUNDED, 0)))
        values = {REFUNDED: float(before + Decimal(str(payload.get("amount", 0))))}
        self._instance.write_order(order, WHO, "order.custom", lambda: store(order.custom, values), values)

    def _call(self, outcome: str, found: CustomObject) -> tuple[str, str]:
        """Do what the merchant's hook would do; the ledger is where it shows. Tells status and result."""
        action, number = str(found.values.get("action")), str(found.values.get("orderNo") or "")
        if action not in ACTIONS:
            return "error", f"There is no action of this name. Known: {', '.join(ACTIONS)}."
        try:
            payload = json.loads(str(found.values.get("payload") or "{}"))
        except ValueError:
            return "error", "The payload is not JSON."
        order = self._instance.orders.get(number)
        if number and (order is None or order.site != found.site):
            return "error", "There is no order of this number on this site."
        fits = action != "refund" or self._fits(order, found)
        if outcome == "error" or not fits:
            less = "Less is left of the order than the refund asks for."
            return "error", "The payment provider refused." if fits else less
        effect = self._instance.note(WHO, f"merchant.{action}", number, {"payload": payload})
        if action == "refund" and order is not None:
            self._give_back(order, payload)
        if outcome == "unknown":
            return "unknown", "The hook failed on the way. See the log."
        return "done", f"{action} carried out, reference M-{effect.seq:06d}"


def _worth(action: CustomObject) -> Decimal:
    return Decimal(str(json.loads(str(action.values.get("payload") or "{}")).get("amount", 0)))
