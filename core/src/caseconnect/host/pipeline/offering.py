"""Who is asked about an event, and about which matter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from caseconnect.host.journal.records import MatterKey, MatterRow
from caseconnect.host.pipeline.drafts import Draft, Drafts
from caseconnect.host.pipeline.incidents import asked_of_host, host_flow
from caseconnect.host.pipeline.live import LiveTenant
from caseconnect.host.tenants.tenant import Flow
from caseconnect.sdk.decisions import item_name
from caseconnect.sdk.events import CaseChanged, CommandSettled, CustomerReplied, Event, ItemEvent, TimerFired
from caseconnect.sdk.subjects import Subject


def offers(tenant: LiveTenant, lane: Subject, event: Event, drafts: Drafts) -> Iterator[tuple[Flow, Draft]]:
    """Which use cases are asked, in the order of `flows:`, each with the matter that it is asked about.

    Followers come last. What they are asked about is looked up in their turn: the event may have opened a matter.
    """
    if asked_of_host(lane, event):
        yield from _of_host(tenant, lane, event, drafts)
        return
    flows = [f for f in tenant.tenant.flows if any(isinstance(event, kind) for kind in f.transform.handles)]
    if isinstance(event, CaseChanged | CommandSettled):
        row = _matter_of(tenant, lane, event, drafts)
        if row is None:
            yield from _of_no_matter(tenant, lane, drafts, flows)
        else:
            yield from _of_one_matter(lane, drafts.of_row(row), flows)
        return
    if isinstance(event, TimerFired):
        concerned = [f for f in flows if f.use == event.use]
    else:
        # An item may have come by one connection and belong to an order of another.
        concerned = [f for f in flows if lane.connection in f.on or event.source in f.on]
    for flow in sorted(concerned, key=lambda f: f.transform.follows):
        for draft in _matters(tenant, lane, flow, event, drafts):
            yield flow, draft


def _of_host(tenant: LiveTenant, lane: Subject, event: Event, drafts: Drafts) -> list[tuple[Flow, Draft]]:
    if isinstance(event, CommandSettled):
        row = drafts.journal.matter(event.matter)
    else:
        row = next(iter(drafts.journal.matters_of(tenant.name, lane)), None)
    return [(host_flow(tenant.tenant, row, event), drafts.of_row(row))] if row else []


def nobody(event: Event) -> str:
    """Why nobody was asked."""
    if isinstance(event, CaseChanged):
        return "the case belongs to no matter of ours"
    return f"no flow of this tenant handles {event.type}"


def _matter_of(
    tenant: LiveTenant, lane: Subject, event: CaseChanged | CommandSettled, drafts: Drafts
) -> MatterRow | None:
    journal = drafts.journal
    if isinstance(event, CommandSettled):
        return journal.matter(event.matter)
    row = journal.matter_of_case(tenant.name, event.subject)
    if row is None and event.reference:
        # The answer to our create is not here yet; the case itself says what it belongs to.
        return journal.matter_of_reference(tenant.name, event.reference)
    # What was begun at the case and is over keeps nobody from beginning there, or where the case belongs now.
    begun = {f.use for f in tenant.tenant.flows if f.transform.begins_at_case}
    over = row is not None and row.state == "closed" and row.owner in begun
    return None if row is None or (over and (row.key.subject != lane or lane == event.subject)) else row


def _of_one_matter(lane: Subject, draft: Draft, flows: list[Flow]) -> Iterator[tuple[Flow, Draft]]:
    uses = draft.row.uses if draft.row else ()
    first = [f for f in flows if f.use in uses]
    last = [f for f in flows if f.transform.follows and f not in first and lane.connection in f.on]
    yield from ((f, draft) for f in (*first, *last))


def _of_no_matter(tenant: LiveTenant, lane: Subject, drafts: Drafts, flows: list[Flow]) -> Iterator[tuple[Flow, Draft]]:
    """Those that begin at a case; then followers, about what these opened."""
    begun = [(f, drafts.of_key(_key(tenant, lane, f))) for f in flows if f.transform.begins_at_case]
    yield from begun
    for flow in flows:
        if flow.transform.follows and lane.connection in flow.on:
            yield from ((flow, draft) for _, draft in begun if draft.begun and draft.is_open)


def _matters(tenant: LiveTenant, lane: Subject, flow: Flow, event: Event, drafts: Drafts) -> list[Draft]:
    """The matter that a use case is asked about; of one that works by item the item's, else every open one.

    A timer comes back to the matter that it was set in. A follower is asked about every open matter of the subject,
    whatever its topic.
    """
    key = _key(tenant, lane, flow)
    if flow.transform.follows:
        row = drafts.journal.matter(event.matter) if isinstance(event, TimerFired) and event.matter else None
        return [drafts.of_row(row)] if row else drafts.open_of(key) or [drafts.of_key(key)]
    if not flow.transform.by_item:
        return [drafts.of_key(key)]
    item = _item(lane, event)
    if not item and isinstance(event, TimerFired) and event.matter:
        row = drafts.journal.matter(event.matter)
        item = row.key.item if row else ""
    if item:
        return [_of_item(tenant, lane, flow, event, drafts, replace(key, item=item))]
    keys = _open(tenant, lane, drafts, key)
    whole = [key] if not keys or (flow.transform.of_whole and key not in keys) else []
    return [drafts.of_key(each) for each in (*keys, *whole)]


def _open(tenant: LiveTenant, lane: Subject, drafts: Drafts, key: MatterKey) -> list[MatterKey]:
    rows = sorted(drafts.journal.matters_of(tenant.name, lane), key=lambda row: (str(row.opened_at), row.key.item))
    return [row.key for row in rows if row.state == "open" and replace(row.key, item="") == replace(key, item="")]


def _of_item(tenant: LiveTenant, lane: Subject, flow: Flow, event: Event, drafts: Drafts, key: MatterKey) -> Draft:
    """The item's own matter; where it has none, an open one of the same subject that the use case joins it to."""
    own, joins = drafts.of_key(key), flow.transform.joins
    if own.row is not None or joins is None or not isinstance(event, ItemEvent):
        return own
    others = (drafts.of_key(other) for other in _open(tenant, lane, drafts, key))
    return next((draft for draft in others if joins(event, draft.view(flow.mode), flow.settings)), own)


def _item(lane: Subject, event: Event) -> str:
    """The item that the event is about, as matters name it. A reply is for whoever works on its subject."""
    if isinstance(event, TimerFired):
        return event.item
    if isinstance(event, ItemEvent) and not isinstance(event, CustomerReplied):
        return item_name(lane, event.item)
    return ""


def _key(tenant: LiveTenant, lane: Subject, flow: Flow) -> MatterKey:
    return MatterKey(tenant.name, lane, flow.transform.topic, "", flow.mode == "observe")
