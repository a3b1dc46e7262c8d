import json
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from domain.errors import Refused
from domain.ids import ChannelId, System
from domain.policies import OrderPolicies, ShortagePolicy
from entrypoints.webhooks.dialects import secrets_of
from workers.settings import (
    SECRETS_DIR,
    SETTINGS_FILE,
    ChannelSettings,
    ConnectorSettings,
    Settings,
    TemporalTls,
)


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


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings as they may lie in a repository: without secrets."""
    policies = {"adapters": dict.fromkeys(System, "shop")}
    settings = {
        "adapters": {"shop": {"kind": "connector", "url": "https://shop.example", "token": ""}},
        "channels": {"shop": {"platform": "ordersaga", "policies": policies}},
    }
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(settings))
    monkeypatch.setenv(SETTINGS_FILE, str(file))
    return file


def token() -> str:
    adapter = Settings().adapters["shop"]
    assert isinstance(adapter, ConnectorSettings)
    assert adapter.url == "https://shop.example"
    return adapter.token.get_secret_value()


def test_a_secret_comes_from_a_file_of_its_own_and_the_environment_wins(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = file.parent / "secrets"
    secrets.mkdir()
    (secrets / "ordersaga_adapters__shop__token").write_text("from its file\n")
    (secrets / "ordersaga_webhook_secret").write_text("of webhooks\n")
    (secrets / "a_secret_of_somebody_else").write_text("not ours")
    assert token() == ""
    monkeypatch.setenv(SECRETS_DIR, str(secrets))
    assert token() == "from its file"
    assert Settings().webhook_secret.get_secret_value() == "of webhooks"
    monkeypatch.setenv("ORDERSAGA_ADAPTERS__SHOP__TOKEN", "from the environment")
    assert token() == "from the environment"


def test_a_folder_of_secrets_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRETS_DIR, "/nowhere")
    with pytest.raises(Refused, match=r"/nowhere"):
        Settings()


def test_a_client_certificate_comes_with_its_key() -> None:
    with pytest.raises(ValueError, match="both, or none"):
        TemporalTls(cert_file=Path("client.pem"))


def test_tls_without_anything_more_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERSAGA_TEMPORAL_TLS", "{}")
    assert Settings().temporal_tls == TemporalTls()


def test_webhook_secrets_are_of_channels_and_addresses_that_there_are() -> None:
    channels = {"shop-de": {"platform": "shopify", "policies": {"adapters": {}}}}
    for secrets, wrong in (
        ({"shop-at": {"erp": "s"}}, "webhook_secrets.shop-at"),
        ({"shop-de": {"woocommerce": "s"}}, "webhook_secrets.shop-de.woocommerce"),
    ):
        with pytest.raises(ValidationError, match=wrong):
            Settings.model_validate({"channels": channels, "webhook_secrets": secrets})
    settings = Settings.model_validate(
        {
            "channels": channels,
            "webhook_secret": "usual",
            "webhook_secrets": {"shop-de": {"shopify": "ours-alone"}},
        }
    )
    doors = secrets_of(settings)
    shop = ChannelId("shop-de")
    assert (doors[shop, "shopify"], doors[shop, "erp"], doors[shop, "stripe"]) == (
        "ours-alone",
        "usual",
        "usual",
    )
    assert (shop, "woocommerce") not in doors
    assert "ours-alone" not in repr(settings)


def test_amendments_are_told_to_a_webhook_of_the_settings_and_to_nothing_else() -> None:
    def settings(told_to: str) -> Settings:
        policies = {"adapters": {}, "amendments_told_to": told_to}
        hook = {"kind": "webhook", "url": "https://desk.example/told", "secret": "a-secret-of-the-desk"}
        shop = {"kind": "connector", "url": "https://shop.example", "token": "t"}
        channels = {"shop-de": {"platform": "shopify", "policies": policies}}
        return Settings.model_validate({"adapters": {"desk": hook, "shop": shop}, "channels": channels})

    for wrong in ("nobody", "shop"):
        with pytest.raises(ValidationError, match=f"no webhook '{wrong}'"):
            settings(wrong)
    assert "a-secret-of-the-desk" not in repr(settings("desk"))
