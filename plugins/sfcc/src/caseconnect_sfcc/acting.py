"""Actions that no API of the platform carries out: an object for the cartridge's job, which calls the merchant's hook.

The object's key is made of our command's key, and the job acts once for each key, whatever is written under it and how
often (see cartridges/README.md). So a repeat is safe for as long as the merchant keeps the job's receipts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import orjson

from caseconnect.sdk.commands import (
    AdjustLoyalty,
    Command,
    CreateReplacement,
    ExchangeReturn,
    Item,
    NotifyCustomer,
    RefundPayment,
)
from caseconnect.sdk.components import Outcome, Sighting
from caseconnect.sdk.errors import ConnectError, PermanentError
from caseconnect.sdk.texts import mask, shorten

from . import refunding
from .client import Json, part
from .writing import LONGEST_TEXT, Desk, StateWork, attributes, found, named, our_key, place_of

REQUESTED: Final = "requested"
"""Status of an action that the job has not taken up."""

_ENDED: Final = frozenset({"done", "error", "unknown"})
_UNPLACED: Final = frozenset({"created", "failed"})
_MOST_ACTIONS: Final = 50
_REMEMBERED: Final = 20_000


class Act(StateWork):
    """One of the actions: `name` is the hook's, `details` its payload, `refusal` says why not, given the order."""

    def __init__(
        self,
        desk: Desk,
        name: str,
        details: Callable[[Any], Json],
        refusal: Callable[[Any, Json, Desk], str] = lambda command, order, desk: "",
    ) -> None:
        super().__init__(desk)
        self._name, self._details, self._refusal = name, details, refusal

    async def do(self, command: Command, key: str) -> Outcome:
        """Write the object, unless it is there."""
        site, order = await self._place(command)
        there = await self._find(site, our_key(key))
        if there is None:
            if refusal := await self._refused(command, site, order, our_key(key)):
                return Outcome(state="refused", note=refusal)
            there = await self._write(command, site, order, our_key(key))
        status, note = self._status(there)
        if status == "error":
            return Outcome(state="refused", note=note)
        if status == REQUESTED:
            note += await self._start()
        data = {"action": our_key(key), "site": site}
        return Outcome(state="done" if status == "done" else "accepted", note=note, data=data)

    async def see(self, command: Command, key: str) -> Sighting:
        """How the action stands."""
        site, _ = await self._place(command)
        there = await self._find(site, our_key(key))
        if there is None:
            return Sighting(seen=False)
        status, note = self._status(there)
        if status == "unknown":
            return Sighting(seen=None, note=f"the cartridge does not know whether it happened: {note}")
        return Sighting(seen=status == "done", failed=status == "error", note=note)

    async def _place(self, command: Command) -> tuple[str, Json]:
        """The site that the action belongs to, and the order, empty when it is about a customer."""
        if not self.desk.settings.actions.type:
            raise PermanentError(f"the settings name no custom object type for actions: {command.kind} needs one")
        target = named(command, "order", "customer")
        if target.kind == "order":
            return await self.desk.places.order(target.id)
        list_id, _ = place_of(target)
        sites = [site for site in self.desk.settings.sites if self.desk.settings.customer_list(site) == list_id]
        if not sites:
            raise PermanentError(f"no site of the connection has the customer list {list_id}")
        return sites[0], {}

    async def _refused(self, command: Any, site: str, order: Json, key: str) -> str:
        return self._refusal(command, order, self.desk)

    async def _start(self) -> str:
        """Start the job, if the settings say so. What comes of it is only told: the action is there, and waits."""
        names = self.desk.settings.writing
        if not names.start_job:
            return ""
        try:
            # Salesforce's own sfcc-ci sends an empty document to a job without parameters.
            await self.desk.client.ocapi("data", "POST", f"/jobs/{part(names.job)}/executions", body={})
        except ConnectError as error:
            return f"; it was not started, and comes by its schedule: {error}"
        return ""

    def _path(self, site: str, key: str) -> str:
        names = self.desk.settings.actions
        scope = f"/sites/{part(site)}" if names.scope == "site" else ""
        return f"{scope}/custom_objects/{part(names.type)}/{part(key)}"

    async def _find(self, site: str, key: str) -> Json | None:
        names = self.desk.settings.actions
        where = site if names.scope == "site" else ""
        return await found(self.desk.client.custom_object(names.type, key, where), "CustomObjectNotFound")

    async def _write(self, command: Command, site: str, order: Json, key: str) -> Json:
        names = self.desk.settings.actions
        payload = orjson.dumps(self._details(command)).decode()
        if len(payload) > LONGEST_TEXT:
            raise PermanentError(f"the details of the {self._name} are longer than {LONGEST_TEXT} characters")
        values = {names.action: self._name, names.payload: payload, names.status: REQUESTED}
        if order:
            values[names.order_number] = str(order["orderNo"])
        written = await self.desk.client.ocapi("data", "PUT", self._path(site, key), body=attributes(values))
        return written if isinstance(written, dict) else {f"c_{names.status}": REQUESTED}

    def _status(self, there: Json) -> tuple[str, str]:
        names = self.desk.settings.actions
        status = str(there.get(f"c_{names.status}") or REQUESTED)
        result = there.get(f"c_{names.result}")
        note = shorten(mask(result)) if isinstance(result, str) else ""
        return status, note if status in _ENDED else "the cartridge's job has not answered yet"


