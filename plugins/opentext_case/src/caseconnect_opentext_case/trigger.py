"""What wakes the source: time. No event subscription of Core Case was found in public material."""

from __future__ import annotations

from datetime import timedelta

from caseconnect.sdk.components import Every, TriggerSpec

from .config import CoreCaseSettings
from .example import EXAMPLE

TRIGGER = TriggerSpec(
    name="opentext_case",
    summary="Looks for changed cases every minute",
    settings=CoreCaseSettings,
    example=EXAMPLE,
    wakes=lambda _: (Every(timedelta(minutes=1)),),
)
"""The trigger as the host is told it; a tenant file may give another interval under `poll:`."""
