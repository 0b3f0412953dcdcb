"""What a platform asks of the host itself: that a connection is over, and what is done about personal data.

It is carried out before the delivery counts as read, so that a crash between the two repeats it; repeating is harmless.
"""

from __future__ import annotations

from caseconnect.host.journal.privacy import Receipt, Whom
from caseconnect.host.pipeline.context import Context
from caseconnect.models import PrivacyRequest
from caseconnect.models.base import without_personal
from caseconnect.sdk.events import ConnectionEnded, Event, PrivacyRequested


def is_for_host(event: Event) -> bool:
    """The host has something to do about it itself."""
    return isinstance(event, ConnectionEnded | PrivacyRequested)


async def attend(context: Context, tenant: str, connection: str, event: Event) -> Event:
    """Do it; the event as it is kept, without what is personal in the request."""
    if isinstance(event, ConnectionEnded):
        why = f"the platform says that it is over ({event.hint or 'no reason is given'})"
        await context.credentials_refused(tenant, connection, why)
    elif isinstance(event, PrivacyRequested):
        await _privacy(context, tenant, connection, event.record)
        return event.model_copy(update={"record": without_personal(event.record)})
    return event


async def _privacy(context: Context, tenant: str, connection: str, asked: PrivacyRequest) -> None:
    whom = Whom(tenant, connection, asked.customer_id, asked.order_ids)
    now, texts = context.now(), [t for t in (asked.email, asked.phone) if t]
    if asked.action == "access":
        receipt = await context.journal.held(whom, texts, now)
    else:
        receipt = await context.journal.erase(whom, texts, now)
    context.log.info("privacy request", tenant=tenant, connection=connection, action=asked.action, receipt=receipt.seq)
    if title := to_do(receipt):
        await context.alert(tenant, f"privacy:{receipt.seq}", title, connection)


def to_do(receipt: Receipt) -> str:
    """What is left for a person; empty when nothing is."""
    who, cases = receipt.whom.title(), ", ".join(receipt.cases)
    if receipt.action == "access":
        where = f"; cases: {cases}" if cases else ""
        return f"{who}: tell within 30 days what is stored (`connect privacy` says where it is{where})"
    left = []
    if cases:
        left.append(f"cases that a person has to clear: {cases}")
    if receipt.kept:
        again = f"`connect privacy --again {receipt.seq}`"
        left.append(f"left whole, because they are being worked: {', '.join(receipt.kept)}; when closed, {again}")
    return f"{who}: erased here on request; {'; '.join(left)}" if left else ""
