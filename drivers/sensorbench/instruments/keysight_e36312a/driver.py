"""Keysight E36312A triple output power supply; one driver drives one of its outputs.

Source: PyMeasure, keysightE36312A.py and its tests (channel lists); the ratings and the protection
commands are recalled from the E36300 series documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, ProtocolError
from sensorbench.core.provenance import Identity
from sensorbench.instruments.ranges import Range, check_positive
from sensorbench.links.line import Line, LineSettings
from sensorbench.protocols.scpi import parse_flag, parse_identity, parse_number, send, show_number


class KeysightE36312a:
    """Supply output `channel`; it must be 1, 2 or 3 (ValueError)."""

    LINE: ClassVar[LineSettings] = LineSettings()
    # Settable to 103 % of 6 V 5 A and 25 V 1 A; over-voltage protection to 110 % (recalled).
    RATED_V: ClassVar[Mapping[int, tuple[float, float]]] = {
        1: (0.0, 6.18),
        2: (0.0, 25.75),
        3: (0.0, 25.75),
    }
    RATED_A: ClassVar[Mapping[int, float]] = {1: 5.15, 2: 1.03, 3: 1.03}
    RATED_PROTECTION_V: ClassVar[Mapping[int, float]] = {1: 6.6, 2: 27.5, 3: 27.5}

    def __init__(
        self,
        line: Line,
        clock: Clock,  # noqa: ARG002 - every driver is made alike
        *,
        channel: int = 1,
        limits_v: tuple[float, float] | None = None,
        limit_a: float | None = None,
    ) -> None:
        if channel not in self.RATED_V:
            raise ValueError(f"{line.name}: channel {channel} is not one of 1, 2, 3")
        self._line = line
        self._channel = channel
        self._name = f"{line.name}, output {channel}"
        rated_v = Range(f"{self._name}: voltage", *self.RATED_V[channel], "V")
        self._allowed_v = rated_v.narrowed(limits_v)
        self._most_a = self.RATED_A[channel]
        if limit_a is not None:
            self._most_a = check_positive(f"{self._name}: limit_a", limit_a, self._most_a, "A")

    def identify(self) -> Identity:
        """Read *IDN?. Raises ProtocolError if it is no E36312A."""
        identity = parse_identity(self._line.query("*IDN?"))
        if identity.model != "E36312A":
            raise ProtocolError(
                f"{self._line.name}: *IDN? says {identity}, expected an E36312A; "
                "is this the right address?"
            )
        return identity

    def set_voltage(self, voltage_v: float, current_limit_a: float) -> None:
        """Set voltage and current limit; the output stays on or off as it is.

        Raises SetpointError outside the allowed ranges, InstrumentError if refused.
        """
        self._allowed_v.check(voltage_v)
        check_positive(f"{self._name}: current limit", current_limit_a, self._most_a, "A")
        # The limit first: a higher voltage must never meet an older, higher limit.
        self._send(f"CURR {show_number(current_limit_a)}")
        self._send(f"VOLT {show_number(voltage_v)}")

    def set_over_voltage_protection(self, voltage_v: float) -> None:
        """Set where the supply switches itself off. Raises SetpointError outside its range."""
        highest = self.RATED_PROTECTION_V[self._channel]
        check_positive(f"{self._name}: over-voltage protection", voltage_v, highest, "V")
        self._send(f"VOLT:PROT {show_number(voltage_v)}")

    def switch(self, on: bool) -> None:
        """Switch the output. InstrumentError if the supply refuses, as it does while tripped."""
        self._send(f"OUTP {int(on)}")

    def is_on(self) -> bool:
        """Return whether the output is on."""
        return self._ask_flag("OUTP?")

    def is_tripped(self) -> bool:
        """Return whether over-voltage or over-current protection holds the output off."""
        return self._ask_flag("VOLT:PROT:TRIP?") or self._ask_flag("CURR:PROT:TRIP?")

    def clear_trip(self) -> None:
        """Release a trip and leave the output off: by itself the supply would switch it on."""
        self.switch(False)
        self._send("OUTP:PROT:CLE")

    def read_voltage_v(self) -> float:
        """Return the measured voltage in V."""
        return self._ask_number("MEAS:VOLT?")

    def read_current_a(self) -> float:
        """Return the measured current in A."""
        return self._ask_number("MEAS:CURR?")

    def make_safe(self) -> None:
        """Switch the output off, whatever went before, and see that it is.

        Raises InstrumentError if it stays on.
        """
        self._line.write("*CLS")  # older errors must not look like a refusal to switch off
        self.switch(False)
        if self.is_on():
            raise InstrumentError(
                f"OUTP 0,{self._list}", 1, "the output is still on; pull the plug"
            )

    @property
    def _list(self) -> str:
        return f"(@{self._channel})"

    def _send(self, command: str) -> None:
        separator = "," if " " in command else " "
        send(self._line, f"{command}{separator}{self._list}")

    def _ask_flag(self, query: str) -> bool:
        command = f"{query} {self._list}"
        return parse_flag(self._line.query(command), command)

    def _ask_number(self, query: str) -> float:
        command = f"{query} {self._list}"
        return parse_number(self._line.query(command), command)
