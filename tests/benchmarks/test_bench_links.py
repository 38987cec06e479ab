"""What a query costs over real links, beside the same query without us, in the same run.

The instrument is a process of its own that answers each line at once, so that the client's time is
what differs.
"""

import importlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
import pyvisa
from pytest_benchmark.fixture import BenchmarkFixture

from sensorbench.links.line import LineSettings
from sensorbench.links.serial_line import SerialLine
from sensorbench.links.tcp_line import TcpLine
from sensorbench.links.visa_line import VisaLine

from .test_bench_bench import best_s

QUERY, REPLY = "MEAS:VOLT?", "+1.23456789E+00"
SETTINGS = LineSettings(timeout_s=5.0)
TIMES = 200
SERVER = f"""
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    client, _ = server.accept()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while data := client.recv(4096):
        for _ in range(data.count(b"\\n")):
            client.sendall(b"{REPLY}\\n")
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


@pytest.fixture
def port() -> Iterator[int]:
    for text in served(SERVER):
        yield int(text)


@pytest.fixture
def terminal() -> Iterator[str]:
    yield from served(PTY)


def test_query_over_tcp(benchmark: BenchmarkFixture, port: int) -> None:
    """Aim 1.5 times a raw socket."""
    with TcpLine("127.0.0.1", port, SETTINGS, "x") as line:  # one client at a time is served
        assert line.query(QUERY) == REPLY
        benchmark(lambda: [line.query(QUERY) for _ in range(TIMES)])
    raw = socket.create_connection(("127.0.0.1", port))
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def floor() -> str:
        raw.sendall(b"MEAS:VOLT?\n")
        data = b""
        while not data.endswith(b"\n"):
            data += raw.recv(4096)
        return data.decode().strip()

    assert floor() == REPLY
    figures(benchmark, best_s(lambda: [floor() for _ in range(TIMES)], 3), "a raw socket")
    raw.close()


def test_query_over_visa(benchmark: BenchmarkFixture, port: int) -> None:
    """Aim 1.1 times pyvisa alone."""
    resource = f"TCPIP::127.0.0.1::{port}::SOCKET"
    with VisaLine(resource, SETTINGS, "x") as line:
        assert line.query(QUERY) == REPLY
        benchmark(lambda: [line.query(QUERY) for _ in range(TIMES)])
    manager = pyvisa.ResourceManager("@py")
    alone = manager.open_resource(resource, read_termination="\n", write_termination="\n")
    assert alone.query(QUERY) == REPLY  # type: ignore[attr-defined]
    peer_s = best_s(lambda: [alone.query(QUERY) for _ in range(TIMES)], 3)  # type: ignore[attr-defined]
    figures(benchmark, peer_s, "pyvisa alone")
    alone.close()


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX")
def test_query_over_serial(benchmark: BenchmarkFixture, terminal: str) -> None:
    """Aim 2 times a bare file descriptor of the same pseudo-terminal."""
    with SerialLine(terminal, SETTINGS, "x") as line:
        assert line.query(QUERY) == REPLY
        benchmark(lambda: [line.query(QUERY) for _ in range(TIMES)])
    tty = importlib.import_module("tty")  # POSIX has it
    handle = os.open(terminal, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(handle)

    def floor() -> str:
        os.write(handle, b"MEAS:VOLT?\n")
        data = b""
        while not data.endswith(b"\n"):
            data += os.read(handle, 4096)
        return data.decode().strip()

    assert floor() == REPLY
    figures(benchmark, best_s(lambda: [floor() for _ in range(TIMES)], 3), "the bare terminal")
    os.close(handle)


def figures(benchmark: BenchmarkFixture, floor_s: float, name: str) -> None:
    """Keep what a query takes, ours and the floor's."""
    if benchmark.stats:
        ours_s = benchmark.stats.stats.min
        benchmark.extra_info["us a query"] = round(1e6 * ours_s / TIMES, 1)
        benchmark.extra_info[f"us by {name}"] = round(1e6 * floor_s / TIMES, 1)
        benchmark.extra_info["ratio"] = round(ours_s / floor_s, 2)
