"""Sends webhooks at next to no cost: a whole HTTP client would need as much of the machine as the door that is measured."""

import asyncio
import re
from types import TracebackType
from typing import Self

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_IDLE_SECONDS_MAX = 2.0  # the server lets go of a line after 5 s


class Sender:
    """Keeps the lines that are free, and opens another one where all are in use."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._free: list[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        for _, _, writer in self._free:
            writer.close()
            await writer.wait_closed()

    async def post(self, path: str, body: bytes, headers: dict[str, str]) -> int:
        """The answer's status. OSError, EOFError: there was none."""
        reader, writer = await self._line()
        told = {"host": f"{self._host}:{self._port}", "content-length": str(len(body)), **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        try:
            writer.write(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(answer)
            await reader.readexactly(int(length.group(1)) if length else 0)
        except BaseException:
            writer.close()
            raise
        self._free.append((asyncio.get_running_loop().time(), reader, writer))
        return int(answer.split(b" ", 2)[1])

    async def _line(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The one used last, so that others fall idle."""
        now = asyncio.get_running_loop().time()
        while self._free:
            used, reader, writer = self._free.pop()
            if now - used < _IDLE_SECONDS_MAX:
                return reader, writer
            writer.close()
        return await asyncio.open_connection(self._host, self._port)
