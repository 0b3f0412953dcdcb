"""One trace for each order, over both systems, made from the journal's rows and sent to a real receiver."""

from __future__ import annotations

import gzip
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from toy_world import LOST_AFTER
from toys import Pipe, World, flow, opening

from caseconnect.host.daemon_file import DaemonFile, DaemonSettings, load_daemon_file
from caseconnect.host.numbers import following
from caseconnect.host.numbers.following import Follower, Lines, Taker
from caseconnect.host.numbers.settings import TracesSettings
from caseconnect.host.numbers.steps import followers
from caseconnect.host.numbers.traces import Traces, exporter_of, trace_id
from caseconnect.sdk.commands import HoldOrder
from caseconnect.sdk.resources import LOG_FIELDS
from caseconnect.sdk.secrets import Secret
from caseconnect.sdk.testing import run
from caseconnect.sdk.testing.resources import MemorySecrets, RecordingLog

TARGET = "shop/order/{}"


async def two_orders(folder: Path, taker: Taker, log: RecordingLog) -> None:
    """Two orders that are held and become cases; the first answer to a hold is lost."""
    world = World(script={"execute:HoldOrder": [LOST_AFTER]})
    async with Pipe(folder, world, [flow("review", opening(HoldOrder()))]) as pipe:
        following = Follower(pipe.journal, taker, log)
        await pipe.look({"id": "1"})
        await pipe.look({"id": "2"})
        await pipe.pass_time(600)
        following.look()
        await pipe.look({"id": "1"})
        following.look()
        following.close()


def test_one_trace_for_each_order_and_one_span_for_each_step(tmp_path: Path) -> None:
    async def story() -> tuple[ReadableSpan, ...]:
        exporter = InMemorySpanExporter()
        await two_orders(tmp_path, Traces(exporter, RecordingLog()), RecordingLog())
        return exporter.get_finished_spans()

    spans = run(story())
    of = {
        number: [s for s in spans if s.context.trace_id == trace_id("acme", TARGET.format(number))] for number in "12"
    }
    assert sorted(map(id, of["1"] + of["2"])) == sorted(map(id, spans))
    ids = {span.context.span_id: span for span in spans}
    assert len(ids) == len(spans)
    for number, mine in of.items():
        names = [span.name for span in mine]
        assert {"intake", "decide", "command OpenCase", "request OpenCase", "command HoldOrder"} <= set(names)
        for span in mine:
            assert span.attributes is not None
            assert span.attributes["connect.subject"] == TARGET.format(number)
            assert span.start_time is not None
            assert span.end_time is not None
            assert span.start_time <= span.end_time
            if span.parent:
                assert ids[span.parent.span_id].context.trace_id == span.context.trace_id
        request = next(span for span in mine if span.name == "request OpenCase")
        way = [request]
        while (parent := way[-1].parent) is not None and len(way) < 9:
            way.append(ids[parent.span_id])
        assert [span.name for span in way] == ["request OpenCase", "command OpenCase", "decide", "intake"]
        assert request.kind is SpanKind.CLIENT
        cases = {(span.attributes or {}).get("connect.case") for span in mine} - {None}
        assert len(cases) == 1
    lost = [span for span in spans if span.name == "request HoldOrder" and not span.status.is_ok]
    assert [(span.attributes or {})["connect.state"] for span in lost] == ["unknown"]
    assert len([span for span in of["1"] if span.name == "intake"]) == 2


class Refusing(SpanExporter):
    """A receiver that is away for the first `times`."""

    def __init__(self, times: int) -> None:
        self.times, self.taken = times, InMemorySpanExporter()

    def export(self, spans: Any) -> SpanExportResult:
        if self.times:
            self.times -= 1
            return SpanExportResult.FAILURE
        return self.taken.export(spans)


def test_what_could_not_be_sent_is_sent_later(tmp_path: Path) -> None:
    async def story() -> None:
        exporter, whole, log = Refusing(1), InMemorySpanExporter(), RecordingLog()
        await two_orders(tmp_path / "a", Traces(exporter, log), log)
        await two_orders(tmp_path / "b", Traces(whole, log), log)
        assert {s.context.span_id for s in exporter.taken.get_finished_spans()} == {
            s.context.span_id for s in whole.get_finished_spans()
        }
        assert [event for _, event, _ in log.lines] == ["traces cannot be sent", "traces are sent again"]

    for name in "ab":
        (tmp_path / name).mkdir()
    run(story())


