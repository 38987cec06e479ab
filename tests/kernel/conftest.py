"""One Linux for all tests of this folder, and a fresh world for each of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sensorbench.core.catalog import devices
from sensorbench.core.clock import RealClock
from sensorbench.core.quantity import Value
from sensorbench.links.i2c import I2cTarget, SimulatedI2cBus
from sensorbench.links.usb_mount import UsbMount
from sensorbench.world.fields import Constant
from sensorbench.world.world import Place, World

from .guest import Device, Guest
from .image import Debian, NotThereError, qemu
from .parts import PARTS

MODULES = sorted({part.on_i2c for part in PARTS} | {"i2c_mux_pca954x"})
AMBIENT: dict[str, Value] = {"temperature": 27.5, "pressure": 98_700.0, "humidity": 52.0}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.kernel)


class Bench:
    """A kernel, and the adapter that its drivers reach the twins through."""

    def __init__(self, guest: Guest, bus: SimulatedI2cBus) -> None:
        self.guest = guest
        self.world = World(RealClock(), 1, AMBIENT)
        self._bus = bus
        bus.lock = self.world.lock

    def pose(self, **quantities: Value) -> None:
        """Let the world be so from now on."""
        with self.world.lock:
            for quantity, value in quantities.items():
                self.world.zone().bind(quantity, Constant(value))

    @contextmanager
    def part(self, name: str, **options: Any) -> Iterator[tuple[Any, Device]]:
        """Plug in a twin by its name in the catalog, and let its driver of the kernel have it."""
        (part,) = (known for known in PARTS if known.twin == name)
        self.needs(part.on_i2c)
        twin = self.twin(name, **options)
        with self.plugged(part.address, twin), self.guest.device(part.device, part.address) as had:
            yield twin, had

    def needs(self, module: str) -> None:
        """Skip the test where this kernel lacks a module."""
        if module not in self.guest.modules:
            pytest.skip(f"this kernel has no {module}: .ci/kernel builds it where make and gcc are")

    def twin(self, name: str, **options: Any) -> Any:
        """Make a twin by its name in the catalog."""
        return devices()[name].load_twin()(Place(self.world, "7", powered=False), **options)

    @contextmanager
    def plugged(self, address: int, target: I2cTarget) -> Iterator[None]:
        """Have something on the bus meanwhile."""
        self._bus.attach(address, target)
        try:
            yield
        finally:
            self._bus.detach(address)


@pytest.fixture(scope="session")
def debian() -> Debian:
    """Return the unpacked packages, whose folder SENSORBENCH_KERNEL names."""
    folder = os.environ.get("SENSORBENCH_KERNEL", "")
    if not folder:
        pytest.skip("SENSORBENCH_KERNEL names no unpacked kernel: .ci/kernel fetches one")
    try:
        found = Debian(Path(folder))
        assert qemu()
        assert found.modules()
        assert found.busybox
    except NotThereError as error:
        pytest.skip(str(error))
    return found


@pytest.fixture(scope="session")
def adapter(
    debian: Debian, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Guest, SimulatedI2cBus]]:
    bus = SimulatedI2cBus("usb")
    with (
        UsbMount(bus) as mount,
        Guest(debian, MODULES, mount.port, tmp_path_factory.mktemp("guest")) as guest,
    ):
        yield guest, bus


@pytest.fixture
def bench(adapter: tuple[Guest, SimulatedI2cBus]) -> Bench:
    return Bench(*adapter)
