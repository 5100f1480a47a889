"""The log of a process: one JSON object a line on stderr, our own lines and those of the libraries alike.

That includes Temporal's core, which is no Python, warnings of Python, and the end of a process that broke.

Nobody logs objects, manifests or tokens. The SDKs would at their debug level, so they are limited to info; the HTTP
clients log whole URLs at info, so they are limited to warning.
"""

import logging
import sys

import structlog

DEFAULT_LEVEL = "info"
CORE_LOGGER = "temporalio.core"
"""The logger to which the core of Temporal's SDK forwards its lines."""
_LIMITED = {
    "temporalio": logging.INFO,
    "kubernetes": logging.INFO,
    "aiohttp": logging.INFO,
    "asyncio": logging.INFO,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "opentelemetry": logging.ERROR,
    "urllib3": logging.WARNING,
}


def _with_core_fields(record: logging.LogRecord) -> bool:
    """Name the part of Temporal's core that logs, and its facts."""
    entry = getattr(record, "temporal_log", None)
    if entry is not None:
        record.target, record.facts = entry.target, entry.fields
    return True


def log_as_json(level: str) -> None:
    """Set the log up; `level` is the least severe that is written."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            *shared,
            structlog.stdlib.ExtraAdder(allow=("target", "facts")),
            structlog.stdlib.PositionalArgumentsFormatter(),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.captureWarnings(True)
    logging.getLogger(CORE_LOGGER).addFilter(_with_core_fields)
    limit_libraries()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def limit_libraries() -> None:
    """Keep the libraries from logging what may be secret, whatever the level of the log."""
    for name, least in _LIMITED.items():
        logging.getLogger(name).setLevel(max(least, logging.getLogger().level))
