"""How many connections an instrument takes at once, and how long it holds one that was closed."""

from __future__ import annotations

import socket
import time
from dataclasses import replace

import pytest

from sensorbench.core.clock import RealClock
from sensorbench.core.errors import LinkClosed
from sensorbench.instruments.rigol_dp832.driver import RigolDp832
from sensorbench.instruments.rigol_dp832.twin import SimRigolDp832
from sensorbench.links.mount import Fault, TcpMount
from sensorbench.links.tcp_line import TcpLine
from sensorbench.world.world import World


def twin(linger_s: float = 0.0) -> SimRigolDp832:
    made = SimRigolDp832(World(RealClock(), 1), "SIM-1")
    made.linger_s = linger_s
    return made


def asked(port: int) -> bytes:
    """Ask as a plain program would; b"" where the connection is closed unanswered."""
    with socket.create_connection(("127.0.0.1", port), 2.0) as peer:
        try:
            peer.sendall(b"*IDN?\n")
            return peer.recv(100)
        except OSError:
            return b""


def test_a_second_program_gets_no_answer_while_the_first_is_there() -> None:
    with TcpMount(twin()) as mount:
        with socket.create_connection(("127.0.0.1", mount.port), 2.0) as first:
            first.sendall(b"*IDN?\n")
            assert first.recv(100).startswith(b"RIGOL")
            assert asked(mount.port) == b""
            first.sendall(b"*IDN?\n")
            assert first.recv(100).startswith(b"RIGOL")
        assert asked(mount.port).startswith(b"RIGOL")


def test_programs_one_after_the_other_all_get_in() -> None:
    with TcpMount(twin()) as mount:
        assert all(asked(mount.port) for _ in range(50))


def test_a_session_that_lingers_is_waited_for_and_not_by_those_who_do_not_know() -> None:
    knows = replace(RigolDp832.LINE, timeout_s=0.2, pause_s=0.0, linger_s=0.6)
    with (
        TcpMount(twin(linger_s=0.5)) as mount,
        TcpLine("127.0.0.1", mount.port, knows, "psu") as psu,
    ):
        mount.fail_next(Fault(late_s=0.25))
        with pytest.raises(Exception, match="no complete answer"):
            psu.query("*IDN?")  # the late answer's connection is dropped
        assert asked(mount.port) == b""
        began = time.monotonic()
        assert psu.query("*IDN?").startswith("RIGOL")
        assert time.monotonic() - began < 2.0
        assert psu.resynchronised == 1


def test_who_finds_it_taken_is_told_what_may_hold_it() -> None:
    with TcpMount(twin()) as mount, TcpLine("127.0.0.1", mount.port, RigolDp832.LINE, "psu"):
        other = TcpLine("127.0.0.1", mount.port, RigolDp832.LINE, "other")
        with pytest.raises(LinkClosed, match=r"went away|only connection"):
            other.query("*IDN?")
        other.close()
