"""Links and mounts in a program that has more than 1024 files open."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from sensorbench.core.errors import LinkClosed
from sensorbench.links.line import LineSettings
from sensorbench.links.mount import PtyMount, TcpMount
from sensorbench.links.ready import ready
from sensorbench.links.serial_line import SerialLine
from sensorbench.links.tcp_line import TcpLine
from sensorbench.links.visa_line import VisaLine

resource = pytest.importorskip("resource", reason="Windows counts otherwise")


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2000:
        pytest.skip("this machine lets a program open too few files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2000), hard))
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    yield
    for descriptor in opened:
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
def test_a_tcp_line_and_its_mount_work(twin: Any) -> None:
    with (
        TcpMount(twin) as mount,
        TcpLine(mount.host, mount.port, LineSettings(), "dmm") as line,
    ):
        assert line.query("READ?") == "re: READ"
        assert line.query("READ?") == "re: READ"


@pytest.mark.usefixtures("many_files")
def test_a_serial_line_and_its_mount_work(twin: Any) -> None:
    with (
        PtyMount(twin) as mount,
        SerialLine(mount.address, LineSettings(), "chamber") as line,
    ):
        assert line.query("READ?") == "re: READ"
        line.write("X" * 10_000)
        assert line.query("READ?") == "re: READ"


@pytest.mark.usefixtures("many_files")
def test_a_visa_socket_says_what_stands_in_its_way(twin: Any) -> None:
    with (
        TcpMount(twin) as mount,
        pytest.raises(LinkClosed, match=r"more than 1023 files open: .* tcp instead of visa"),
    ):
        VisaLine(f"TCPIP::{mount.host}::{mount.port}::SOCKET", LineSettings(), "dmm")


def test_what_is_ready_is_told_and_a_lost_peer_is() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert ready([one], timeout_s=0.0) == []
        assert ready([], [one], timeout_s=0.0) == [one]
        other.send(b"x")
        assert ready([one], timeout_s=1.0) == [one]
        other.close()
        one.recv(10)
        assert ready([one], timeout_s=1.0) == [one]
