"""Returns: pure rules from a return as asked for to a case, and what its outcome does."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Literal

from caseconnect.models import Case, Order, ReturnRequest
from caseconnect.sdk.casework import Action, UseCase, Verdict, Waiting, decide_item, left_out
from caseconnect.sdk.decisions import Decision, Facts, Matter, Needs
from caseconnect.sdk.events import Event
from caseconnect_returns.asking import requested
from caseconnect_returns.checks import final_sale, high_value, no_order, no_proof, outside_policy, return_request
from caseconnect_returns.settings import EXCEPTIONS, ReturnsSettings

_NO = frozenset({"", "no", "false", "0", "none"})
_OVER = {
    "open": "the return is approved in the shop",
    "declined": "the return is declined in the shop",
    "closed": "the return is closed in the shop",
    "canceled": "the return is cancelled",
}


def decide(event: Event, matter: Matter, facts: Facts, settings: ReturnsSettings, now: datetime) -> Decision | Needs:
    """Open a case for a return that policy does not settle, add to the open one, or carry its outcome out."""
    return decide_item(USE_CASE, event, matter, facts, settings, now, judge=judge, over=over)


def judge(
    item: ReturnRequest, order: Order | None, facts: Facts, settings: ReturnsSettings, now: datetime
) -> list[Verdict]:
    """Every check of a return that waits for an answer."""
    out = left_out(order, settings.applies_to) if order else None
    if out is not None:
        return [Verdict(f"return {item.name or item.id}: {out}")]
    return [
        outside_policy(item, order, settings, now),
        no_proof(item, settings, now),
        high_value(item, order, settings, now),
        final_sale(item, order, settings, now),
        no_order(item, order, settings, now),
        return_request(item, settings, now),
    ]


def over(item: ReturnRequest, order: Order | None) -> str | None:
    """It is answered already."""
    why = _OVER.get(item.status)
    return f"{why}: there is nothing to decide" if why else None


def _late(settings: ReturnsSettings) -> Collection[Action]:
    return ("refund", "credit") if settings.refund_when == "goods_back" else ()


def _goods(
    item: ReturnRequest | None, case: Case, settings: ReturnsSettings
) -> tuple[Literal["waits", "due", "over"], str]:
    """Whether the goods are back, as the shop or the agent says, and whether the shop gave money back by itself."""
    noted = case.attributes.get(settings.goods_received, "").strip().casefold() not in _NO
    status = item.status if item else "unknown"
    if status in ("declined", "canceled"):
        return "over", f"The return is {status} in the shop: nothing was given back."
    if not noted and status != "closed":
        return "waits", (
            "What is given back follows when the goods are back: when the shop closes the return, or "
            f"{settings.goods_received} says yes in the case."
        )
    if item is not None and item.refunded is not None and item.refunded.amount > 0:
        return "over", f"The shop gave {item.refunded} back for this return by itself: Connect adds nothing."
    return "due", "The goods are back."


USE_CASE = UseCase(
    name="returns",
    exceptions=EXCEPTIONS,
    decline_causes={"outside_policy": "return_period_ended", "final_sale": "final_sale"},
    waiting=Waiting(_late, _goods),
    item=ReturnRequest,
    reading=requested,
)
"""What casework must know."""
