import logging
from collections.abc import Iterator

import httpx
import pytest
import structlog

from workers.logs import configure_logs


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


async def test_at_every_level_those_that_quote_what_they_carry_tell_no_details(
    capfd: pytest.CaptureFixture[str],
) -> None:
    configure_logs("debug")
    ada = httpx.MockTransport(lambda _: httpx.Response(200))
    async with httpx.AsyncClient(transport=ada) as client:
        await client.get("http://crm.example/customers?email=ada")
    logging.getLogger("sqlalchemy.engine.Engine").info("INSERT INTO orders VALUES ('ada')")
    logging.getLogger("temporalio.worker").debug("polling")
    said = capfd.readouterr()
    assert "polling" in said.err
    assert "ada" not in said.err + said.out


@pytest.mark.parametrize(("level", "told"), [("info", {"ours", "warned"}), ("error", set())])
def test_libraries_tell_warnings_and_we_tell_what_is_asked_for(
    level: str, told: set[str], capfd: pytest.CaptureFixture[str]
) -> None:
    configure_logs(level)  # type: ignore[arg-type]
    structlog.get_logger().info("ours")
    structlog.get_logger().debug("hidden")
    logging.getLogger("temporalio").info("hidden")
    logging.getLogger("temporalio").warning("warned")
    said = "".join(capfd.readouterr())
    assert {word for word in ("ours", "warned", "hidden") if word in said} == told
