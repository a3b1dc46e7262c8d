"""A warehouse clerk at a real Tryton, played through its own client library: picks, packs, and ships what has labels.

`python -m entrypoints.demo.clerk --url http://127.0.0.1:8000 --database erp --user clerk --password …` works until
SIGTERM and prints what it did. It touches only shipments that carry one of our references.
"""

import argparse
import signal
import sys
import threading
from typing import Any
from xmlrpc.client import Fault

import httpx
from proteus import Model, config

_LOOK_SECONDS = 0.5
_OURS = ("reference", "like", "order:%/s%")


class Clerk:
    """One shipment one step further per call, in the session of a logged-in user."""

    def __init__(self, session: Any, carrier_url: str | None = None) -> None:
        self._session = session
        self._carrier_url = carrier_url

    def model(self, name: str) -> Any:
        return Model.get(name, config=self._session)

    def work(self) -> int:
        """How many shipments moved on."""
        steps = {"assigned": self.pick, "picked": self.pack, "packed": self.ship}
        moved = 0
        for shipment in self.model("stock.shipment.out").find([_OURS, ("state", "in", [*steps])]):
            try:
                moved += steps[shipment.state](shipment)
            except Fault as error:
                # Somebody else wrote the same record, or planned it anew: a clerk looks again, and goes on with others.
                sys.stderr.write(f"{shipment.reference} again later: {error.faultCode}\n")
        return moved

    def pick(self, shipment: Any) -> bool:
        shipment.click("pick")
        return _tell("picked", shipment)

    def pack(self, shipment: Any) -> bool:
        """Everything in one box, by the house's usual carrier: Tryton wants one named. The labels may name another."""
        if not shipment.carrier:
            (shipment.carrier,) = self.model("carrier").find([], limit=1)
        if not shipment.packages:
            (kind,) = self.model("stock.package.type").find([], limit=1)
            box = shipment.packages.new(type=kind)
            for move in shipment.outgoing_moves:
                box.moves.append(self.model("stock.move")(move.id))
        shipment.save()
        shipment.click("pack")
        return _tell("packed", shipment)

    def ship(self, shipment: Any) -> bool:
        """Only with a label on every box: without one nobody would fetch it."""
        if not shipment.packages or not all(box.shipping_reference for box in shipment.packages):
            return False
        shipment.click("ship")
        shipment.click("do")
        self.give_to_driver(shipment.reference)
        return _tell("shipped", shipment)

    def give_to_driver(self, reference: str) -> None:
        """Where the carrier is the simulated one, its driver is told that the parcel is there."""
        if self._carrier_url:
            address = f"{self._carrier_url}/world/carrier/collect"
            httpx.post(address, json={"shipment_id": reference}).raise_for_status()


def at_work(rpc_url: str, user: str, password: str, carrier_url: str | None, stop: threading.Event) -> None:
    with config.set_xmlrpc_session(rpc_url, user, password) as session:
        clerk = Clerk(session, carrier_url)
        while not stop.is_set():
            try:
                clerk.work()
            except (Fault, OSError, httpx.HTTPError) as error:  # the server was busy
                sys.stderr.write(f"again later: {type(error).__name__}\n")
            stop.wait(_LOOK_SECONDS)


def _tell(what: str, shipment: Any) -> bool:
    sys.stdout.write(f"{what} {shipment.reference}\n")
    sys.stdout.flush()
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("url", "database", "user", "password"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--carrier-url", help="the simulated world, whose driver fetches what ships")
    chosen = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    rpc_url = f"{chosen.url}/{chosen.database}/rpc/"
    at_work(rpc_url, chosen.user, chosen.password, chosen.carrier_url, stop)


if __name__ == "__main__":
    main()
