from hypothesis import given
from hypothesis import strategies as st

from domain.ids import ChannelId, OrderId, PlatformId, order_id
from domain.keys import KEY_LENGTH_MAX, effect_key

orders = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z").map(
    lambda platform: order_id(ChannelId("shop"), PlatformId(platform))
)
steps = st.sampled_from(["capture", "refund", "void", "reserve_stock", "create_labels"])
targets = st.integers(0, 10**9).map(lambda number: f"s{number}" if number else "")
effects = st.tuples(orders, steps, targets)


@given(effects)
def test_a_key_fits_every_gateway_and_never_changes(effect: tuple[OrderId, str, str]) -> None:
    assert 0 < len(effect_key(*effect)) <= KEY_LENGTH_MAX
    assert effect_key(*effect) == effect_key(*effect)


@given(st.sets(effects, min_size=2, max_size=20))
def test_different_effects_have_different_keys(several: set[tuple[OrderId, str, str]]) -> None:
    assert len({effect_key(*effect) for effect in several}) == len(several)


def test_a_short_key_reads_as_what_it_is() -> None:
    assert effect_key(OrderId("order:shop:17"), "capture", "s1") == "order:shop:17/capture/s1"
    assert effect_key(OrderId("order:shop:17"), "void") == "order:shop:17/void"


def test_long_keys_that_differ_at_their_end_stay_different() -> None:
    order = order_id(ChannelId("shop"), PlatformId("a" * 100))
    assert effect_key(order, "capture", "s1") != effect_key(order, "capture", "s2")
