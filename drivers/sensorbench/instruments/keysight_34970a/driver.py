"""Keysight (Agilent, HP) 34970A data acquisition unit: sixty channels of volts and temperature.

Sources: Agilent 34970A user guide, pages 78, 104, 228; public clients (CONFigure, UNIT,
CALCulate:SCALe, CHANnel:DELay, *IDN? without a serial number). Accuracy is recalled from the data
sheet, within a year at 18 to 28 degC: check it before it enters a budget. The rules:
- The scan list is one, and CONFigure and MEASure redefine it: each reading says anew what its
  channels are, what is scanned and how it is told, and asks once whether that was accepted. So a
  scan that somebody left running is ended, and scaling, delay, unit and fields that he left are
  overwritten, on these channels alone.
- A reading comes with its unit and its channel, and is believed only with the right ones.
- Which members are read is the station's choice: `chN` is the volts of channel N, `tempN` its
  temperature by the probe that `probes` names. `read_many` reads any of them in one sweep.
- One session at a time (its scan list is shared). On RS-232 it answers after a whole sweep.
  Settings are in no memory that wears; relays wear, 1e8 operations (recalled). No watchdog.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, SetpointError, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import TEMPERATURE, VOLTAGE
from sensorbench.instruments.keysight_34970a.channels import (
    CHANNELS,
    parse_probes,
    parse_scan,
    show_list,
)
from sensorbench.instruments.members import meter
from sensorbench.instruments.specification import Specification, Within
from sensorbench.links.line import Line, LineSettings
from sensorbench.protocols.scpi import parse_identity, pending_errors, send, show_number

_VOLTS = Specification(
    Within(0.1, 50e-6, 35e-6 * 0.1),
    Within(1.0, 40e-6, 7e-6 * 1.0),
    Within(10.0, 35e-6, 5e-6 * 10.0),
    Within(100.0, 45e-6, 6e-6 * 100.0),
    Within(300.0, 45e-6, 30e-6 * 300.0),
)
_THERMOCOUPLE_K = 1.0  # the unit's own part with its reference junction, types E J K N T
_VOLT_UNITS, _DEGREES = ("VDC", "V"), ("C",)
_NPLC, _SLOWEST_MAINS_HZ, _TIMES_AUTOZERO = 1.0, 50.0, 2.0
_RELAY_S = 0.02
# Autorange settles, and on a slow serial port 30 characters take their time.
_TIMES_WAITED, _WAITED_S = 3.0, 0.1


def _volts(channel: int) -> meter[Keysight34970a]:
    """Declare the volts of a channel."""
    member = meter["Keysight34970a"](
        VOLTAGE, rated=(-300.0, 300.0), accuracy=_VOLTS, seconds=_RELAY_S + 0.04
    )

    @member.read
    def _(self: Keysight34970a) -> float:
        """Return the volts of the channel. Raises InstrumentError for an overload."""
        return _known(self.read_channels(volts=[channel])[channel])

    return member


def _temperature(channel: int) -> meter[Keysight34970a]:
    """Declare the temperature of a channel."""
    member = meter["Keysight34970a"](
        TEMPERATURE, rated=(-200.0, 1300.0), accuracy=_THERMOCOUPLE_K, seconds=_RELAY_S + 0.04
    )

    @member.read
    def _(self: Keysight34970a) -> float:
        """Return degC of the channel's probe. Raises SetpointError where none is named."""
        return _known(self.read_channels(degrees=[channel])[channel])

    return member


