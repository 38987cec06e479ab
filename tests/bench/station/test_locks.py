"""One program at a time drives a device, and the next one is told who does."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from sensorbench.core.clock import RealClock
from sensorbench.core.errors import BenchError
from sensorbench.links.mount import TcpMount
from sensorbench.station.device_keys import (
    bus_key,
    host_keys,
    port_keys,
    serial_key,
    visa_keys,
)
from sensorbench.station.locks import (
    STATE,
    Held,
    held,
    held_where_possible,
    run_key,
    state_folder,
)
from sensorbench.station.station import open_station
from sensorbench.world.world import World

from ...workspaces import PSU, STATION, sbp1_sockets, write

HOLDER = """
import sys
from sensorbench.station.locks import held
with held(sys.argv[1:], "the other bench"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another(*keys: str) -> Iterator[subprocess.Popen[str]]:
    """Let another process hold keys."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, *keys],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "held"
        try:
            yield process
        finally:
            process.kill()


def test_the_next_program_is_told_who_holds_it() -> None:
    with another("bus /dev/i2c-1") as process:
        with pytest.raises(Held) as refused, held(["bus /dev/i2c-1"], "mine"):
            pass
        assert "bus /dev/i2c-1 is in use: `the other bench` of process " in str(refused.value)
        assert str(process.pid) in str(refused.value)


def test_a_lock_dies_with_its_holder_however_that_ends() -> None:
    with another("bus /dev/i2c-1") as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with held(["bus /dev/i2c-1"], "mine"):
            pass


def test_who_can_not_have_all_has_none() -> None:
    with another("b"):
        with pytest.raises(Held), held(["a", "b", "c"], "mine"):
            pass
        with held(["a", "c"], "mine"):
            pass


def test_two_names_of_one_device_meet(tmp_path: Path) -> None:
    link = tmp_path / "by-id"
    link.symlink_to("/dev/null")
    assert bus_key(str(link)) == bus_key("/dev/null")
    assert serial_key(str(link)) == serial_key("/dev/null")
    assert set(host_keys("localhost", 5025)) & set(host_keys("127.0.0.1", 5025))
    assert visa_keys("TCPIP0::127.0.0.1::5025::SOCKET") == host_keys("127.0.0.1", 5025)
    assert visa_keys("usb0::0x0957::0x1a07::my1::instr") == visa_keys(
        "USB0::0x0957::0x1A07::MY1::INSTR"
    )
    folder = tmp_path / "bench"
    folder.mkdir()
    (tmp_path / "linked").symlink_to(folder)
    assert run_key(tmp_path / "linked") == run_key(folder)


@pytest.mark.parametrize(
    "names",
    [
        ("GPIB::5", "GPIB0::5::INSTR", "gpib0::05"),
        ("GPIB0::5::1::INSTR", "GPIB0::5::97::INSTR"),
        (
            "USB0::0x2A8D::0x1102::MY1::INSTR",
            "USB::10893::4354::my1",
            "USB0::10893::0x1102::MY1::0",
        ),
        ("TCPIP::127.0.0.1", "TCPIP0::localhost::inst0::INSTR", "TCPIP::127.0.0.1::hislip0::INSTR"),
        ("TCPIP::[::1]::5025::SOCKET", "TCPIP0::[0:0:0:0:0:0:0:1]::5025::socket"),
        ("TCPIP::[::ffff:127.0.0.1]::5025::SOCKET", "TCPIP::127.0.0.1::5025::SOCKET"),
    ],
)
def test_a_visa_resource_is_one_device_however_it_is_written(names: tuple[str, ...]) -> None:
    assert len({tuple(visa_keys(name)) for name in names}) == 1, [visa_keys(n) for n in names]


def test_other_visa_resources_are_other_devices() -> None:
    names = (
        "GPIB0::5", "GPIB0::6", "GPIB1::5", "GPIB0::5::1", "TCPIP::127.0.0.1::gpib0,5::INSTR",
        "TCPIP::127.0.0.1", "USB::1::2::MY1", "USB::1::2::MY2", "USB::1::2::MY1::1::INSTR", "psu",
    )  # fmt: skip
    assert len({tuple(visa_keys(name)) for name in names}) == len(names)


def test_a_serial_port_is_one_device_however_it_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    there = [SimpleNamespace(device=name) for name in ("/dev/null", "/dev/zero")]
    monkeypatch.setattr("serial.tools.list_ports.grep", lambda _: iter(there))
    assert port_keys("hwgrep://USB") == port_keys("/dev/null")
    assert port_keys("hwgrep://USB&n=2") == port_keys("/dev/zero")
    assert port_keys("\\\\.\\COM3") == port_keys("com3")
    assert port_keys("rfc2217://localhost:4001") == port_keys("socket://127.0.0.1:4001")


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_both_folders_are_open_to_every_account_whoever_came_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENSORBENCH_STATE", str(tmp_path / "state"))
    with held(["bus x"], "scan"):
        for folder in (state_folder(), state_folder().with_name("marks")):
            assert folder.stat().st_mode & 0o7777 == 0o777


AS_ACCOUNT = """
import os, sys
from sensorbench.core.errors import BenchError
from sensorbench.station.locks import held
try:
    with held(["bus warm"], "once"):  # what is imported late is there: Python may be root's alone
        pass
    os.setuid(int(sys.argv[1]))
    with held(["bus y"], "a run"):
        if sys.argv[2] == "dies":
            os.kill(os.getpid(), 9)
except BenchError as error:
    sys.exit(str(error))
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid(), reason="only root may be others")
def test_a_lock_that_one_account_left_is_free_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        state = Path(folder) / "state"
        monkeypatch.setenv("SENSORBENCH_STATE", str(state))
        done = [
            subprocess.run(
                [sys.executable, "-c", AS_ACCOUNT, account, how], text=True, capture_output=True,
                check=False,
            )
            for account, how in (("1001", "dies"), ("1002", "ends"), ("1003", "ends"))
        ]  # fmt: skip
        assert [one.returncode for one in done] == [-signal.SIGKILL, 0, 0], done


