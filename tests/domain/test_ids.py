import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ids import (
    ChannelId,
    PlatformId,
    channel_of,
    order_id,
    order_of,
    platform_id_of,
    shipment_id,
    shipment_number_of,
)

channels = st.from_regex(r"\A[a-z0-9][a-z0-9-]{0,39}\Z").map(ChannelId)
platform_ids = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z").map(PlatformId)


@given(channels, platform_ids)
def test_an_order_id_gives_back_what_it_was_made_of(channel: ChannelId, platform: PlatformId) -> None:
    order = order_id(channel, platform)
    assert (channel_of(order), platform_id_of(order)) == (channel, platform)


@given(channels, platform_ids, st.integers(1, 10**6))
def test_a_shipment_id_gives_back_its_order_and_number(
    channel: ChannelId, platform: PlatformId, number: int
) -> None:
    order = order_id(channel, platform)
    shipment = shipment_id(order, number)
    assert (order_of(shipment), shipment_number_of(shipment)) == (order, number)


@pytest.mark.parametrize("channel", ["", "Shop", "shop:de", "shöp", "-shop", "a" * 41, "shop\n"])
def test_a_malformed_channel_is_named(channel: str) -> None:
    with pytest.raises(ValueError, match="channel"):
        order_id(ChannelId(channel), PlatformId("17"))


@pytest.mark.parametrize(
    "platform", ["", "1:2", "1/s2", "a b", ".hidden", "a" * 101, "17\n", "jenny@example.com"]
)
def test_a_malformed_platform_id_is_named(platform: str) -> None:
    with pytest.raises(ValueError, match="order id"):
        order_id(ChannelId("shop"), PlatformId(platform))
