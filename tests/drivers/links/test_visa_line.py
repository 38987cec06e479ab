"""VisaLine beyond pyvisa-py's sockets, with pyvisa-sim in a vendor library's place."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from sensorbench.core.errors import LinkClosed, LinkTimeout
from sensorbench.links.line import LineSettings
from sensorbench.links.visa_line import VisaLine, missing_backend

SIMULATED = """
spec: "1.1"
devices:
  dmm:
    eom:
      USB INSTR: {q: "\\n", r: "\\n"}
      GPIB INSTR: {q: "\\n", r: ""}
      TCPIP SOCKET: {q: "\\n", r: "\\n"}
    error: ERROR
    dialogues:
      - {q: "*IDN?", r: "MAKER,DMM,1,A.01"}
      - {q: "*RST"}
resources:
  USB0::0x1111::0x2222::0x4445::INSTR: {device: dmm}
  GPIB0::5::INSTR: {device: dmm}
  TCPIP0::localhost::10001::SOCKET: {device: dmm}
"""
RESOURCES = ["USB0::0x1111::0x2222::0x4445::INSTR", "TCPIP0::localhost::10001::SOCKET"]


@pytest.fixture
def library(tmp_path: Path) -> str:
    (tmp_path / "bench.yaml").write_text(SIMULATED, encoding="utf-8")
    return f"{tmp_path / 'bench.yaml'}@sim"


@pytest.mark.parametrize("resource", RESOURCES)
def test_any_visa_library_serves(library: str, resource: str) -> None:
    with VisaLine(resource, LineSettings(timeout_s=0.3), "dmm", visa_library=library) as line:
        assert line.query("*IDN?") == "MAKER,DMM,1,A.01"
        start = time.monotonic()
        with pytest.raises(LinkTimeout, match=r"no complete answer to '\*RST' within 0.3 s"):
            line.query("*RST")
        assert time.monotonic() - start < 3.0
        assert line.query("*IDN?") == "MAKER,DMM,1,A.01"
        assert line.resynchronised == 1


def test_the_end_of_a_message_ends_a_line_that_has_no_terminator(library: str) -> None:
    settings = LineSettings(timeout_s=2.0)
    with VisaLine("GPIB0::5::INSTR", settings, "dmm", visa_library=library) as line:
        assert line.query("*IDN?") == "MAKER,DMM,1,A.01"


def test_a_resource_that_can_not_be_opened_is_named() -> None:
    with pytest.raises(LinkClosed, match="dmm: nothing listens at no resource at all"):
        VisaLine("no resource at all", LineSettings(), "dmm")


def test_a_missing_visa_library_is_named() -> None:
    with pytest.raises(LinkClosed, match=r"dmm: the VISA library '/no_such_visa.so' can't be load"):
        VisaLine(RESOURCES[0], LineSettings(), "dmm", visa_library="/no_such_visa.so")


def test_a_serial_resource_is_refused() -> None:
    with pytest.raises(ValueError, match="ASRL3::INSTR is a serial port"):
        VisaLine("ASRL3::INSTR", LineSettings(), "dmm")


@pytest.mark.parametrize(
    ("resource", "install"),
    [("USB0::0x1::0x2::MY1::INSTR", "pyusb"), ("GPIB0::5::INSTR", "gpib-ctypes")],
)
def test_a_missing_package_is_named_and_not_the_cable(
    resource: str, install: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensorbench.links.visa_line.find_spec", lambda _: None)
    with pytest.raises(LinkClosed, match=f"dmm: {resource} needs a package.*{install}") as found:
        VisaLine(resource, LineSettings(), "dmm")
    assert "cable" not in str(found.value)


def test_a_missing_libusb_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensorbench.links.visa_line.find_spec", lambda _: True)
    found = missing_backend("USB0::0x1::0x2::MY1::INSTR", said="No backend available")
    assert "needs libusb" in found