class Refund(Act):
    """A refund. Other refunds of the order leave less for it, also those that the job has not carried out yet."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, refunding.REFUND, refunding.details)
        self._asked: dict[str, set[str]] = {}

    async def _refused(self, command: Any, site: str, order: Json, key: str) -> str:
        if refusal := _placed(command, order, self.desk) or refunding.unfit(command, order):
            return refusal
        others = await self._others(site, str(order["orderNo"]), key)
        # The order is read after them, so that what ends meanwhile is counted twice rather than not at all.
        _, now = await self.desk.places.order(str(order["orderNo"]))
        return refunding.excess(command, now, others, self.desk.settings)

    async def _others(self, site: str, order_no: str, key: str) -> list[Json]:
        """The order's other refunds, each read by its key: the search finds late, so what we wrote is remembered."""
        names = self.desk.settings.actions
        term = {"term_query": {"fields": [f"c_{names.order_number}"], "operator": "is", "values": [order_no]}}
        request = {"query": term, "select": "(**)", "count": _MOST_ACTIONS}
        hits, total = await self.desk.client.custom_object_search(names.type, request)
        if total > len(hits):
            raise PermanentError(f"the order has {total} actions: more than {_MOST_ACTIONS} are not added up")
        keys = {str(each["key_value_string"]) for each in hits if each.get(f"c_{names.action}") == refunding.REFUND}
        keys |= self._asked.get(order_no, set())
        found = [await self._find(site, each) for each in sorted(keys - {key})]
        return [each for each in found if each is not None]

    async def _write(self, command: Command, site: str, order: Json, key: str) -> Json:
        if len(self._asked) >= _REMEMBERED:
            del self._asked[next(iter(self._asked))]
        self._asked.setdefault(str(order["orderNo"]), set()).add(key)
        return await super()._write(command, site, order, key)


def works(desk: Desk) -> dict[type[Command], Act]:
    """The commands that are actions."""
    return {
        RefundPayment: Refund(desk),
        CreateReplacement: Act(desk, "replacement", _replacement, _placed),
        ExchangeReturn: Act(desk, "exchange", _exchange, _placed),
        AdjustLoyalty: Act(desk, "loyalty", _loyalty),
        NotifyCustomer: Act(desk, "notice", _notice, _reachable),
    }


def _placed(command: Command, order: Json, desk: Desk) -> str:
    if not order:
        return f"{command.kind} is about an order"
    return f"the order is {order['status']}: it was never placed" if order.get("status") in _UNPLACED else ""


def _replacement(command: CreateReplacement) -> Json:
    return {"items": _items(command.items), "note": command.note}


def _exchange(command: ExchangeReturn) -> Json:
    return {"returned": command.returned.id, "items": _items(command.items)}


def _loyalty(command: AdjustLoyalty) -> Json:
    customer = command.target if command.target is not None and command.target.kind == "customer" else None
    return {
        "points": command.points,
        "program": command.program,
        "note": command.note,
        "customer": place_of(customer)[1] if customer else "",
    }


def _notice(command: NotifyCustomer) -> Json:
    return {
        "template": command.template,
        "email": command.email,
        "locale": command.locale,
        "values": command.values,
    }


def _reachable(command: NotifyCustomer, order: Json, desk: Desk) -> str:
    if command.upload:
        return "a notice of the cartridge holds no link for files: let another connection carry NotifyCustomer out"
    info = order.get("customerInfo") or {}
    return "" if command.email or info.get("email") else "there is no e-mail address to write to"


def _items(items: Sequence[Item]) -> list[Json]:
    return [item.model_dump() for item in items]
