"""The console's doors to actions: what would happen, doing it, proposals."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from caseconnect.host.web.console.acting import Actor, LookAgain, NotAllowed
from caseconnect.host.web.console.actions import Plan
from caseconnect.host.web.console.asking import Shown
from caseconnect.host.web.console.guard import Asked, Caller, Door
from caseconnect.host.web.console.people import Role
from caseconnect.host.web.console.plans import ACTIONS

Draw = Callable[[Request, Shown, Caller | None], Response]


class Forms:
    """`/plan/{action}`, `/do/{action}`, and the answers to a proposal."""

    def __init__(self, actor: Actor, draw: Draw) -> None:
        self._actor, self._draw = actor, draw

    def doors(self) -> list[Door]:
        """All of them. What an action takes beyond an operator, its plan says."""
        return [
            Door("/plan/{action}", self._plan, Role.OPERATOR, "POST"),
            Door("/do/{action}", self._do, Role.OPERATOR, "POST"),
            Door("/proposals/{number:int}/confirm", self._confirm, Role.APPROVER, "POST"),
            Door("/proposals/{number:int}/decline", self._decline, Role.APPROVER, "POST"),
        ]

    async def _plan(self, asked: Asked) -> Response:
        plan = await self._actor.plan(asked.request.path_params["action"], asked.form, asked.who)
        return self._shown(asked, plan)

    async def _do(self, asked: Asked) -> Response:
        name = asked.request.path_params["action"]
        given = (asked.form, asked.one("digest"), asked.one("reason"), asked.who)
        try:
            ended = await self._actor.do(name, *given)
        except LookAgain as error:
            return self._shown(asked, error.plan, str(error))
        except NotAllowed as error:
            return self._refused(asked, str(error))
        if ended.proposal is not None:
            return RedirectResponse("/proposals", 303)
        return self._draw(asked.request, Shown("done.html", {"ended": ended}, "Done"), asked.caller)

    async def _confirm(self, asked: Asked) -> Response:
        try:
            ended = await self._actor.confirm(self._number(asked), asked.one("reason"), asked.who)
        except LookAgain as error:
            return self._shown(asked, error.plan, f"{error} The proposal has ended.")
        except NotAllowed as error:
            return self._refused(asked, str(error))
        return self._draw(asked.request, Shown("done.html", {"ended": ended}, "Done"), asked.caller)

    async def _decline(self, asked: Asked) -> Response:
        await self._actor.decline(self._number(asked), asked.one("reason"), asked.who)
        return RedirectResponse("/proposals", 303)

    @staticmethod
    def _number(asked: Asked) -> int:
        return int(asked.request.path_params["number"])

    def _shown(self, asked: Asked, plan: Plan, why: str = "") -> Response:
        allowed = asked.who.person.may(plan.role)
        values = {"plan": plan, "why": why, "allowed": allowed, "asks_reason": ACTIONS[plan.action].reason}
        return self._draw(asked.request, Shown("plan.html", values, plan.title, 409 if why else 200), asked.caller)

    def _refused(self, asked: Asked, why: str) -> Response:
        return self._draw(asked.request, Shown("refused.html", {"why": why}, "Not allowed", 403), asked.caller)
