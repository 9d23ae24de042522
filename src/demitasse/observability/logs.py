"""Logs: one structured line per operation, on standard error."""

import logging
import sys

import structlog


def configure_logs(*, is_terminal: bool, level: str = "info") -> None:
    """Send the logs of this process to standard error: coloured for people, JSON for machines."""
    renderer = structlog.dev.ConsoleRenderer() if is_terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
