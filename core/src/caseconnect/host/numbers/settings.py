"""The sections `metrics:`, `traces:` and `logs:` of the daemon's file."""

from __future__ import annotations

from importlib.util import find_spec

from pydantic import Field, model_validator

from caseconnect.host.tenants.file_models import Part
from caseconnect.sdk.secrets import Secret


class MetricsSettings(Part):
    """Who may read the numbers at `/metrics`."""

    token: Secret | None = Field(
        None,
        description="The bearer token that a Prometheus shows. Without one only programs on this machine are answered.",
    )


class TracesSettings(Part):
    """Where the traces of orders are sent."""

    endpoint: str | None = Field(
        None,
        pattern=r"^https?://[^@\s]+$",
        description="Where OTLP over HTTP is received, such as `http://127.0.0.1:4318/v1/traces`. Without it: nothing.",
    )
    authorization: Secret | None = Field(None, description="What the header `Authorization` says.")
    service: str = Field("connect", description="The name of the service that the spans are of.")

    @model_validator(mode="after")
    def _has_its_library(self) -> TracesSettings:
        if self.endpoint and not find_spec("opentelemetry"):
            raise ValueError("the library is missing: pip install 'caseconnect[otel]'")
        return self


class LogsSettings(Part):
    """What is logged beside what needs somebody."""

    steps: bool = Field(
        False,
        description="A line for each step of each order: arrived, decided, sent, ended. About ten for an order.",
    )
