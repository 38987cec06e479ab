"""The devices we know: every folder with a device.toml, ours and those of other packages.

Ours are below sensors/ and instruments/; another package names the package that holds its folders
in the entry-point group `sensorbench.devices`. A device.toml that can't be used is named
(`core.plugins.broken`) and skipped.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import Field, field_validator

from sensorbench.core.channel import Channel
from sensorbench.core.device import Sensor
from sensorbench.core.documents import Document, Word, load
from sensorbench.core.errors import InputError, Problem
from sensorbench.core.plugins import OURS, broken, note_broken, origin_of

LinkKind = Literal["i2c", "serial", "tcp", "meters", "members", "person", "none"]
GROUP = "sensorbench.devices"


class HowToCheck(Document):
    """What the conformance suites must know to make a device and its twin, and can't see.

    `options` go to both, `driver_options` and `twin_options` to one of them. `members` are what an
    instrument that is made of others gets: a quantity for an ideal setpoint of it ("orientation"),
    or another device's member ("keysight_e36312a.out1"). `values` are where a sensor's quantity, by
    its address, is compared with the world, where the suites' own values don't fit.
    """

    options: dict[str, Any] = Field(default_factory=dict)
    driver_options: dict[str, Any] = Field(default_factory=dict)
    twin_options: dict[str, Any] = Field(default_factory=dict)
    members: dict[str, str] = Field(default_factory=dict)
    values: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(repr(self))  # devices are keys of caches, and tables have no hash


class Witness(Document):
    """Somebody else's program that met the twin unchanged, and what of the twin it used.

    Driver and twin are written from one data sheet by the same people: only others prove it.
    """

    who: str
    what: Literal["kernel driver", "third-party driver", "recorded exchanges"]
    scope: str


class Device(Document):
    """A device.toml. Driver and twin are imported when they are asked for.

    `serial` is the pattern of the serial numbers that the device tells of itself, `check` what the
    conformance suites must know of it. `starts_when_addressed` is for parts that take their address
    alone as the request to measure, so that a scan can say what it did, `stretch_s` is how long
    the part holds the I2C clock within a byte, as its driver uses it. `proved_by` names who proved
    the twin. `package` and `origin` say where it was found.
    """

    name: Word
    title: str
    kind: Literal["sensor", "instrument"]
    driver: str
    twin: str
    links: tuple[LinkKind, ...] = Field(min_length=1)
    source: str
    mount: Literal["pty", "tcp"] | None = None
    serial: str = ".*"
    addresses: tuple[int, ...] = ()
    starts_when_addressed: bool = False
    stretch_s: float = Field(default=0.0, ge=0)
    check: HowToCheck = HowToCheck()
    proved_by: tuple[Witness, ...] = ()
    package: str = ""
    origin: str = OURS

    @field_validator("serial")
    @classmethod
    def _is_pattern(cls, text: str) -> str:
        try:
            re.compile(text)
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from None
        return text

    def load_driver(self) -> type[Any]:
        """Return the driver class."""
        return cast("type[Any]", getattr(import_module(f"{self.package}.driver"), self.driver))

    def load_twin(self) -> type[Any]:
        """Return the twin class."""
        return cast("type[Any]", getattr(import_module(f"{self.package}.twin"), self.twin))

    def load_sensor(self) -> type[Sensor]:
        """Return the driver class of a sensor, with what it declares."""
        return cast("type[Sensor]", self.load_driver())

    def usable(self) -> type[Any] | None:
        """Return the driver class, None where it can't be imported; that is named in `broken`."""
        try:
            return self.load_driver()
        except Exception as error:
            text = f"driver.py can't be used: {type(error).__name__}: {error}"
            note_broken(f"{self.name}/driver.py", self.name, text)
            return None

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Return a sensor's channels, () for an instrument that is none, or can't be used."""
        return tuple(getattr(self.usable(), "CHANNELS", ()))

    def load_faults(self) -> tuple[str, ...]:
        """Return the faults that the twin can have."""
        return tuple(getattr(self.load_twin(), "FAULTS", ()))


@cache
def devices() -> dict[str, Device]:
    """Return all devices by name. Nobody replaces one of ours."""
    found: dict[str, Device] = {}
    for package in ("sensorbench.sensors", "sensorbench.instruments"):
        for device in _devices_in(package, OURS):
            found.setdefault(device.name, device)
    for entry in entry_points(group=GROUP):
        for device in _devices_in(entry.value, origin_of(entry)):
            if device.name in found:
                note_broken(device.origin, device.name, "a device of that name is there already")
            else:
                found[device.name] = device
    return found


def left_out() -> tuple[Problem, ...]:
    """Return why devices that are there can't be used, those of plug-ins too."""
    devices()
    return tuple(p for p in broken() if p.file.endswith(("/device.toml", "/driver.py")))


def _devices_in(package: str, origin: str) -> list[Device]:
    try:
        spec = find_spec(package)
    except (ImportError, ValueError) as error:
        note_broken(origin, package, f"can't be imported: {error}")
        return []
    if spec is None or not spec.submodule_search_locations:
        note_broken(origin, package, "is no package with device folders")
        return []
    found = []
    for root in map(Path, spec.submodule_search_locations):
        files = [(package, root / "device.toml")] if (root / "device.toml").is_file() else []
        files += [(f"{package}.{p.parent.name}", p) for p in sorted(root.glob("*/device.toml"))]
        for name, path in files:
            label = f"{path.parent.name}/device.toml"
            try:
                device = load(path, Device, label)
            except InputError as error:
                for problem in error.problems:
                    note_broken(label, problem.key, f"{problem.text}; the device is left out")
                continue
            if not all((path.parent / f"{half}.py").is_file() for half in ("driver", "twin")):
                note_broken(label, "", "driver.py or twin.py is missing; the device is left out")
                continue
            found.append(device.model_copy(update={"package": name, "origin": origin}))
    return found
