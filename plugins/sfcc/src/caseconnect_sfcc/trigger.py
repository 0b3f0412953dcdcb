"""What wakes the source: time. B2C Commerce has no webhooks for orders (sfcc.md §11)."""

from __future__ import annotations

from datetime import timedelta

from caseconnect.sdk.components import Every, TriggerSpec

from .config import EXAMPLE, SfccSettings

TRIGGER = TriggerSpec(
    name="sfcc",
    summary="Looks for changed orders and new requests of shoppers every minute",
    settings=SfccSettings,
    example=EXAMPLE,
    wakes=lambda _: (Every(timedelta(minutes=1), jitter=timedelta(seconds=5)),),
)
"""The trigger as the host is told it; a tenant file may give another interval under `poll:`."""
