"""Spans hold names and times, never what an error or an input says."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from process.temporal import TemporalConfigurationError, traced
from process.tracing import ATTRIBUTES, tracing
from tests.eventually import DEADLINE

SECRET = "hunter2"


@activity.defn
async def break_with_a_secret(value: str) -> None:
    try:
        raise ValueError(value)
    except ValueError as error:
        raise ApplicationError(f"the manifest says {value}", type="Invalid") from error


@workflow.defn
class Breaking:
    @workflow.run
    async def run(self, value: str) -> None:
        await workflow.execute_activity(
            break_with_a_secret,
            value,
            start_to_close_timeout=timedelta(seconds=60),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )

    @workflow.query
    def state(self) -> str:
        return "open"


@dataclass
class Traces:
    spans: list[ReadableSpan]

    def named(self, name: str) -> ReadableSpan:
        return next(span for span in self.spans if span.name == name)


@pytest.fixture(scope="module")
async def traces(temporal: Client) -> Traces:
    exporter = InMemorySpanExporter()
    with tracing("test", exporter) as interceptor:
        client = Client(**temporal.config() | {"interceptors": [interceptor]})
        runner = UnsandboxedWorkflowRunner()
        async with Worker(
            client, task_queue="traced", workflows=[Breaking], activities=[break_with_a_secret], workflow_runner=runner
        ):
            handle = await client.start_workflow(Breaking.run, SECRET, id="execute/shop/move/1", task_queue="traced")
            await handle.query(Breaking.state)
            with pytest.raises(WorkflowFailureError):
                await handle.result()
    await asyncio.sleep(0)
    return Traces(list(exporter.get_finished_spans()))


def test_a_run_is_one_trace_from_its_start_to_its_activities(traces: Traces) -> None:
    names = {span.name for span in traces.spans}
    assert {"StartWorkflow:Breaking", "RunWorkflow:Breaking", "RunActivity:break_with_a_secret"} <= names
    contexts = [span.context for span in traces.spans]
    assert len({context.trace_id for context in contexts if context}) == 1
    attributes = traces.named("StartWorkflow:Breaking").attributes or {}
    assert attributes["temporalWorkflowID"] == "execute/shop/move/1"
    assert traces.spans[0].resource.attributes["service.name"] == "drplan-test"


def test_queries_are_left_out(traces: Traces) -> None:
    assert [span.name for span in traces.spans if "Query" in span.name] == []


def test_no_span_holds_what_an_error_says(traces: Traces) -> None:
    for span in traces.spans:
        assert SECRET not in span.to_json()
        assert "Traceback" not in span.to_json()
        assert set(span.attributes or {}) <= ATTRIBUTES
    failed = traces.named("RunActivity:break_with_a_secret")
    assert (failed.status.status_code, failed.status.description) == (StatusCode.ERROR, None)
    assert [(event.name, dict(event.attributes or {})) for event in failed.events] == [
        ("exception", {"exception.type": "temporalio.exceptions.ApplicationError"})
    ]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, bytes]]]:
    """What a collector of OpenTelemetry receives, which the usual variable names."""
    received: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the library
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr("process.tracing.FLUSH_SECONDS", DEADLINE)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        yield received
        server.shutdown()


def test_spans_go_to_the_collector_that_the_variables_name(collector: list[tuple[str, bytes]]) -> None:
    with tracing("bridge") as interceptor:
        assert isinstance(interceptor, TracingInterceptor)
        with interceptor.tracer.start_as_current_span("StartWorkflow:Breaking", attributes={"value": SECRET}):
            pass
    [(path, body)] = collector
    assert path == "/v1/traces"
    assert b"StartWorkflow:Breaking" in body
    assert b"drplan-bridge" in body
    assert SECRET.encode() not in body


def test_a_collector_that_is_away_does_not_keep_a_process_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    class Away(InMemorySpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            released.wait()
            return SpanExportResult.FAILURE

    released = Event()
    monkeypatch.setattr("process.tracing.FLUSH_SECONDS", 0.05)
    with tracing("bridge", Away()) as interceptor:
        assert isinstance(interceptor, TracingInterceptor)
        interceptor.tracer.start_span("one").end()
    released.set()


def test_it_is_off_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "process.tracing", None)
    with traced("bridge", enabled=False) as interceptors:
        assert interceptors == ()
    with (
        pytest.raises(TemporalConfigurationError, match=r"DRPLAN_TRACING .*drplan\[server,tracing\]"),
        traced("bridge", enabled=True),
    ):
        pass
