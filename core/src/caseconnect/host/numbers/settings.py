"""The sections `metrics:` and `traces:` of the daemon's file."""

from __future__ import annotations

from pydantic import Field

from caseconnect.host.tenants.file_models import Part
from caseconnect.sdk.secrets import Secret


class MetricsSettings(Part):
    """Who may read the numbers at `/metrics`."""

    token: Secret | None = Field(
        None,
        description="The bearer token that a Prometheus shows. Without one only programs on this machine are answered.",
    )
