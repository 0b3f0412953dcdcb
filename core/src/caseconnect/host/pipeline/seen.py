"""What is marked as seen: decided as if everything were live, and then only remembered.

The findings are kept with a matter that is closed at once, so that the same facts open nothing ever after; what is new
opens an episode as always.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from caseconnect.host.journal.records import Verdict
from caseconnect.host.pipeline.drafts import Drafts
from caseconnect.host.pipeline.live import LiveTenant

_EVER = datetime.min.replace(tzinfo=UTC)


def whole_past(tenant: LiveTenant) -> LiveTenant:
    """The tenant as it decides on what is marked: in the mode of the matters to come, with nothing too old."""
    flows = tuple(replace(flow, mode="live") for flow in tenant.tenant.flows)
    connections = {name: replace(each, go_live=_EVER) for name, each in tenant.connections.items()}
    return replace(tenant, tenant=replace(tenant.tenant, flows=flows), connections=connections, go_live=_EVER)


def only_remembered(verdict: Verdict, drafts: Drafts) -> Verdict:
    """The verdict without what it would do: no command, no timer, no alert, and no change of a matter that is open."""
    answers = tuple(
        replace(answer, reason=f"marked as seen: {answer.reason}", timers=(), cancel_timers=(), alert=None)
        for answer in verdict.answers
    )
    return replace(verdict, answers=answers, matters=drafts.closed_at_once(), asks=(), revokes=())
