"""devices show, devices --pages: what drivers and twins of this version do, and who proved it."""

from __future__ import annotations

from pathlib import Path

import typer

from sensorbench.app.commands.common import print_json
from sensorbench.app.commands.find import device_named
from sensorbench.core.catalog import left_out
from sensorbench.core.errors import InputError
from sensorbench.testing.pages import generated, write_pages


def show_device(name: str, as_json: bool) -> None:
    """Print what is known of a device. Raises InputError for a name that is no device."""
    device = device_named("devices", name)
    if as_json:
        print_json(
            {
                "name": device.name, "title": device.title, "source": device.source,
                "links": device.links, "addresses": list(device.addresses), "from": device.origin,
                "proved_by": [witness.model_dump() for witness in device.proved_by],
                "faults": list(device.load_faults()), "page": generated(device),
            }
        )  # fmt: skip
        return
    typer.echo(f"{device.title} (from {device.origin})\n\n{generated(device)}", nl=False)


def renew_pages(folder: Path) -> None:
    """Write or renew the pages of our devices, and say which changed.

    Raises InputError, after that, for devices that can't be used: theirs are not there.
    """
    changed = write_pages(folder)
    for path in changed:
        typer.echo(path)
    if not changed:
        typer.echo("every page is up to date")
    if left_out():
        raise InputError(left_out())
