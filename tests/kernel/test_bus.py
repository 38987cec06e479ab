"""What the kernel does on the bus itself, and a served bench as a guest has it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sensorbench.links.tca9548a.twin import SimTca9548a

from .conftest import Bench
from .guest import Guest
from .image import Debian


def test_a_scan_finds_the_parts_and_nothing_else(bench: Bench) -> None:
    with bench.plugged(0x76, bench.twin("bmp280")), bench.plugged(0x44, bench.twin("sht4x")):
        assert bench.guest.scan() == {0x44, 0x76}


def test_an_address_that_nobody_has_is_an_error_of_the_kernel_s(bench: Bench) -> None:
    number = bench.guest.adapter.rpartition("-")[2]
    with bench.plugged(0x76, bench.twin("bmp280")):
        assert bench.guest.run(f"i2cget -y {number} 0x76 0xd0").strip() == "0x58"
        with pytest.raises(OSError, match="No such device or address"):
            bench.guest.run(f"i2cget -y {number} 0x77 0xd0")


def channels(guest: Guest) -> dict[int, str]:
    """Return the adapters behind a multiplexer, by their channel."""
    found = {}
    for name in guest.run("ls /sys/bus/i2c/devices").split():
        folder = f"/sys/bus/i2c/devices/{name}"
        if name.startswith("i2c-") and "mux" in (told := guest.run(f"cat {folder}/name")):
            found[int(told.partition("chan_id")[2].strip(" )\n"))] = folder
    return found


def test_the_kernel_s_pca954x_switches_the_multiplexer(bench: Bench) -> None:
    bench.needs("i2c_mux_pca954x")
    mux = SimTca9548a()
    mux.attach(0, 0x76, bench.twin("bmp280"))
    mux.attach(3, 0x76, bench.twin("bme280"))
    with bench.plugged(0x70, mux), bench.guest.device("pca9548", 0x70):
        behind = channels(bench.guest)
        assert sorted(behind) == list(range(8))
        assert [bench.guest.scan(behind[channel]) for channel in (0, 1, 3)] == [
            {0x76},
            set(),
            {0x76},
        ]
        with (
            bench.guest.device("bmp280", 0x76, behind[0]) as first,
            bench.guest.device("bme280", 0x76, behind[3]) as second,
        ):
            for _ in range(3):  # in turn, so that it switches each time
                for device in (first, second):
                    pressure_pa = 1000 * device.node().number("in_pressure_input")
                    assert pressure_pa == pytest.approx(98_700.0, abs=100)
            assert "in_humidityrelative_input" not in first.node().names()
            assert "in_humidityrelative_input" in second.node().names()


def test_a_bench_that_is_served_is_in_the_guest(debian: Debian, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sensorbench.app.main"]
    subprocess.run([*command, "init", str(tmp_path / "bench")], check=True, capture_output=True)
    serving = subprocess.Popen(
        [*command, "simulate", str(tmp_path / "bench"), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert serving.stdout is not None
        served: dict[str, object] = {}
        while served.get("kind") != "usb-redir":
            served = json.loads(serving.stdout.readline())
        port = served["port"]
        assert isinstance(port, int)
        with Guest(debian, ["tmp117", "i2c_mux_pca954x"], port, tmp_path) as guest:
            assert guest.scan() == {0x48, 0x70}
            if "tmp117" in guest.modules:
                with guest.device("tmp117", 0x48) as thermometer:
                    node = thermometer.node()
                    assert node.value("in_temp") / 1000 == pytest.approx(23.0, abs=1)
    finally:
        serving.kill()
        serving.communicate()
