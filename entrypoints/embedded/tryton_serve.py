"""Serve trytond's own application one request at a time: `python -m entrypoints.embedded.tryton_serve PORT`.

Tryton locks tables so that two requests cannot assign one unit; on SQLite these locks do nothing (`Database.lock` is
`pass`), and its own threaded server gave two orders of two the same three units. PostgreSQL answers 503 instead.
TRYTOND_CONFIG and TRYTOND_DATABASE_NAMES are set by whoever starts this.
"""

import sys

from trytond.application import app
from werkzeug.serving import run_simple

if __name__ == "__main__":
    run_simple("127.0.0.1", int(sys.argv[1]), app, threaded=False)
