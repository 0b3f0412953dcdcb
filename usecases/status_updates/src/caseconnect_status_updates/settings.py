"""Settings of the use case `status_updates`."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from caseconnect.sdk.components import Settings

Phase = Literal["open", "waiting", "decided", "resolved"]
"""Where a case stands, whatever the case definition calls it."""

Shown = Literal["number", "status", "stage", "outcome", "url"]
"""What of a case can be shown on an order."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=40)]


class StatusUpdatesSettings(Settings):
    """What of a case's progress is shown on its order and shopper. Nothing is personal, and no tag speaks of fraud."""

    tags: dict[Phase, Name] = Field(
        {"open": "case-open", "waiting": "case-waiting", "decided": "case-decided", "resolved": "case-resolved"},
        description="Tag by phase: open, waiting (for the customer), decided (an outcome is set and not carried out "
        "yet), resolved. A phase that is left out has no tag. {topic} stands for the matter's topic.",
    )
    stage_tags: dict[str, Name] = Field(
        {},
        description="Tag by stage of the case definition, in its own words, beside the phase's tag. "
        "{topic} stands for the matter's topic.",
    )
    attributes: dict[Shown, Name] = Field(
        {"number": "case_number", "status": "case_status", "outcome": "case_outcome"},
        description="Attributes set on the order: number, status, stage, outcome, url -> name there. One that is left "
        "out is not written; url is the link to the case. {topic} stands for the matter's topic.",
    )
    customer_attributes: dict[Shown, Name] = Field(
        {},
        description="The same on the profile of the shopper: the case of theirs of which any of this changed last. "
        "Guests have none. {topic} stands for the matter's topic.",
    )

    @field_validator("tags", "stage_tags", "attributes", "customer_attributes")
    @classmethod
    def _only_topic(cls, names: dict[str, str]) -> dict[str, str]:
        for name in names.values():
            unknown = [found for found in re.findall(r"\{([^{}]*)\}", name) if found != "topic"]
            if unknown:
                raise ValueError(f"unknown placeholder {{{unknown[0]}}} in {name!r}: only {{topic}} is allowed")
            if "," in name:
                raise ValueError(f"{name!r} must not hold a comma: shops separate tags with it")
        return names
