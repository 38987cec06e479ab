"""devices --pages: what the twins of this version understand, as pages."""

from __future__ import annotations

from pathlib import Path

import typer

from sensorbench.testing.pages import write_pages


def renew_pages(folder: Path) -> None:
    """Write or renew the pages of our devices, and say which changed."""
    changed = write_pages(folder)
    for path in changed:
        typer.echo(path)
    if not changed:
        typer.echo("every page is up to date")
