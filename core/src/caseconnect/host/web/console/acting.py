"""Carrying actions out: planned, checked to be the same still, written down as a click, done; or proposed to a second.

The same for the console's forms and for the API.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from caseconnect.host.journal import Journal
from caseconnect.host.journal import clicks as kept
from caseconnect.host.journal.clicks import Click, GivenAway, Proposal
from caseconnect.host.journal.states import PARKED
from caseconnect.host.tenants.tenant import Tenant
from caseconnect.host.web.console.actions import Desk, Fields, NotPossible, Plan
from caseconnect.host.web.console.guard import Caller
from caseconnect.host.web.console.people import Role
from caseconnect.host.web.console.plans import ACTIONS
from caseconnect.host.web.console.sessions import Sessions
from caseconnect.host.web.console.settings import ConsoleSettings
from caseconnect.host.web.control import Verbs
from caseconnect.sdk.errors import ConnectError

_LONGEST_REASON = 500
_TOGETHER = timedelta(hours=24)
"""So long what one person gives away counts together."""

_MOST = 2**62  # more is no row's number


class NotAllowed(ConnectError):
    """The person may not do this, or has to sign in again first."""


class LookAgain(ConnectError):
    """What it is about has changed since the person looked. `plan` is what would happen now."""

    def __init__(self, plan: Plan) -> None:
        super().__init__("What this is about has changed since you looked. Nothing was done: look again.")
        self.plan = plan


@dataclass(frozen=True)
class Ended:
    """What became of an action: `ok` and `failed` by what they were about, or the number of the `proposal`."""

    plan: Plan
    ok: Mapping[str, Mapping[str, Any]]
    failed: Mapping[str, str]
    proposal: int | None = None

    @property
    def text(self) -> str:
        """In one sentence, for the audit."""
        if self.proposal is not None:
            return f"proposed as number {self.proposal}"
        if not self.failed:
            return "done"
        return f"{len(self.ok)} done, {len(self.failed)} not: {next(iter(self.failed.values()))}"

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "result": self.text,
            "proposal": self.proposal,
            "done": {name: dict(told) for name, told in self.ok.items()},
            "failed": dict(self.failed),
        }


@dataclass
class Actor:
    """Plans and does. `read` runs what only reads in a thread of the console's own."""

    settings: Callable[[], ConsoleSettings]
    reading: Journal
    journal: Journal
    verbs: Verbs
    tenants: Callable[[], Mapping[str, Tenant]]
    sessions: Sessions
    now: Callable[[], datetime]
    read: Callable[[Callable[[], Any]], Awaitable[Any]]
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def plan(self, name: str, fields: Fields, caller: Caller | None = None) -> Plan:
        """What the action would do now, if `caller` asks for it. `NotPossible` if there is nothing to do."""
        action = ACTIONS.get(name)
        if action is None:
            raise NotPossible(f"there is no action {name!r}")
        given = {field: tuple(fields[field]) for field in action.fields if fields.get(field)}
        desk = Desk(self.reading, self.tenants(), self.now(), self.verbs.names(), self.settings().four_eyes)

        def planned() -> Plan:
            who = caller.person.name if caller else ""
            before = self.reading.given_away(who, desk.now - _TOGETHER, desk.now) if who else GivenAway()
            return action.plan(replace(desk, before=before), given)

        plan: Plan = await self.read(planned)
        return plan

    async def do(
        self, name: str, fields: Fields, digest: str, reason: str, caller: Caller, through: str = "console"
    ) -> Ended:
        """Do it if it is what was shown, or propose it. Raises `LookAgain`, `NotAllowed`, `NotPossible`."""
        async with self._one:  # of two clicks at once the later one counts the other
            plan = await self.plan(name, fields, caller)
            self._may(plan, caller)
            why = self._reason(name, reason)
            if plan.digest != digest:
                raise LookAgain(plan)
            click = self._click(plan, caller, why, through)
            if plan.second:
                return await self._propose(plan, click, caller, why)
            if plan.pays:
                click = replace(click, fields={**click.fields, kept.WORTH: plan.worths})
            seq = await self.journal.clicked(click)
        return await self._carry_out(plan, seq, why, caller.person.name)

    async def confirm(self, number: int, reason: str, caller: Caller, through: str = "console") -> Ended:
        """The second person says yes. The first of two at once is the one."""
        proposal = await self._open(number)
        plan = await self._still(proposal)
        self._may(plan, caller, Role.APPROVER)
        if caller.session is None and self.settings().oidc:
            raise NotAllowed("A token does not confirm: a person who signed in does, in the console.")
        me = caller.person.name
        why = f"{proposal.reason} (proposed by {proposal.who}, confirmed by {me}{': ' + reason if reason else ''})"
        click = self._click(plan, caller, why, through, f"confirm:{plan.action}", number)
        seq = await self.journal.clicked(click)
        try:
            await self.journal.end_proposal(number, kept.DONE, me, reason, click.at)
        except ConnectError as error:
            await self.journal.click_ended(seq, f"refused: {error}", self.now())
            raise
        asks = tuple({**ask, "confirmed_by": me} for ask in plan.asks)
        by = proposal.who if plan.action == "change_cap" else me
        return await self._carry_out(plan, seq, why, by, asks)

    async def decline(self, number: int, reason: str, caller: Caller, through: str = "console") -> None:
        """Somebody says no; who proposed it takes it back."""
        proposal = await self._open(number)
        if not caller.person.may(Role.APPROVER):
            raise NotAllowed("This takes the role approver.")
        me, now = caller.person.name, self.now()
        state = kept.WITHDRAWN if proposal.who.casefold() == me.casefold() else kept.REFUSED
        about = [step["about"] for step in proposal.plan["steps"]]
        click = Click(now, me, caller.person.role.word, state, through, proposal.tenant, about, {}, reason, number)
        seq = await self.journal.clicked(click)
        await self.journal.end_proposal(number, state, me, reason, now)
        await self.journal.click_ended(seq, "done", self.now())

    async def _open(self, number: int) -> Proposal:
        proposal = self.reading.proposal(number, self.now()) if number < _MOST else None
        if proposal is None:
            raise NotPossible(f"there is no proposal {number}")
        if proposal.state != kept.OPEN:
            raise NotPossible(f"proposal {number} is {proposal.state}")
        return proposal

    async def _still(self, proposal: Proposal) -> Plan:
        """What the proposal is about, if that is as it was; else the proposal ends."""
        try:
            plan = await self.plan(proposal.action, proposal.fields)
        except NotPossible as error:
            await self.journal.end_proposal(proposal.seq, kept.CHANGED, "connect", str(error), self.now())
            raise
        # Two decide it, also if the first of them could do it alone by now.
        plan = replace(plan, second=plan.second or str(proposal.plan["second"]))
        if plan.digest != proposal.digest:
            why = "what it is about has changed"
            await self.journal.end_proposal(proposal.seq, kept.CHANGED, "connect", why, self.now())
            raise LookAgain(plan)
        return plan

    def _may(self, plan: Plan, caller: Caller, least: Role = Role.VIEWER) -> None:
        role = max(plan.role, least)
        if not caller.person.may(role):
            why = "answers money, and changes caps" if role == Role.APPROVER else "does this"
            raise NotAllowed(f"An {role.word} {why}; you are {caller.person.role.word}.")
        pays = plan.pays or bool(plan.second)
        if pays and caller.session and not self.sessions.is_fresh(caller.session):
            raise NotAllowed("You signed in a while ago: sign in again before you answer money, then do it once more.")

    def _reason(self, name: str, reason: str) -> str:
        why = " ".join(reason.split())
        if ACTIONS[name].reason and not why:
            raise NotPossible("Say why: it is kept with your name.")
        if len(why) > _LONGEST_REASON:
            raise NotPossible(f"A reason has at most {_LONGEST_REASON} characters.")
        return why

    def _click(
        self, plan: Plan, caller: Caller, why: str, through: str, action: str = "", proposal: int | None = None
    ) -> Click:
        about = dict.fromkeys(name for step in plan.steps for name in (step.about, step.subject) if name)
        about |= dict.fromkeys(plan.rest.money)
        person = caller.person
        names = (person.name, person.role.word, action or plan.action, through, plan.tenant)
        return Click(self.now(), *names, tuple(about), dict(plan.fields), why, proposal)

    async def _propose(self, plan: Plan, click: Click, caller: Caller, why: str) -> Ended:
        until = click.at + self.settings().proposals
        who = caller.person.name
        fields = {name: list(values) for name, values in plan.fields.items()}
        new = Proposal(click.at, until, plan.tenant, who, plan.action, fields, plan.plain(), plan.digest, why)
        number = await self.journal.propose(new)
        ended = Ended(plan, {}, {}, number)
        seq = await self.journal.clicked(click)
        await self.journal.click_ended(seq, ended.text, self.now())
        return ended

    async def _carry_out(
        self, plan: Plan, seq: int, why: str, by: str, asks: tuple[Mapping[str, Any], ...] = ()
    ) -> Ended:
        ok: dict[str, Mapping[str, Any]] = {}
        failed: dict[str, str] = {}
        verb = ACTIONS[plan.action].verb
        several = len(plan.asks) == len(plan.steps)
        for place, ask in enumerate(asks or plan.asks):
            about = plan.steps[place].about if several else plan.title
            try:
                told = await self.verbs.do(verb, {**ask, "reason": why, "by": by})
            except ConnectError as error:
                failed[about] = str(error)
                continue
            if missed := _missed(ask, told):
                failed[about] = missed
            else:
                ok[about] = told
        ended = Ended(plan, ok, failed)
        await self.journal.click_ended(seq, ended.text, self.now())
        return ended


_COUNTED = (("answered", "keys"), ("replayed", "seqs"), ("opened", "subjects"))


def _missed(ask: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    """Why the verb did not do all that it was asked for; empty if it did."""
    if ask.get("answer") == "retry" and told.get("state") == PARKED:  # asked again, and a cap is full
        return f"it is parked as {told['key']}: {told.get('note') or 'a person decides'}"
    if told.get("state") == "kept":  # an undoing that found a person's work in the case
        return str(told["why"])
    if told.get("changed") is False:
        return "nothing was changed: it was so already"
    for done, asked in _COUNTED:
        if done in told and told[done] < len(ask[asked]):
            return (
                f"{told[done]} of {len(ask[asked])} were done: the others are not any more what they were, look again"
            )
    return ""
