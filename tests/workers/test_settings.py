from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from domain.ids import ChannelId, System
from domain.policies import OrderPolicies, ShortagePolicy
from workers.settings import SETTINGS_FILE, ChannelSettings, ConnectorSettings, Settings


def test_a_settings_file_holds_what_it_was_written_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies = OrderPolicies(
        adapters=dict.fromkeys(System, "connector"),
        shortage=ShortagePolicy.CANCEL_MISSING,
        restocking_fee_percent=Decimal("12.5"),
    )
    settings = Settings(
        database_url="sqlite:///ordersaga.sqlite",
        adapters={
            "connector": ConnectorSettings(
                kind="connector", url="http://127.0.0.1:8300", token=SecretStr("a token")
            )
        },
        channels={ChannelId("shop"): ChannelSettings(platform="ordersaga", policies=policies)},
    )
    file = tmp_path / "settings.json"
    file.write_text(settings.as_file())
    monkeypatch.setenv(SETTINGS_FILE, str(file))
    assert Settings() == settings
