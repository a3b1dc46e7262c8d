from collections.abc import Iterable

from fastapi import APIRouter

from adapters.connector.protocol.carrier import Parcel, ReturnParcel, Tracking, TrackingState
from adapters.connector.protocol.common import Address, Done, ShipmentId
from adapters.connector.protocol.shipments import Label, Labels, Package, ShipmentTold
from adapters.simulated.desk import effect, read
from adapters.simulated.goods import DoomedParcel, ParcelRecord, ReturnParcelRecord, VoidedLabel
from adapters.simulated.world import Refusal, World

router = APIRouter(prefix="/carrier")

CARRIER = "simulated"
NOT_SERVED = frozenset({"AQ", "BV", "HM"})  # nobody drives to Antarctica, Bouvet Island or Heard Island


@effect(router)
def create_labels(world: World, told: Parcel, key: str) -> Labels:  # noqa: ARG001  the shipment id is the key
    """Ensure one label per package. Refused for an address the carrier does not serve, or once it is on its way."""
    _check_served(told.ship_to, "ship_to")
    if not told.packages:
        raise Refusal("no_packages", "there is nothing to label", field="packages")
    mark = world.state.mark()
    record = world.state.load(ParcelRecord, told.shipment_id) or ParcelRecord(
        shipment_id=told.shipment_id, labels=[], state=TrackingState.LABELLED, labelled=mark
    )
    known = {label.package_id: label for label in record.labels}
    wanted = [package.package_id for package in told.packages]
    if record.state is not TrackingState.LABELLED and list(known) != wanted:
        raise Refusal("in_transit", "it is on its way with other packages")
    record.voided += [
        VoidedLabel(label=label, mark=mark) for name, label in known.items() if name not in wanted
    ]
    record.labels = [
        known.get(name) or _label(name, mark.seq, number) for number, name in enumerate(wanted, 1)
    ]
    world.state.save(record, told.shipment_id)
    return Labels(carrier=CARRIER, labels=tuple(record.labels))


@effect(router)
def create_return_label(world: World, told: ReturnParcel, key: str) -> Labels:  # noqa: ARG001  the return id is the key
    """Ensure there is a label with which the customer sends the goods back, one per return id."""
    _check_served(told.ship_from, "ship_from")
    record = world.state.load(ReturnParcelRecord, told.return_id)
    if record is None:
        mark = world.state.mark()
        label = _label(told.return_id, mark.seq, 1)
        record = ReturnParcelRecord(
            return_id=told.return_id, order_id=told.order_id, label=label, labelled=mark
        )
        world.state.save(record, told.return_id)
    return Labels(carrier=CARRIER, labels=(record.label,))


@effect(router)
def void_labels(world: World, told: ShipmentTold, key: str) -> Done:  # noqa: ARG001  a target needs no key
    """Ensure nothing is left to pay for. Fine when there never were labels. Refused when it is on its way."""
    record = world.state.load(ParcelRecord, told.shipment_id)
    if record is None or not record.labels:
        return Done()
    if record.state is not TrackingState.LABELLED:
        raise Refusal("in_transit", "it is on its way")
    mark = world.state.mark()
    record.voided += [VoidedLabel(label=label, mark=mark) for label in record.labels]
    record.labels = []
    world.state.save(record, told.shipment_id)
    return Done()


@read(router)
def track(world: World, shipment_id: ShipmentId) -> Tracking | None:
    """Where the slowest package is."""
    record = world.state.load(ParcelRecord, shipment_id)
    return Tracking(shipment_id=shipment_id, state=record.state) if record and record.labels else None


def label_by_hand(world: World, order_id: str, shipment_id: str, packages: Iterable[Package]) -> None:
    """People in the warehouse get the labels themselves."""
    mark = world.state.mark()
    labels = [_label(package.package_id, mark.seq, number) for number, package in enumerate(packages, 1)]
    record = ParcelRecord(
        shipment_id=shipment_id,
        order_id=order_id,
        labels=labels,
        state=TrackingState.LABELLED,
        labelled=mark,
    )
    world.state.save(record, shipment_id)


def bear(world: World, shipment_id: str, other: str) -> None:
    """The shipment bears another id from now on, and so does its parcel, if there is one."""
    record = world.state.load(ParcelRecord, shipment_id)
    if record is None:
        return
    world.state.rename(ParcelRecord, shipment_id, other)
    record.shipment_id = other
    world.state.save(record, other)
    if record.state is TrackingState.IN_TRANSIT:
        world.rests("parcel", shipment_id)
        world.waits("parcel", other)


def collect(world: World, shipment_id: str) -> bool:
    """The driver takes the parcel along, if its labels are this carrier's; False when there is none to take."""
    record = world.state.load(ParcelRecord, shipment_id)
    if record is None or not record.labels or record.state is not TrackingState.LABELLED:
        return False
    record.state, record.in_transit = TrackingState.IN_TRANSIT, world.state.mark()
    world.state.save(record, shipment_id)
    world.hint("carrier", "parcel_in_transit", _order_of(record))
    world.waits("parcel", shipment_id)
    return True


def deliver(world: World, shipment_id: str) -> bool:
    """The parcel arrives, unless it is one that is to get lost; False when it is not on its way."""
    world.rests("parcel", shipment_id)
    doomed = world.state.load(DoomedParcel, shipment_id) is not None
    return _arrive(world, shipment_id, TrackingState.LOST if doomed else TrackingState.DELIVERED)


def lose(world: World, shipment_id: str) -> bool:
    world.rests("parcel", shipment_id)
    return _arrive(world, shipment_id, TrackingState.LOST)


def _arrive(world: World, shipment_id: str, state: TrackingState) -> bool:
    record = world.state.load(ParcelRecord, shipment_id)
    if record is None or record.state is not TrackingState.IN_TRANSIT:
        return False
    record.state = state
    if state is TrackingState.DELIVERED:
        record.delivered = world.state.mark()
    else:
        record.lost = world.state.mark()
    world.state.save(record, shipment_id)
    world.hint("carrier", f"parcel_{state}", _order_of(record))
    return True


def _check_served(address: Address | None, field: str) -> None:
    if address is None:
        raise Refusal("address_missing", "a parcel needs an address", field=field)
    if address.country in NOT_SERVED:
        raise Refusal("address_not_served", "no service to this country", field=f"{field}.country")


def _order_of(record: ParcelRecord) -> str:
    return record.order_id or record.shipment_id.rpartition("/s")[0]


def _label(package_id: str, seq: int, number: int) -> Label:
    tracking = f"SIM{seq:08}{number:02}"
    return Label(
        package_id=package_id,
        tracking_number=tracking,
        tracking_url=f"https://carrier.example/track/{tracking}",
    )
