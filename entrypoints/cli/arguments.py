"""What several commands ask for."""

from typing import Annotated

import typer

OrderArgument = Annotated[str, typer.Argument(metavar="ORDER", help="The order's id or its number.")]
Actor = Annotated[
    str,
    typer.Option("--actor", "--as", envvar="USER", help="Who wants it; kept in the order's timeline."),
]
