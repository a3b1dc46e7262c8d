"""`ordersaga keys …`: the keys that encrypt what Temporal stores. The guide is docs/security.md."""

from pathlib import Path
from typing import Annotated

import typer

from domain.errors import OrderError
from entrypoints.cli.output import AsJson, console, fail, load_settings, say_json
from workers.clock import now
from workers.keys import KeyFile, KeyRing, PayloadKey, ids, keys_of, write_keys

app = typer.Typer(no_args_is_help=True, help="The keys that encrypt what Temporal stores of an order.")

File = Annotated[
    Path | None, typer.Option("--file", help="The key file, where it is not that of the settings.")
]


@app.command()
def generate(
    *,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="Make this key file, or add a key to it that only decrypts so far."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draw a key. Without --file it is printed, for ORDERSAGA_ENCRYPTION_KEYS: keep it where only its owner may read."""
    key = PayloadKey.drawn(now())
    if file is None:
        print(KeyRing((key,)).text(), end="", flush=True)  # noqa: T201  the key itself, for a pipe
        return
    if file.exists():
        found = _opened(file)
        found.write(found.ring().with_key(key, encrypts=False))
        console.print(
            f"[green]✓[/] {file} has the key {key.id}: it decrypts, and `ordersaga keys rotate` lets it encrypt"
        )
    else:
        write_keys(file, KeyRing((key,)))
        console.print(
            f"[green]✓[/] {file} made, with the key {key.id}; without it what it encrypted is lost: back it up"
        )
    if as_json:
        say_json({"key": key.id, "file": str(file)})


@app.command()
def rotate(
    *,
    to: Annotated[
        str | None, typer.Option(metavar="KEY", help="A key of the ring, instead of one that is drawn now.")
    ] = None,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Encrypt with another key from now on; the former ones still decrypt. Running processes take it from the file."""
    found = _opened(file)
    known = {key.id: key for key in found.ring().keys}
    if to is not None and to not in known:
        fail(f"the key ring has no key {to}; `ordersaga keys list` lists them")
    key = known[to] if to is not None else PayloadKey.drawn(now())
    found.write(found.ring().with_key(key, encrypts=True))
    console.print(f"[green]✓[/] {key.id} encrypts from now on")
    if as_json:
        say_json({"key": key.id, "file": str(found.path)})


@app.command("list")
def list_keys(*, file: File = None, as_json: AsJson = False) -> None:
    """List the ids of the keys; the first one encrypts."""
    try:
        keys = KeyFile(file) if file else keys_of(load_settings())
        names = ids(keys.ring().keys) if keys else []
    except OrderError as error:
        fail(str(error))
    for number, name in enumerate(names):
        console.print(f"{name}  {'decrypts' if number else 'encrypts'}")
    if not names:
        console.print("payloads are not encrypted: the settings name no key")
    if as_json:
        say_json({"keys": names})


def _opened(file: Path | None) -> KeyFile:
    try:
        if file is not None:
            return KeyFile(file)
        keys = keys_of(load_settings())
    except OrderError as error:
        fail(str(error))
    if not isinstance(keys, KeyFile):
        fail(
            "the settings name no key file: with keys in the environment, change what is there (docs/security.md)"
        )
    return keys