def test_what_nobody_takes_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        monkeypatch.setattr(following, "_LATE", {"events": 1, "decisions": 1, "outcomes": 1})
        exporter, log = Refusing(1), RecordingLog()
        await two_orders(tmp_path, Traces(exporter, log), log)
        assert len([s for s in exporter.taken.get_finished_spans() if s.name == "intake"]) == 1
        assert "steps given up" in [event for _, event, _ in log.lines]

    run(story())


def test_a_line_for_each_step_joins_to_the_life_of_an_order(tmp_path: Path) -> None:
    async def story() -> None:
        log = RecordingLog()
        await two_orders(tmp_path, Lines(log), log)
        lines = [(event, values) for _, event, values in log.lines]
        assert all(set(values) <= LOG_FIELDS for _, values in lines)
        mine = [(e, v) for e, v in lines if (v["tenant"], v["lane"]) == ("acme", TARGET.format("1"))]
        assert [e for e, _ in mine][:2] == ["step: arrived", "step: decided"]
        assert mine[0][1]["delivery"] == 1
        held = [v for e, v in mine if v.get("key", "").endswith("HoldOrder") and e == "step: sent"]
        assert [v["state"] for v in held] == ["unknown"]  # then it was seen
        assert [v["state"] for e, v in mine if v.get("key") == held[0]["key"] and e == "step: ended"] == ["done"]
        assert len({v["case"] for _, v in mine if v.get("case")}) == 1

    run(story())


def test_subjects_that_are_addresses_are_not_told(tmp_path: Path) -> None:
    async def story() -> str:
        exporter = InMemorySpanExporter()
        async with Pipe(tmp_path, World(), [flow("review", opening())]) as pipe:
            follower = Follower(pipe.journal, Traces(exporter, pipe.log), pipe.log)
            await pipe.look({"id": "ann@shopper.example"})
            follower.look()
        return "".join(span.to_json() for span in exporter.get_finished_spans())

    told = run(story())
    assert "[e-mail]" in told
    assert "ann@" not in told


class Receiver(HTTPServer):
    """A small OTLP receiver: it parses with OpenTelemetry's own classes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heard: list[tuple[str, str, ExportTraceServiceRequest]] = []


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        assert isinstance(self.server, Receiver)
        message = ExportTraceServiceRequest.FromString(body)
        self.server.heard.append((self.path, self.headers.get("authorization", ""), message))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


def test_a_receiver_hears_it_over_a_socket(tmp_path: Path) -> None:
    receiver = Receiver()
    serving = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    serving.start()
    try:
        settings = TracesSettings(
            endpoint=f"http://127.0.0.1:{receiver.server_address[1]}/v1/traces", authorization=Secret(env="TOKEN")
        )
        exporter = exporter_of(settings, MemorySecrets({"TOKEN": "Bearer abc"}))
        run(two_orders(tmp_path, Traces(exporter, RecordingLog()), RecordingLog()))
    finally:
        receiver.shutdown()
        receiver.server_close()
        serving.join()
    assert {(path, authorization) for path, authorization, _ in receiver.heard} == {("/v1/traces", "Bearer abc")}
    resources = [resource for _, _, message in receiver.heard for resource in message.resource_spans]
    spans = [span for resource in resources for scope in resource.scope_spans for span in scope.spans]
    assert {span.trace_id for span in spans} == {trace_id("acme", TARGET.format(n)).to_bytes(16, "big") for n in "12"}
    named = {(each.key, each.value.string_value) for each in resources[0].resource.attributes}
    assert ("service.name", "connect") in named


def test_the_receiver_is_named_in_the_daemons_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "connect.yaml"
    file.write_text("traces:\n  endpoint: http://127.0.0.1:4318/v1/traces\n")
    settings, _ = load_daemon_file(file)
    assert settings
    assert settings.values.traces.endpoint
    monkeypatch.setattr("caseconnect.host.numbers.settings.find_spec", lambda name: None)
    settings, problems = load_daemon_file(file)
    assert settings is None
    assert "pip install 'caseconnect[otel]'" in str(problems[0])


def test_steps_are_logged_from_when_they_are_asked_for(tmp_path: Path) -> None:
    settings, log = DaemonSettings(DaemonFile(), MemorySecrets({})), RecordingLog()

    async def story() -> None:
        nonlocal settings
        async with Pipe(tmp_path, World(), [flow("review", opening())]) as pipe:
            (lines,) = followers(lambda: settings, pipe.journal, log)
            await pipe.look({"id": "1"})
            lines.look()
            settings = replace(settings, values=DaemonFile.model_validate({"logs": {"steps": True}}))
            lines.look()
            assert log.lines == []
            await pipe.look({"id": "2"})
            lines.look()
            lines.close()
        assert {values["lane"] for _, _, values in log.lines} == {TARGET.format("2")}

    run(story())