class Keysight34970a:
    """Three slots of 20-channel multiplexers (34901A), to 300 V.

    `probes` says what thermometer is where, such as {"101:110" = "TC K", "205" = "FRTD 85"}: TC
    with its letter, RTD and FRTD (4-wire) 85 or 91, THER 2252, 5000 or 10000. `nplc` is over how
    many power line cycles each channel integrates (1 without it). Raises SetpointError for others.
    """

    LINE: ClassVar[LineSettings] = LineSettings(flow_control="xon/xoff")
    MODEL: ClassVar[str] = "34970A"
    INTEGRATIONS_NPLC: ClassVar[tuple[float, ...]] = (
        0.02, 0.2, 1.0, 2.0, 10.0, 20.0, 100.0, 200.0
    )  # fmt: skip

    vars().update({f"ch{channel}": _volts(channel) for channel in CHANNELS})
    vars().update({f"temp{channel}": _temperature(channel) for channel in CHANNELS})

    def __init__(
        self,
        line: Line,
        clock: Clock,  # noqa: ARG002 - every driver alike
        *,
        probes: Mapping[str, str] | None = None,
        nplc: float = _NPLC,
    ) -> None:
        self.name = line.name
        self._line = line
        self._probes = parse_probes(probes or {})
        if nplc not in self.INTEGRATIONS_NPLC:
            allowed = ", ".join(f"{number:g}" for number in self.INTEGRATIONS_NPLC)
            raise SetpointError(f"{self.name}: integration {nplc:g} NPLC is none of {allowed}")
        self._nplc = nplc

    def reading_s(self, member: str) -> float:  # noqa: ARG002 - all alike
        """Return how long a reading of a channel takes, s."""
        return _RELAY_S + _TIMES_AUTOZERO * self._nplc / _SLOWEST_MAINS_HZ

    def identify(self) -> Identity:
        """Read *IDN?. Raises WrongDevice if it is another model."""
        identity = parse_identity(self._line.query("*IDN?"))
        if identity.model != self.MODEL:
            raise WrongDevice(
                f"{self.name}: *IDN? says {identity}, expected a {self.MODEL}; "
                "is this the right address?"
            )
        return identity

    def take(self) -> Sequence[str]:
        """Empty the error queue and return what an earlier program left in it."""
        return tuple(f"{code} {text}" for code, text in pending_errors(self._line))

    def make_safe(self) -> None:
        """End a scan: no relay moves any more, and no ohms current flows."""
        self._line.write("*CLS")  # older errors must not look like a refusal
        send(self._line, "ABOR")

    def read_many(self, names: Sequence[str]) -> Mapping[str, float | InstrumentError]:
        """Return the readings of members, in one sweep; in two where a channel is read both ways.

        One that is overloaded or open has its error there. Raises KeyError for a member that is not
        there.
        """
        asked = {name: int(name[-3:]) for name in names if name in _MEMBERS}
        if len(asked) != len(set(names)):
            raise KeyError(f"{self.name} has no {', '.join(set(names) - set(asked))}")
        volts = {channel for name, channel in asked.items() if name.startswith("ch")}
        degrees = {channel for name, channel in asked.items() if name.startswith("temp")}
        first = self.read_channels(volts=volts, degrees=degrees - volts)
        second = self.read_channels(degrees=degrees & volts)
        return {
            name: (second if name.startswith("temp") and channel in volts else first)[channel]
            for name, channel in asked.items()
        }

    def read_channels(
        self, *, volts: Sequence[int] | set[int] = (), degrees: Sequence[int] | set[int] = ()
    ) -> dict[int, float | InstrumentError]:
        """Return V of some channels and degC of others, in one sweep, by channel.

        One that is overloaded or open has its error there. Raises SetpointError for degrees of a
        channel at which no probe is named.
        """
        channels = sorted({*volts, *degrees})
        if not channels:
            return {}
        send(self._line, ";:".join(self._told(sorted(volts), sorted(degrees))))
        each_s = _WAITED_S + _TIMES_WAITED * _TIMES_AUTOZERO * self._nplc / _SLOWEST_MAINS_HZ
        deadline_s = self.LINE.timeout_s + len(channels) * each_s
        reply = self._line.query("READ?", timeout_s=deadline_s)
        units = {c: _DEGREES if c in degrees else _VOLT_UNITS for c in channels}
        return parse_scan(reply, units, "READ?")

    def _told(self, volts: Sequence[int], degrees: Sequence[int]) -> list[str]:
        """Return what says anew all that the readings of channels depend on."""
        nplc, every = show_number(self._nplc), show_list([*volts, *degrees])
        told = ["ABOR"]
        if volts:
            told += [
                f"CONF:VOLT:DC AUTO,DEF,{show_list(volts)}",
                f"VOLT:NPLC {nplc},{show_list(volts)}",
            ]
        for probe, channels in self._by_probe(degrees).items():
            told.append(f"CONF:TEMP {probe},{show_list(channels)}")
        if degrees:
            told += [f"TEMP:NPLC {nplc},{show_list(degrees)}", f"UNIT:TEMP C,{show_list(degrees)}"]
        return [
            *told,
            f"CALC:SCAL:STAT OFF,{every}",
            f"ROUT:CHAN:DEL:AUTO ON,{every}",
            f"ROUT:SCAN {every}",
            "TRIG:SOUR IMM",
            "TRIG:COUN 1",
            "FORM:READ:UNIT ON",
            "FORM:READ:CHAN ON",
            "FORM:READ:TIME OFF",
            "FORM:READ:ALAR OFF",
        ]

    def _by_probe(self, channels: Sequence[int]) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for channel in channels:
            if channel not in self._probes:
                raise SetpointError(
                    f"{self.name}: no probe is named at channel {channel}; write in station.toml "
                    f'probes = {{ "{channel}" = "TC K" }}, or what is there. Nothing was sent'
                )
            found.setdefault(self._probes[channel], []).append(channel)
        return found


def _known(reading: float | InstrumentError) -> float:
    """Return a reading. Raises its error where it has one instead."""
    if isinstance(reading, InstrumentError):
        raise reading
    return reading


_MEMBERS = {f"{kind}{channel}" for kind in ("ch", "temp") for channel in CHANNELS}
