import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.connector.protocol.webhooks import WebhookEvent
from adapters.connector.signatures import sign, verify

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
BODY = b'{"event_id": "evt_1"}'
PAGE = Path(__file__).parents[2] / "docs" / "connector.md"


def test_what_was_signed_is_verified() -> None:
    assert verify("secret", BODY, sign("secret", BODY, NOW), NOW)


@pytest.mark.parametrize("seconds", [-300, 300])
def test_three_hundred_seconds_are_tolerated(seconds: int) -> None:
    assert verify("secret", BODY, sign("secret", BODY, NOW), NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-301, 301])
def test_older_and_younger_is_not(seconds: int) -> None:
    assert not verify("secret", BODY, sign("secret", BODY, NOW), NOW + timedelta(seconds=seconds))


def test_another_body_secret_or_time_is_not() -> None:
    header = sign("secret", BODY, NOW)
    assert not verify("secret", BODY + b" ", header, NOW)
    assert not verify("other", BODY, header, NOW)
    assert not verify("secret", BODY, header.replace("t=1", "t=2", 1), NOW)
    later = int(NOW.timestamp()) + 10
    assert not verify("secret", BODY, re.sub(r"t=\d+", f"t={later}", header), NOW)


def test_of_two_signatures_one_is_enough() -> None:
    stamp, _, good = sign("new", BODY, NOW).partition(",")
    old = sign("old", BODY, NOW).partition(",")[2]
    assert verify("new", BODY, f"{stamp},{old},{good}", NOW)
    assert verify("new", BODY, f"{stamp},{good},{old}", NOW)


@pytest.mark.parametrize(
    "header",
    ["", "t=", "v1=", "t=abc,v1=00", "t=１,v1=00", "nonsense", "t=1700000000", ",,,", "t=1,v1=é"],
)
def test_a_malformed_header_is_not_verified(header: str) -> None:
    assert not verify("secret", BODY, header, NOW)


def test_without_a_secret_nothing_is_signed_or_verified() -> None:
    with pytest.raises(ValueError, match="secret"):
        sign("", BODY, NOW)
    assert not verify("", BODY, sign("x", BODY, NOW), NOW)


def test_the_example_of_the_page_is_true() -> None:
    page = PAGE.read_text()
    found = re.search(r"^OrderSaga-Signature: (t=(\d+),v1=\w+)$", page, re.MULTILINE)
    assert found is not None
    body = next(line for line in page.splitlines() if line.startswith('{"event_id"'))
    WebhookEvent.model_validate_json(body)
    at = datetime.fromtimestamp(int(found[2]), UTC)
    assert verify("example-secret", body.encode(), found[1], at)
