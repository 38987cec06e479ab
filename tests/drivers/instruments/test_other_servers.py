"""Our drivers, unchanged, on servers that others wrote: simulators that know nothing of our twins.

Each knows a part of its instrument. What it knows is read, by its own identity; what it does not
know is an error that says what was answered, and never a value. Only `.ci/run` installs them
(extra `others`); sinstruments is GPL and gepace LGPL, so they run as a program of their own.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sensorbench.core.clock import RealClock
from sensorbench.core.errors import BenchError, InstrumentError, ProtocolError, WrongDevice
from sensorbench.instruments.druck_pace5000.driver import DruckPace5000
from sensorbench.instruments.keithley_2450.driver import Keithley2450
from sensorbench.instruments.keysight_34465a.driver import Keysight34465a
from sensorbench.instruments.keysight_n6700.driver import KeysightN6700
from sensorbench.links.tcp_line import TcpLine
from sensorbench.links.visa_line import VisaLine

pytestmark = pytest.mark.others


# -- PyVISA-sim, with the files that QCoDeS's own tests use -----------------------------------


def on_pyvisa_sim(driver: type[Any], file: str, resource: str) -> Any:
    from qcodes.instrument import sims  # noqa: PLC0415 - heavy

    library = f"{Path(sims.__file__).with_name(file)}@sim"
    line = VisaLine(resource, driver.LINE, "device", visa_library=library)
    return driver(line, RealClock())


@pytest.mark.parametrize(
    ("driver", "file", "model", "serial"),
    [
        (Keysight34465a, "Keysight_34465A.yaml", "34465A", "1000"),
        (KeysightN6700, "Keysight_N6705B.yaml", "N6705B", "MY50001897"),
    ],
)
def test_it_is_known_by_its_identity(driver: type[Any], file: str, model: str, serial: str) -> None:
    identity = on_pyvisa_sim(driver, file, "GPIB::1::INSTR").identify()
    assert (identity.model, identity.serial) == (model, serial)


def test_a_server_under_another_name_is_refused() -> None:
    meter = on_pyvisa_sim(Keithley2450, "Keithley_2450.yaml", "GPIB::2::INSTR")
    with pytest.raises(WrongDevice, match="QCoDeS"):
        meter.identify()


READ: list[Callable[[Any], object]] = [
    lambda meter: meter.voltage.read(),
    Keysight34465a.take,
    Keysight34465a.make_safe,
]


@pytest.mark.parametrize("act", READ, ids=["voltage", "take", "make_safe"])
def test_what_the_server_does_not_know_is_an_error(act: Callable[[Any], object]) -> None:
    meter = on_pyvisa_sim(Keysight34465a, "Keysight_34465A.yaml", "GPIB::1::INSTR")
    with pytest.raises(ProtocolError, match="SYST:ERR\\? answered 'ERROR'"):
        act(meter)


# -- gepace's PACE5000 on a server of sinstruments ---------------------------------------------


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        number: int = free.getsockname()[1]
    there = {"type": "tcp", "url": f"127.0.0.1:{number}"}
    device = {"class": "Pace", "package": "gepace.simulator", "name": "pace", "transports": [there]}
    file = tmp_path_factory.mktemp("pace") / "pace.json"
    file.write_text(json.dumps({"devices": [device]}), encoding="utf-8")
    command = [Path(sys.executable).with_name("sinstruments-server"), "-c", file]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            until = time.monotonic() + 20.0
            while not answers(number):
                assert time.monotonic() < until, "the server did not come up"
                time.sleep(0.1)
            yield number
        finally:
            server.terminate()


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True


@pytest.fixture
def pace(port: int) -> Iterator[DruckPace5000]:
    with TcpLine("127.0.0.1", port, DruckPace5000.LINE, "press") as line:
        yield DruckPace5000(line, RealClock())


def test_a_pace_that_repeats_headers_is_known(pace: DruckPace5000) -> None:
    identity = pace.identify()
    assert (identity.manufacturer, identity.model, identity.serial) == (
        "GE Druck", "PACE5000", "10388796",
    )  # fmt: skip


@pytest.mark.parametrize(
    "act", [DruckPace5000.take, DruckPace5000.read_range_pa, DruckPace5000.is_venting]
)
def test_its_refusal_in_words_of_its_own_is_an_error(
    pace: DruckPace5000, act: Callable[[DruckPace5000], object]
) -> None:
    with pytest.raises(ProtocolError):
        act(pace)


def test_that_it_can_t_vent_is_told(pace: DruckPace5000) -> None:
    with pytest.raises(BenchError) as refused:
        pace.make_safe()
    assert isinstance(refused.value, InstrumentError | ProtocolError)
