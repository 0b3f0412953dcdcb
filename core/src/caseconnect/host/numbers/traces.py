"""Traces for OpenTelemetry: one for each order, over both systems, made from what the journal has written down.

The ids of traces and spans follow from tenant, subject and row: a step that is sent twice is the same span. Needs the
extra `otel`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from caseconnect import __version__
from caseconnect.host.journal.tracing import Place, Step
from caseconnect.host.logs import plain
from caseconnect.host.numbers.settings import TracesSettings
from caseconnect.sdk.errors import ConfigError
from caseconnect.sdk.resources import Log
from caseconnect.sdk.secrets import Secrets

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

_TIMEOUT = 10.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FAILED = frozenset({"unknown", "refused", "parked"})


def trace_id(tenant: str, lane: str) -> int:
    """The id of an order's trace."""
    return int.from_bytes(sha256(f"{tenant}\n{lane}".encode()).digest()[:16], "big") or 1


def span_id(tenant: str, place: Place) -> int:
    """The id of a step's span."""
    return int.from_bytes(sha256(f"{tenant}\n{place[0]}\n{place[1]}".encode()).digest()[:8], "big") or 1


def exporter_of(settings: TracesSettings, secrets: Secrets) -> SpanExporter:
    """What sends to the receiver that the daemon's file names. `ConfigError` without the extra `otel`."""
    try:
        import requests
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise ConfigError(f"`traces:` needs the extra `otel`: pip install 'caseconnect[otel]' ({error})") from error
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # that it cannot be reached is told once, below
    headers = {"authorization": secrets.reveal(settings.authorization)} if settings.authorization else None
    session = requests.Session()
    session.trust_env = False  # as all our requests: no proxy from the environment
    return OTLPSpanExporter(settings.endpoint, headers=headers, timeout=_TIMEOUT, session=session)


class Traces:
    """Sends steps as spans: for a `Follower` to hand them to."""

    def __init__(self, exporter: SpanExporter, log: Log, service: str = "connect") -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        self._exporter, self._log = exporter, log
        self._resource = Resource.create({"service.name": service, "service.version": __version__})
        self._scope = InstrumentationScope("caseconnect", __version__)
        self._failing = False

    def take(self, steps: Sequence[Step]) -> bool:
        """Send them; False when the receiver does not take them now."""
        return self._sent([self._span(step) for step in steps])

    def close(self) -> None:
        """Stop trying."""
        self._exporter.shutdown()

    def _sent(self, spans: Sequence[ReadableSpan]) -> bool:
        from opentelemetry.sdk.trace.export import SpanExportResult

        done = self._exporter.export(spans) is SpanExportResult.SUCCESS
        if done == self._failing:
            self._failing = not done
            if done:
                self._log.info("traces are sent again")
            else:
                self._log.warning("traces cannot be sent", why="the receiver does not take them; they are kept a while")
        return done

    def _span(self, step: Step) -> ReadableSpan:
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

        def context(place: Place) -> SpanContext:
            trace, span = trace_id(step.tenant, step.lane), span_id(step.tenant, place)
            return SpanContext(trace, span, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))

        kinds = {"event": SpanKind.SERVER, "request": SpanKind.CLIENT}
        failed = step.told.get("state") in _FAILED
        return ReadableSpan(
            name=_name(step),
            context=context(step.place),
            parent=context(step.after) if step.after else None,
            resource=self._resource,
            attributes=_attributes(step),
            kind=kinds.get(step.place[0], SpanKind.INTERNAL),
            status=Status(StatusCode.ERROR if failed else StatusCode.OK),
            start_time=_nanoseconds(step.begin),
            end_time=_nanoseconds(max(step.begin, step.end)),
            instrumentation_scope=self._scope,
        )


def _name(step: Step) -> str:
    room = {"event": "intake", "decision": "decide", "command": "command", "request": "request"}[step.place[0]]
    return f"{room} {step.told['kind']}" if "kind" in step.told else room


def _attributes(step: Step) -> Mapping[str, Any]:
    """Ids, kinds and states; an id that is an address is no id."""
    told = {"tenant": step.tenant, "subject": step.lane, **step.told}
    return {f"connect.{name}": _shown(value) for name, value in told.items() if value not in ("", [])}


def _shown(value: Any) -> Any:
    if isinstance(value, list):
        return [plain(each) for each in value]
    return plain(value) if isinstance(value, str) else value


def _nanoseconds(when: datetime) -> int:
    return (when - _EPOCH) // timedelta(microseconds=1) * 1000
