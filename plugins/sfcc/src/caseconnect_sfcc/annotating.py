"""What staff see: attributes and tags on orders and profiles; and corrections of a profile's own fields."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from caseconnect.sdk.commands import AnnotateCustomer, AnnotateOrder, CorrectProfile
from caseconnect.sdk.components import Outcome, Sighting
from caseconnect.sdk.errors import PermanentError

from .client import CUSTOMERS, ORDERS, Json, part
from .writing import StateWork, attributes, named, order_no, place_of, writable

_ATTRIBUTE: Final = re.compile(r"^[A-Za-z][A-Za-z0-9_]{0,255}$")
_LONGEST: Final = {"birthday": 10, "fax": 32, "phoneBusiness": 32, "phoneHome": 32, "phoneMobile": 32}
"""SCAPI Customers 1.1.3; every other text of a profile has up to 256 characters."""

Send = Callable[[Json], Awaitable[Any]]
"""Sends a PATCH with this body."""


class Annotate(StateWork):
    """AnnotateOrder. Tags are the members of a set attribute of our own, so nobody else's tags are touched."""

    async def do(self, command: AnnotateOrder, key: str) -> Outcome:
        """Write what differs, in one PATCH."""
        number = order_no(command)
        site, order = await self.desk.places.order(number)
        path = f"/orders/{part(number)}"
        wanted = self._wanted(command, order)
        return await _patch(wanted, lambda body: self.desk.client.scapi(ORDERS, "PATCH", path, site=site, body=body))

    async def see(self, command: AnnotateOrder, key: str) -> Sighting:
        """Whether nothing differs."""
        _, order = await self.desk.places.order(order_no(command))
        return Sighting(seen=not self._wanted(command, order))

    def _wanted(self, command: AnnotateOrder, order: Json) -> Json:
        names = self.desk.settings.writing
        return differing(order, command, names.order_attributes, names.order_tags)


class _OfProfile(StateWork):
    async def _profile(self, command: AnnotateCustomer | CorrectProfile) -> tuple[str, Json]:
        """Where the profile is, and the profile; empty for the order of a guest."""
        target, settings = named(command, "customer", "order"), self.desk.settings
        if target.kind == "customer":
            list_id, number = place_of(target)
        else:
            site, order = await self.desk.places.order(target.id)
            info = order.get("customerInfo") or {}
            list_id, number = settings.customer_list(site), str(info.get("customerNo") or "")
            if info.get("guest") or not number:
                return "", {}
        found = await self.desk.client.customer(list_id, number)
        return f"/customer-lists/{part(list_id)}/customers/{part(number)}", found

    async def _send(self, path: str, profile: Json, body: Json) -> Any:
        """A PATCH names number and last name, too: the specification requires them (SCAPI Customers 1.1.3)."""
        whole = {name: profile[name] for name in ("customerNo", "lastName") if profile.get(name)} | body
        return await self.desk.client.scapi(CUSTOMERS, "PATCH", path, body=whole)


class AnnotateProfile(_OfProfile):
    """AnnotateCustomer."""

    async def do(self, command: AnnotateCustomer, key: str) -> Outcome:
        """Write what differs, in one PATCH."""
        path, profile = await self._profile(command)
        if not profile:
            return _GUEST
        wanted = self._wanted(command, profile)
        return await _patch(wanted, lambda body: self._send(path, profile, body))

    async def see(self, command: AnnotateCustomer, key: str) -> Sighting:
        """Whether nothing differs."""
        _, profile = await self._profile(command)
        return Sighting(seen=bool(profile) and not self._wanted(command, profile))

    def _wanted(self, command: AnnotateCustomer, profile: Json) -> Json:
        names = self.desk.settings.writing
        return differing(profile, command, names.profile_attributes, names.profile_tags)


class Correct(_OfProfile):
    """CorrectProfile: only fields that the settings allow, each as long as the platform takes it."""

    async def do(self, command: CorrectProfile, key: str) -> Outcome:
        """Write what differs, in one PATCH."""
        if refusal := self._refusal(command.fields):
            return Outcome(state="refused", note=refusal)
        path, profile = await self._profile(command)
        if not profile:
            return _GUEST
        wanted = _differs(profile, command.fields)
        return await _patch(wanted, lambda body: self._send(path, profile, body))

    async def see(self, command: CorrectProfile, key: str) -> Sighting:
        """Whether nothing differs."""
        _, profile = await self._profile(command)
        return Sighting(seen=bool(profile) and not _differs(profile, command.fields))

    def _refusal(self, fields: Mapping[str, str]) -> str:
        allowed = self.desk.settings.writing.correctable
        if unknown := sorted(set(fields) - set(allowed)):
            return f"{', '.join(unknown)} may not be corrected; `writing.correctable` allows {', '.join(allowed)}"
        if fields.get("lastName") == "":
            return "lastName cannot be empty"
        long = sorted(name for name, value in fields.items() if len(value) > _LONGEST.get(name, 256))
        return f"too long: {', '.join(long)}" if long else ""


_GUEST: Final = Outcome(state="refused", note="the shopper ordered as a guest and has no profile")


def differing(node: Json, command: AnnotateOrder | AnnotateCustomer, names: Mapping[str, str], tags_name: str) -> Json:
    """The body of the PATCH that makes `node` as the command wants it; empty when it is so."""
    wanted = {names.get(name, name): writable(value) for name, value in command.attributes.items()}
    if bad := sorted(name for name in wanted if not _ATTRIBUTE.match(name)):
        raise PermanentError(
            f"{', '.join(bad)} is no attribute id: letters, digits and '_'; map the names in `writing`"
        )
    found = attributes({name: value for name, value in wanted.items() if value != _text(node.get(f"c_{name}"))})
    there = node.get(f"c_{tags_name}")
    held = [str(each) for each in there] if isinstance(there, list) else []
    tags = [*(tag for tag in held if tag not in command.remove_tags)]
    tags += [tag for tag in command.add_tags if tag not in tags]
    return found if tags == held else {**found, f"c_{tags_name}": tags}


async def _patch(wanted: Json, send: Send) -> Outcome:
    if not wanted:
        return Outcome(state="done", note="it was so already")
    await send(wanted)
    return Outcome(state="done")


def _differs(profile: Json, fields: Mapping[str, str]) -> Json:
    return {name: value or None for name, value in fields.items() if value != _text(profile.get(name))}


def _text(value: Any) -> str:
    return "" if value is None else str(value)
