"""The worker's log: one JSON object a line on stderr, our own lines and the SDKs' alike.

Nobody logs objects, manifests or tokens. The SDKs would at their debug level, so that is held at info; what
sends HTTP requests names whole URLs at info, and is held at warning.
"""

import logging
import sys

import structlog

_CHATTY = {
    "temporalio": logging.INFO,
    "kubernetes": logging.INFO,
    "aiohttp": logging.INFO,
    "asyncio": logging.INFO,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
}


def log_as_json(level: str) -> None:
    """Set the log up; `level` is the least severe that is written."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(shared))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    hold_back()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def hold_back() -> None:
    """Keep the SDKs from logging what may be secret, whatever the level of the log."""
    for name, least in _CHATTY.items():
        logging.getLogger(name).setLevel(max(least, logging.getLogger().level))


def _formatter(shared: list[structlog.typing.Processor]) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.PositionalArgumentsFormatter()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
