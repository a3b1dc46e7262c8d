"""The process of `localstripe`: on 127.0.0.1 alone, its state in a directory of its own.

As it comes, localstripe listens on every interface and keeps one file in /tmp for all its processes, written anew for
every object. Here it is written once per request. The port is printed as the first line.
"""

import pickle
import socket
import sys
from pathlib import Path

from aiohttp import web
from localstripe.resources import Store, store
from localstripe.server import app


def serve(directory: Path, port: int) -> None:
    """Serve until terminated. Port 0 lets the system choose one."""
    _keep_state_in(directory / "localstripe.pickle")
    listener = socket.create_server(("127.0.0.1", port))
    print(listener.getsockname()[1], flush=True)  # noqa: T201  this line is the answer to who started us
    web.run_app(app, sock=listener, print=None, access_log=None)


def _keep_state_in(file: Path) -> None:
    def dump_to_disk(self: Store) -> None:
        written = file.with_suffix(".new")
        written.write_bytes(pickle.dumps(self, pickle.HIGHEST_PROTOCOL))
        written.replace(file)

    if file.exists():
        store.update(pickle.loads(file.read_bytes()))  # noqa: S301  written by ourselves
    Store.dump_to_disk = dump_to_disk
    Store.__setitem__ = dict.__setitem__
    Store.__delitem__ = dict.__delitem__


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
