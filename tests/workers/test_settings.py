from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from domain.ids import ChannelId, System
from domain.policies import OrderPolicies, ShortagePolicy
from entrypoints.webhooks.dialects import secrets_of
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


def test_webhook_secrets_are_of_channels_and_addresses_that_there_are() -> None:
    channels = {"shop-de": {"platform": "shopify", "policies": {"adapters": {}}}}
    for secrets, wrong in (
        ({"shop-at": {"erp": "s"}}, "webhook_secrets.shop-at"),
        ({"shop-de": {"woocommerce": "s"}}, "webhook_secrets.shop-de.woocommerce"),
    ):
        with pytest.raises(ValidationError, match=wrong):
            Settings.model_validate({"channels": channels, "webhook_secrets": secrets})
    settings = Settings.model_validate(
        {"channels": channels, "webhook_secret": "usual", "webhook_secrets": {"shop-de": {"shopify": "own"}}}
    )
    doors = secrets_of(settings)
    shop = ChannelId("shop-de")
    assert (doors[shop, "shopify"], doors[shop, "erp"], doors[shop, "stripe"]) == ("own", "usual", "usual")
    assert (shop, "woocommerce") not in doors
    assert "own" not in repr(settings)
