"""Traces for OpenTelemetry: one for each order, over both systems, made from what the journal has written down.

Nothing is measured on the way, so it costs nothing where it is off, and little where it is on. The ids of traces and
spans follow from tenant, subject and row: a step that is sent twice is the same span. Needs the extra `otel`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

from caseconnect import __version__
from caseconnect.host.faults import kind_and_place
from caseconnect.host.journal.tracing import Marks, Place, Step
from caseconnect.host.logs import plain
from caseconnect.host.numbers.settings import TracesSettings
from caseconnect.sdk.errors import ConfigError
from caseconnect.sdk.resources import Log
from caseconnect.sdk.secrets import Secrets

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

EVERY = 5.0
"""Seconds between two looks at the journal."""

_LATE = {"events": 100_000, "decisions": 100_000, "outcomes": 500_000}
"""So far behind, in rows, what was not sent yet is given up."""

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


class Stepped(Protocol):
    """A journal as traces read it."""

    def newest_step(self) -> Marks:
        """Where it is now."""

    def steps(self, marks: Marks) -> tuple[list[Step], Marks, bool]:
        """The steps since `marks`, the new marks, and whether there are more already."""


class Traces:
    """Sends the steps that the journal writes down, from `begin` on, while `run` runs."""

    def __init__(self, exporter: SpanExporter, log: Log, service: str = "connect") -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        self._exporter, self._log = exporter, log
        self._resource = Resource.create({"service.name": service, "service.version": __version__})
        self._scope = InstrumentationScope("caseconnect", __version__)
        self._worker = ThreadPoolExecutor(1, "traces")
        self._journal: Stepped | None = None
        self._marks: Marks = {}
        self._failing = False

    def begin(self, journal: Stepped) -> None:
        """From now on: what is written into `journal`."""
        self._journal, self._marks = journal, journal.newest_step()

    async def run(self) -> None:
        """Look and send, again and again, until cancelled."""
        while True:
            await asyncio.get_running_loop().run_in_executor(self._worker, self.send)
            await asyncio.sleep(EVERY)

    def close(self) -> None:
        """End the thread. Before the journal is closed."""
        self._exporter.shutdown()
        self._worker.shutdown(cancel_futures=True)

    def send(self) -> None:
        """Send what is new. What could not be sent is sent with the next look."""
        try:
            more = True
            while more and self._journal:
                found, marks, more = self._journal.steps(self._marks)
                if found and not self._sent([self._span(step) for step in found]):
                    self._give_up_old()
                    return
                self._marks = marks
        except Exception as error:  # noqa: BLE001 - traces are missing then; the daemon goes on
            self._log.error("traces not sent", error=kind_and_place(error))

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

    def _give_up_old(self) -> None:
        if self._journal is None:
            return
        now = self._journal.newest_step()
        if any(now[table] - self._marks[table] > late for table, late in _LATE.items()):
            self._log.warning("traces given up", why="the receiver took none for too long; newer ones will be sent")
            self._marks = now

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
