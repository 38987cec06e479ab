"""Twins of one world in many threads: what one does, another feels once, and whole."""

import threading
from collections.abc import Callable

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.instruments.espec_p300.twin import SimEspecP300
from sensorbench.instruments.keysight_34461a.twin import SimKeysight34461a
from sensorbench.instruments.keysight_e36312a.twin import SimKeysightE36312a
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.line import LineSettings
from sensorbench.sensors.bmp280.twin import SimBmp280
from sensorbench.sensors.lsm6dso.twin import SimLsm6dso
from sensorbench.world.world import Place, World


def test_parts_and_instruments_may_be_used_by_many_threads_at_once() -> None:
    world = World(RealClock(speed=50.0))
    chamber, supply = SimEspecP300(world, "SIM-1"), SimKeysightE36312a(world, "SIM-2")
    dmm = SimKeysight34461a(world, "SIM-3")
    zone = world.zone()
    zone.bind("temperature", chamber.drives["temperature"])
    zone.bind("supply", supply.drives["out1"])
    buses = [SimulatedI2cBus(f"bus{n}", world.lock) for n in range(2)]
    baro, inertial = SimBmp280(Place(world, "1")), SimLsm6dso(Place(world, "2"))
    buses[0].attach(0x76, baro)
    buses[1].attach(0x6A, inertial)
    supply.sense("current1", lambda: baro.supply_current_a() + inertial.supply_current_a())
    lines = {
        name: InProcessLine(twin, LineSettings(end, end), name, world.lock)
        for name, twin, end in (
            ("chamber", chamber, "\r\n"), ("supply", supply, "\n"), ("dmm", dmm, "\n")
        )
    }  # fmt: skip
    lines["supply"].write("VOLT 3.3,(@1);:OUTP ON,(@1)")
    lines["chamber"].query("TEMP,S60.0")
    lines["chamber"].query("MODE,CONSTANT")
    world.clock.sleep(1.0)
    buses[0].transfer(0x76, bytes([0xF5, 0x10, 0xF4, 0x57]))
    buses[1].transfer(0x6A, bytes([0x10, 0x40]))
    buses[1].transfer(0x6A, bytes([0x07, 0, 0, 0x04, 0x06]))
    failed: list[BaseException] = []

    def again(work: Callable[[int], object]) -> threading.Thread:
        def run() -> None:
            try:
                for number in range(60):
                    work(number)
            except BaseException as error:
                failed.append(error)

        return threading.Thread(target=run)

    works: list[Callable[[int], object]] = [
        lambda n: lines["chamber"].query(f"TEMP,S{40 + n % 20}.0"),
        lambda n: lines["supply"].query(f"VOLT {3.2 + n % 2 / 10:.1f},(@1);:MEAS:CURR? (@1)"),
        lambda _: lines["dmm"].query("VOLT:NPLC 1;:READ?"),
        lambda _: buses[0].transfer(0x76, b"\xf7", 6),
        lambda _: buses[1].transfer(0x6A, b"\x3a", 2),
        lambda _: buses[1].transfer(0x6A, b"\x78", 70),
    ]
    threads = [again(work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30.0)
    assert failed == []
    assert not any(thread.is_alive() for thread in threads)


def test_who_lets_time_pass_gives_the_world_away() -> None:
    world, seen = World(RealClock()), threading.Event()

    def other() -> None:
        with world.lock:
            seen.set()

    with world.lock:
        threading.Thread(target=other).start()
        world.let_pass(0.3)
        assert seen.is_set()


def test_without_others_time_passes_all_the_same() -> None:
    world = World(VirtualClock())
    world.let_pass(3.0)
    assert world.clock.now() == 3.0