@pytest.mark.skipif(os.name != "posix", reason="flock is POSIX")
def test_what_can_not_be_written_is_no_reason_to_leave_a_bench_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A disk that went read-only: who makes safe is kept out by a holder, and by nothing else."""
    with another("bus y"):
        with held(["bus x"], "earlier"):
            pass

        def read_only(*_: object, **__: object) -> None:
            raise OSError(errno.EROFS, "Read-only file system")

        monkeypatch.setattr(FileLock, "acquire", read_only)
        with pytest.raises(BenchError, match="Read-only"), held(["bus x"], "a run"):
            pass
        with held_where_possible(["bus x", "bus never locked"], "safe"):
            pass
        with (
            pytest.raises(Held, match="bus y is in use"),
            held_where_possible(["bus x", "bus y"], "safe"),
        ):
            pass


def test_without_a_folder_for_locks_nothing_is_driven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(STATE, str(tmp_path / "file"))
    with pytest.raises(BenchError, match="no folder for locks"), held(["a"], "mine"):
        pass


def test_a_supply_that_another_program_drives_is_not_opened(tmp_path: Path) -> None:
    from sensorbench.instruments.keysight_e36312a.twin import SimKeysightE36312a  # noqa: PLC0415

    twin = SimKeysightE36312a(World(RealClock()), "1")
    heard: list[bytes] = []
    handle = twin.handle
    twin.handle = lambda line: heard.append(line) or handle(line)  # type: ignore[method-assign,func-returns-value]
    with TcpMount(twin) as mount:
        host, port = mount.address.rsplit(":", 1)
        link = f'link = {{ kind = "tcp", host = "{host}", port = {port} }}'
        station = STATION.replace(PSU, PSU.replace('link = { kind = "simulated" }', link))
        file = write(tmp_path, "", station + sbp1_sockets(2)).load_station()
        with (
            another(*host_keys(host, int(port))),
            pytest.raises(Held, match="the other bench"),
            open_station(file, RealClock()),
        ):
            pass
        assert heard == []
        with open_station(file, RealClock()):
            assert heard
            with pytest.raises(Held), held(host_keys(host, int(port)), "a script"):
                pass


def test_an_instrument_with_two_plugs_has_one_owner(tmp_path: Path) -> None:
    """The same instrument by two ports: its serial number is what tells."""
    from sensorbench.instruments.keysight_e36312a.twin import SimKeysightE36312a  # noqa: PLC0415

    twin = SimKeysightE36312a(World(RealClock()), "MY59001199")
    with TcpMount(twin) as one, TcpMount(twin) as other:
        files = []
        for number, mount in enumerate((one, other)):
            host, port = mount.address.rsplit(":", 1)
            link = f'link = {{ kind = "tcp", host = "{host}", port = {port} }}'
            station = STATION.replace(PSU, PSU.replace('link = { kind = "simulated" }', link))
            text = station + sbp1_sockets(2)
            files.append(write(tmp_path / str(number), "", text).load_station())
        with (
            open_station(files[0], RealClock(), purpose="the first"),
            pytest.raises(Held, match="instrument E36312A MY59001199 is in use: `the first`"),
            open_station(files[1], RealClock()),
        ):
            pass


@pytest.mark.chaos
def test_two_runs_of_a_workspace_do_not_write_over_each_other(tmp_path: Path) -> None:
    there = write(tmp_path)
    command = [sys.executable, "-m", "sensorbench.app.main", "run", "profile.toml", "--lot", "L1"]
    (tmp_path / "profile.toml").write_text(
        'id = "own/a"\ntitle = "A"\nsource = "own"\n[[phase]]\nkind = "grid"\nname = "g"\n'
        'axes = [{ set = { pressure = ["50 kPa"] } }]\nmeasures = ["value"]\n'
    )
    with another(run_key(there.root)):
        refused = subprocess.run(
            command, cwd=there.root, capture_output=True, text=True, check=False
        )
        assert refused.returncode == 3
        assert "is in use: `the other bench`" in refused.stderr
        assert not list(there.evidence.glob("*"))
    subprocess.run(command, cwd=there.root, capture_output=True, check=False)
    assert len(list(there.evidence.glob("*"))) == 1
