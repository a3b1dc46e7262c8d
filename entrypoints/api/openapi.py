"""`python -m entrypoints.api.openapi > docs/openapi.json` writes the API's document."""

import json
import sys
from typing import Any, cast

from entrypoints.api.app import create_app
from workers.settings import ApiSettings


def document() -> str:
    """Ends with a line feed. Nothing stands behind the operations: they are only described."""
    nothing = cast("Any", None)
    app = create_app(
        desk=nothing,
        tokens_known=nothing,
        trail=nothing,
        clock=nothing,
        settings=ApiSettings(),
        channels=(),
    )
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
