"""Fluke (Hart Scientific) 1529 thermometer readout: four channels of degC, whatever the probes are.

Sources: Fluke 1529 technical guide, revision 930501, and user's guide, pages 84 to 90 (syntax,
buffers, FETCh?, FORMat:STAMp, SENSe:DATA?); two public clients (HART,1529 in *IDN?, 9600 baud, LF
behind a reply, lines that it prints by itself). Recalled: that *IDN? has four fields, as the
1502A's guide has it. The rules:
- It measures by itself, and FETC? tells the latest reading, the same one twice where there is no
  newer. Its stamp (FORM:STAM, which is switched on) says when it ended: one is believed that is a
  few seconds old. How far the instrument's clock is from ours is known from a reading that was seen
  to come new; so the first one, and the first after that clock was set, is waited for.
- A stamp says channel and unit: a channel that shows ohms or mV gives no value; F and K are
  converted. An open probe has no reading, and takes nothing from the other channels.
- Compound commands are not allowed, and an answer that is not fetched is lost with the next
  command: one at a time.
- Probes, their coefficients and the sample period are set at the instrument, and left alone.
  Readings that it prints by itself come between others' answers: they are refused, by name.
One session (a serial port). Its accuracy is that of the probe and of the channel: certificates
tell. A memory that wears, pauses, errors that are cleared by reading, a watchdog: none are used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import BenchError, InstrumentError, ProtocolError, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import TEMPERATURE
from sensorbench.instruments.fluke_1529.readings import Reading, parse_reading
from sensorbench.instruments.members import meter
from sensorbench.links.line import Line, LineSettings
from sensorbench.protocols.scpi import parse_flag, parse_identity, parse_number

CHANNELS = (1, 2, 3, 4)
_STAMPED = "FORM:STAM?"
_LOOKS_S, _NEW_S = 0.25, 10.0
_OLDEST_S = 5.0  # four channels, one a second after the other, and what a stamp rounds
_AHEAD_S = 2.0


def _temperature(channel: int) -> meter[Fluke1529]:
    """Declare a channel."""
    member = meter["Fluke1529"](TEMPERATURE, rated=(-270.0, 1820.0), seconds=0.15)

    @member.read
    def _(self: Fluke1529) -> float:
        """Return degC. Raises InstrumentError where the channel has no new reading."""
        (found,) = self.read_channels([channel]).values()
        if isinstance(found, BenchError):
            raise found
        return found

    return member


class Fluke1529:
    """Four thermometers: PRT, thermistor or thermocouple, as each channel is set up."""

    LINE: ClassVar[LineSettings] = LineSettings(timeout_s=3.0, baud_rate=9600)

    temp1, temp2, temp3, temp4 = (_temperature(channel) for channel in CHANNELS)

    def __init__(self, line: Line, clock: Clock) -> None:
        self.name = line.name
        self._line, self._clock = line, clock
        self._behind_s: float | None = None  # the instrument's clock behind ours, where known

    def identify(self) -> Identity:
        """Read *IDN?. Raises WrongDevice if it is no 1529."""
        identity = parse_identity(self._line.query("*IDN?"))
        if not identity.model.startswith("1529"):
            raise WrongDevice(
                f"{self.name}: *IDN? says {identity}, expected a 1529; is this the right port?"
            )
        return identity

    def read_many(self, names: Sequence[str]) -> Mapping[str, float | BenchError]:
        """Return the readings of members: those that must be waited for all at the same time.

        One without a reading has its error there. Raises KeyError for a member that is not there.
        """
        unknown = set(names) - _MEMBERS.keys()
        if unknown:
            raise KeyError(f"{self.name} has no {', '.join(sorted(unknown))}")
        found = self.read_channels([_MEMBERS[name] for name in names])
        return {name: found[_MEMBERS[name]] for name in names}

    def read_channels(self, channels: Sequence[int]) -> dict[int, float | BenchError]:
        """Return degC by channel, a few seconds old at most; or why there is none."""
        self._stamp()
        found: dict[int, float | BenchError] = {}
        for channel in channels:
            reading = self._fetch(channel)
            if isinstance(reading.celsius, BenchError) or self._is_recent(reading):
                found[channel] = reading.celsius
        return found | self._await([channel for channel in channels if channel not in found])

    def read_input(self, channel: int) -> tuple[float, float]:
        """Return what a channel measures before it is made degC: ohms or mV, and a second input.

        Raises ProtocolError for another answer.
        """
        command = f"SENS{channel}:DATA?"
        reply = self._line.query(command)
        fields = reply.split(",")
        if len(fields) != 2:
            raise ProtocolError(f"{self.name}: {command!r} answered {reply!r}, expected two inputs")
        first, second = (parse_number(field, command) for field in fields)
        return first, second

    # --------------------------------------------------------------------------------------

    def _stamp(self) -> None:
        """Let readings come with their stamp, and see that they do; it is off after power-up."""
        if parse_flag(self._line.query(_STAMPED), _STAMPED):
            return
        command = "FORM:STAM ON"
        self._line.write(command)
        if not parse_flag(self._line.query(_STAMPED), _STAMPED):
            raise InstrumentError(
                command, "not accepted", "it tells no stamps, so nothing is known of its readings",
                self.name,
            )  # fmt: skip

    def _fetch(self, channel: int) -> Reading:
        command = f"FETC? {channel}"
        return parse_reading(self._line.query(command), channel, command)

    def _is_recent(self, reading: Reading) -> bool:
        """Return whether it ended a few seconds ago; no, where the clocks are not compared."""
        if self._behind_s is None:
            return False
        return -_AHEAD_S <= self._clock.now() - reading.ended_s - self._behind_s <= _OLDEST_S

    def _await(self, channels: Sequence[int]) -> dict[int, float | BenchError]:
        """Return the next reading of each channel: all were fetched, so what is new ended since."""
        found: dict[int, float | BenchError] = {}
        until_s = self._clock.now() + _NEW_S
        while waiting := [channel for channel in channels if channel not in found]:
            if self._clock.now() >= until_s:
                return found | {channel: self._none_new(channel) for channel in waiting}
            self._clock.sleep(_LOOKS_S)
            for channel in waiting:
                reading = self._fetch(channel)
                if isinstance(reading.celsius, BenchError):
                    found[channel] = reading.celsius
                elif reading.is_new:
                    found[channel] = reading.celsius
                    self._behind_s = self._clock.now() - reading.ended_s
        return found

    def _none_new(self, channel: int) -> InstrumentError:
        return InstrumentError(
            f"FETC? {channel}", "no new reading", f"none came in {_NEW_S:g} s: switch channel "
            f"{channel} on, and choose a sample period of a few seconds", self.name,
        )  # fmt: skip


_MEMBERS = {f"temp{channel}": channel for channel in CHANNELS}
