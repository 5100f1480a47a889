"""Spans of runs and activities, sent by OpenTelemetry through the interceptor of Temporal's SDK.

Loaded only with DRPLAN_TRACING, for the libraries are an extra of the package. What a span may hold is listed here: the
words of an error may quote an object, so of an error only its type is sent.
Source: docs/monitoring.md, "Tracing"; OpenTelemetry, "OTLP Exporter Configuration".
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Thread

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Status, StatusCode
from temporalio.client import Interceptor, OutboundInterceptor, QueryWorkflowInput
from temporalio.contrib.opentelemetry import TracingInterceptor

ATTRIBUTES = frozenset(
    {"temporalWorkflowID", "temporalRunID", "temporalActivityID", "temporalActivityType", "temporalUpdateID"}
)
"""What a span may have: names of objects, stages and actions are in the workflow's id, and no values."""
FLUSH_SECONDS = 2.0
"""For what is left to send when the process ends."""


class SafeExporter(SpanExporter):
    """Passes spans on without what may hold a secret; one in which something was raised has the status of an error."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export spans."""
        return self._exporter.export([_safe(span) for span in spans])

    def shutdown(self) -> None:
        """Shut the exporter down."""
        self._exporter.shutdown()


def _safe(span: ReadableSpan) -> ReadableSpan:
    raised = [
        Event("exception", {"exception.type": str((event.attributes or {}).get("exception.type", ""))}, event.timestamp)
        for event in span.events
        if event.name == "exception"
    ]
    failed = bool(raised) or span.status.status_code is StatusCode.ERROR
    return ReadableSpan(
        span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes={name: value for name, value in (span.attributes or {}).items() if name in ATTRIBUTES},
        events=raised,
        links=span.links,
        kind=span.kind,
        status=Status(StatusCode.ERROR) if failed else span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


class RunTracing(TracingInterceptor):
    """Traces runs and activities; queries are left out, of which the bridge sends several in a second."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 - the SDK's name
        """Trace what a client starts."""
        return _WithoutQueries(super().intercept_client(next), next)


class _WithoutQueries(OutboundInterceptor):
    def __init__(self, traced: OutboundInterceptor, untraced: OutboundInterceptor) -> None:
        super().__init__(traced)
        self._untraced = untraced

    async def query_workflow(self, input: QueryWorkflowInput) -> object:  # noqa: A002 - the SDK's name
        return await self._untraced.query_workflow(input)


@contextmanager
def tracing(process: str, exporter: SpanExporter | None = None) -> Iterator[Interceptor]:
    """Return what traces a client and the workers that use it; what is left to send is sent at the end.

    Where to, comes from the variables OTEL_EXPORTER_OTLP_*; a collector that is away delays nothing else.
    """
    resource = Resource.create({SERVICE_NAME: f"drplan-{process}"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(SafeExporter(exporter or OTLPSpanExporter())))
    try:
        yield RunTracing(provider.get_tracer("drplan"))
    finally:
        # Its own time limit is not kept while it repeats a call to a collector that is away.
        flushing = Thread(target=provider.force_flush, daemon=True)
        flushing.start()
        flushing.join(FLUSH_SECONDS)
