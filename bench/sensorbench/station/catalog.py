"""The devices we know: every folder below sensors/ and instruments/ with a device.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Device:
    """What a device.toml says. Driver and twin are imported when they are asked for.

    `serial` is the pattern of the serial numbers that the part tells of itself.
    """

    name: str
    title: str
    kind: Literal["sensor", "instrument"]
    driver: str
    twin: str
    links: tuple[str, ...]
    source: str
    role: str | None = None
    mount: str | None = None
    serial: str = ".*"
    addresses: tuple[int, ...] = ()
    package: str = field(default="", compare=False)

    def load_driver(self) -> Any:
        """Return the driver class."""
        return getattr(import_module(f"{self.package}.driver"), self.driver)

    def load_twin(self) -> Any:
        """Return the twin class."""
        return getattr(import_module(f"{self.package}.twin"), self.twin)

    def load_faults(self) -> tuple[str, ...]:
        """Return the faults that the twin can be made with."""
        return tuple(fault.value for fault in import_module(f"{self.package}.twin").Fault)


@cache
def devices() -> dict[str, Device]:
    """Return all devices by name."""
    found = {}
    for kind in ("sensors", "instruments"):
        root = Path(str(files(f"sensorbench.{kind}")))
        for path in sorted(root.glob("*/device.toml")):
            data = tomllib.loads(path.read_text(encoding="utf-8"))
            for key in ("links", "addresses"):
                data[key] = tuple(data.get(key, ()))
            device = Device(**data, package=f"sensorbench.{kind}.{path.parent.name}")
            found[device.name] = device
    return found
