"""What a query costs over real links, beside the same query without us, in the same run.

The instrument is a process of its own that answers each line at once, so that the client's time is
what differs. Whether the system answers a connection on the same core or wakes another decides more
than that time (13 or 60 us a query, by luck), so both processes keep to one core. Ours and the
floor's queries take turns on the same instrument, and the medians of many turns are compared.
"""

import importlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from statistics import median

import pytest
import pyvisa
from pytest_benchmark.fixture import BenchmarkFixture

from sensorbench.links.line import LineSettings
from sensorbench.links.serial_line import SerialLine
from sensorbench.links.tcp_line import TcpLine
from sensorbench.links.visa_line import VisaLine

QUERY, REPLY = "MEAS:VOLT?", "+1.23456789E+00"
SETTINGS = LineSettings(timeout_s=5.0)
TIMES, TURNS = 200, 30
SERVER = f"""
import socket, threading
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
def serve(client):
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while data := client.recv(4096):
        for _ in range(data.count(b"\\n")):
            client.sendall(b"{REPLY}\\n")
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
"""
PTY = f"""
import os, pty, tty
own, other = pty.openpty()
tty.setraw(own); tty.setraw(other)
print(os.ttyname(other), flush=True)
while data := os.read(own, 4096):
    for _ in range(data.count(b"\\n")):
        os.write(own, b"{REPLY}\\n")
"""


def served(program: str) -> Iterator[str]:
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture(autouse=True)
def one_core() -> Iterator[None]:
    """Keep this process, and those that it starts, on one core, where the system lets it."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    yield
    os.sched_setaffinity(0, cores)


@pytest.fixture
def port(one_core: None) -> Iterator[int]:
    for text in served(SERVER):
        yield int(text)


@pytest.fixture
def terminal(one_core: None) -> Iterator[str]:
    yield from served(PTY)


def test_query_over_tcp(benchmark: BenchmarkFixture, port: int) -> None:
    """Aim 1.5 times a raw socket."""
    raw = socket.create_connection(("127.0.0.1", port))
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def floor() -> str:
        raw.sendall(b"MEAS:VOLT?\n")
        data = b""
        while not data.endswith(b"\n"):
            data += raw.recv(4096)
        return data.decode().strip()

    with raw, TcpLine("127.0.0.1", port, SETTINGS, "x") as line:
        compare(benchmark, lambda: line.query(QUERY), floor, "a raw socket")


def test_query_over_visa(benchmark: BenchmarkFixture, port: int) -> None:
    """Aim 1.1 times pyvisa alone."""
    resource = f"TCPIP::127.0.0.1::{port}::SOCKET"
    manager = pyvisa.ResourceManager("@py")
    alone = manager.open_resource(resource, read_termination="\n", write_termination="\n")
    assert isinstance(alone, pyvisa.resources.MessageBasedResource)
    with VisaLine(resource, SETTINGS, "x") as line:
        compare(benchmark, lambda: line.query(QUERY), lambda: alone.query(QUERY), "pyvisa alone")
    alone.close()


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX")
def test_query_over_serial(benchmark: BenchmarkFixture, terminal: str) -> None:
    """Aim 2 times a bare file descriptor of the same pseudo-terminal."""
    tty = importlib.import_module("tty")  # POSIX has it
    handle = os.open(terminal, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(handle)

    def floor() -> str:
        os.write(handle, b"MEAS:VOLT?\n")
        data = b""
        while not data.endswith(b"\n"):
            data += os.read(handle, 4096)
        return data.decode().strip()

    with SerialLine(terminal, SETTINGS, "x") as line:
        compare(benchmark, lambda: line.query(QUERY), floor, "the bare terminal")
    os.close(handle)


def compare(
    benchmark: BenchmarkFixture, ours: Callable[[], str], floor: Callable[[], str], name: str
) -> None:
    """Time our query; keep what it and the floor's take where they take turns."""
    assert ours() == floor() == REPLY
    benchmark(lambda: [ours() for _ in range(TIMES)])
    if benchmark.stats:
        turns = [(seconds(ours), seconds(floor)) for _ in range(TURNS)]
        ours_s, floor_s = (median(times) for times in zip(*turns, strict=True))
        benchmark.extra_info["us a query"] = round(1e6 * ours_s / TIMES, 1)
        benchmark.extra_info[f"us by {name}"] = round(1e6 * floor_s / TIMES, 1)
        benchmark.extra_info["ratio"] = round(ours_s / floor_s, 2)


def seconds(query: Callable[[], str]) -> float:
    began = time.perf_counter()
    for _ in range(TIMES):
        query()
    return time.perf_counter() - began
