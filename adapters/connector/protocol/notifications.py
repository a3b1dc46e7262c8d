from typing import Annotated

from pydantic import Field

from adapters.connector.protocol.common import Model


class Mail(Model):
    to: Annotated[str, Field(min_length=1, max_length=320)]
    subject: Annotated[str, Field(max_length=1000)]
    plain: str
    html: str
