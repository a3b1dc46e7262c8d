"""What every carrier is held to: one label per package and nothing paid for twice, and no way back once it drives.

A subclass `TestSomeCarrier(CarrierContract)` gives two fixtures: `carrier`, the adapter, sending all it sends through
the fixture `network`; and `hands`, which drives the parcels and reads the carrier's own books.
"""

from typing import Protocol

import pytest

from domain.errors import OutcomeUnknown, Refused
from domain.ids import ChannelId, LineId, PlatformId, ShipmentId, Sku, order_id, order_of, shipment_id
from domain.keys import effect_key
from domain.orders import Address
from domain.ports import Carrier
from domain.shipments import Labels, Package, Parcel, ShipmentLine, TrackingState
from tests.contracts.lossy import Fault, Lossy
from tests.contracts.placing import insist, unique


class CarrierHands(Protocol):
    async def address(self) -> Address:
        """One that the carrier serves."""

    async def unserved(self) -> Address:
        """One that it does not."""

    async def to_pay_for(self, shipment: ShipmentId) -> list[str]:
        """The tracking numbers of all labels that were made and not voided, as the books say."""

    async def collect(self, shipment: ShipmentId) -> None:
        """The driver takes the parcels along."""

    async def deliver(self, shipment: ShipmentId) -> None: ...


class CarrierContract:
    @pytest.fixture
    def network(self) -> Lossy:
        return Lossy()

    @pytest.fixture
    async def parcel(self, request: pytest.FixtureRequest, hands: CarrierHands) -> Parcel:
        """Two packages."""
        shipment = shipment_id(order_id(ChannelId("contract"), PlatformId(unique(request.node.nodeid))), 1)
        packages = tuple(
            Package(
                package_id=f"{shipment}/p{number}",
                lines=(ShipmentLine(line_id=LineId("1"), sku=Sku("MUG"), quantity=number),),
                weight_grams=500,
            )
            for number in (1, 2)
        )
        return Parcel(shipment_id=shipment, packages=packages, ship_to=await hands.address())

    async def test_every_package_gets_a_label_of_its_own(
        self, carrier: Carrier, hands: CarrierHands, parcel: Parcel
    ) -> None:
        labels = await label(carrier, parcel)
        assert labels.carrier
        assert [item.package_id for item in labels.labels] == [item.package_id for item in parcel.packages]
        assert len(set(_numbers(labels))) == len(parcel.packages)
        assert await hands.to_pay_for(parcel.shipment_id) == _numbers(labels)

    async def test_asked_twice_the_labels_are_the_same(
        self, carrier: Carrier, hands: CarrierHands, parcel: Parcel
    ) -> None:
        first = await label(carrier, parcel)
        assert await label(carrier, parcel) == first
        assert await hands.to_pay_for(parcel.shipment_id) == _numbers(first)

    async def test_labels_are_made_once_though_every_reply_is_lost(
        self, carrier: Carrier, hands: CarrierHands, network: Lossy, parcel: Parcel
    ) -> None:
        network.fault = Fault.REPLY_LOST
        labels = await insist(lambda: label(carrier, parcel))
        assert await hands.to_pay_for(parcel.shipment_id) == _numbers(labels)

    async def test_labels_whose_first_request_arrives_late_are_made_once(
        self, carrier: Carrier, hands: CarrierHands, network: Lossy, parcel: Parcel
    ) -> None:
        network.fault = Fault.LATE
        with pytest.raises(OutcomeUnknown):
            await label(carrier, parcel)
        labels = await insist(lambda: label(carrier, parcel))
        await network.settle()
        assert await hands.to_pay_for(parcel.shipment_id) == _numbers(labels)

    async def test_an_address_that_is_not_served_is_refused(
        self, carrier: Carrier, hands: CarrierHands, parcel: Parcel
    ) -> None:
        far = parcel.model_copy(update={"ship_to": await hands.unserved()})
        with pytest.raises(Refused):
            await label(carrier, far)
        assert await hands.to_pay_for(parcel.shipment_id) == []

    # -- voiding

    async def test_voided_labels_cost_nothing_and_voiding_again_is_fine(
        self, carrier: Carrier, hands: CarrierHands, parcel: Parcel
    ) -> None:
        await label(carrier, parcel)
        for _ in range(2):
            await void(carrier, parcel)
        assert await hands.to_pay_for(parcel.shipment_id) == []

    async def test_labels_are_voided_though_every_reply_is_lost(
        self, carrier: Carrier, hands: CarrierHands, network: Lossy, parcel: Parcel
    ) -> None:
        await label(carrier, parcel)
        network.fault = Fault.REPLY_LOST
        await insist(lambda: void(carrier, parcel))
        assert await hands.to_pay_for(parcel.shipment_id) == []

    async def test_voiding_what_never_was_is_fine(
        self, carrier: Carrier, hands: CarrierHands, parcel: Parcel
    ) -> None:
        await void(carrier, parcel)
        assert await hands.to_pay_for(parcel.shipment_id) == []

    async def test_what_is_on_its_way_is_not_voided(
        self, carrier: Carrier, hands: CarrierHands, parcel: Parcel
    ) -> None:
        labels = await label(carrier, parcel)
        await hands.collect(parcel.shipment_id)
        with pytest.raises(Refused):
            await void(carrier, parcel)
        assert await hands.to_pay_for(parcel.shipment_id) == _numbers(labels)

    # -- tracking

    async def test_a_parcel_nobody_labelled_is_not_tracked(self, carrier: Carrier, parcel: Parcel) -> None:
        assert await carrier.track(parcel.shipment_id) is None

    async def test_a_parcel_is_tracked_to_the_door(
        self, carrier: Carrier, hands: CarrierHands, parcel: Parcel
    ) -> None:
        await label(carrier, parcel)
        seen = [await _state(carrier, parcel)]
        await hands.collect(parcel.shipment_id)
        seen.append(await _state(carrier, parcel))
        await hands.deliver(parcel.shipment_id)
        seen.append(await _state(carrier, parcel))
        assert seen == [TrackingState.LABELLED, TrackingState.IN_TRANSIT, TrackingState.DELIVERED]


async def label(carrier: Carrier, parcel: Parcel) -> Labels:
    key = effect_key(order_of(parcel.shipment_id), "create-labels", "s1")
    return await carrier.create_labels(parcel, key=key)


async def void(carrier: Carrier, parcel: Parcel) -> None:
    key = effect_key(order_of(parcel.shipment_id), "void-labels", "s1")
    await carrier.void_labels(parcel.shipment_id, key=key)


async def _state(carrier: Carrier, parcel: Parcel) -> TrackingState | None:
    tracking = await carrier.track(parcel.shipment_id)
    return tracking.state if tracking else None


def _numbers(labels: Labels) -> list[str]:
    return [item.tracking_number for item in labels.labels]
