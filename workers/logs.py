"""What a process says of itself. Nothing personal is among it, however much is asked for."""

import logging
from typing import Literal

import structlog

Level = Literal["debug", "info", "warning", "error"]

# At their lower levels they quote what they carry: rows, bodies, and addresses that hold what was searched for.
_QUOTING = ("aiosqlite", "sqlalchemy", "psycopg", "httpx", "httpcore", "stripe", "hpack")


def configure_logs(level: Level) -> None:
    """Of libraries only warnings are told, but at `debug`; those that quote what they carry never tell more."""
    ours = logging.getLevelNamesMapping()[level.upper()]
    theirs = ours if ours in {logging.DEBUG, logging.ERROR} else logging.WARNING
    logging.basicConfig(
        level=theirs, format="%(asctime)s [%(levelname)-8s] %(name)s: %(message)s", force=True
    )
    for name in _QUOTING:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(ours))
