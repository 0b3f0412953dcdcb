"""What wakes the source: time, and a workflow of the tenant that can call out.

No event subscription of Core Case was found in public material; a workflow's HTTP task can send headers and a body
(core-case reference §5), and what it sends is the tenant's to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from caseconnect.sdk.components import Every, TriggerSpec, Webhook

from .config import CoreCaseSettings
from .example import EXAMPLE


def wakes(settings: CoreCaseSettings) -> Sequence[Webhook | Every]:
    """A poll every minute; with `hook_secret` also calls."""
    every = Every(timedelta(minutes=1))
    if settings.hook_secret is None:
        return (every,)
    names = {"hook_secret": settings.hook_secret, "previous_hook_secret": settings.previous_hook_secret}
    webhook = Webhook(
        signature_header=settings.hook.header,
        secrets=tuple(name for name, secret in names.items() if secret is not None),
        scheme=settings.hook.scheme,
        prefix=settings.hook.prefix,
    )
    return (webhook, every)


TRIGGER = TriggerSpec(
    name="opentext_case",
    summary="Looks for changed cases every minute, and when a workflow calls",
    settings=CoreCaseSettings,
    example=EXAMPLE,
    wakes=wakes,
)
"""The trigger as the host is told it; a tenant file may give another interval under `poll:`."""
