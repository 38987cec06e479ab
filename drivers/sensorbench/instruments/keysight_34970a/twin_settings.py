"""The simulated 34970A's settings by channel: CONFigure, SENSe, CALCulate, UNIT, delays.

Source: Agilent 34970A user guide, pages 78, 104, 228; public clients (VOLT:DC:NPLC with a list,
CALC:SCAL, ROUT:CHAN:DEL:AUTO, UNIT:TEMP, TEMP:TRAN:TC:RJUN:TYPE). Without a list the scan list is
meant (recalled). Not modelled: ohms, amperes, AC, frequency, alarms, monitoring, digital modules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sensorbench.instruments.keysight_34970a.twin_channels import (
    PROBES,
    RESOLUTION,
    SLOT_CHANNELS,
    Channel,
    ScanList,
)
from sensorbench.protocols.scpi_device import ScpiStatusDevice, scpi
from sensorbench.protocols.scpi_parameters import (
    Choice,
    Flag,
    Limit,
    Maybe,
    Number,
    Text,
    block,
    bounded,
    nr3,
)
from sensorbench.protocols.scpi_status import ScpiError

_MOST_DELAY_S, _MOST_GAIN = 60.0, 1e15
_LIST = Maybe(ScanList())
Channels = Sequence[int] | None


class _Range:
    """A number of volts, or AUTO, which is the default."""

    def parse(self, token: str) -> float | Limit:
        """Return the number or the limit named."""
        return Limit.DEF if token.upper() == "AUTO" else Number("V").parse(token)


class _Type:
    """The type of a probe: a letter, or a number."""

    def parse(self, token: str) -> str:
        """Return it in capitals."""
        if not token.isalnum():
            raise ScpiError(-104)
        return token.upper()


_PROBE = (
    Choice("TCouple", "TC", "RTD", "FRTD", "THERmistor", "DEFault"),
    Maybe(_Type()),
    Maybe(Number()),
    Maybe(Number()),
)


class Settings(ScpiStatusDevice):
    """All channels with their settings, and the scan list."""

    FITTED: tuple[str, str, str]  # what SYSTem:CTYPe? says of each slot

    def reset(self) -> None:
        self._channels = {
            number: Channel(number)
            for slot in (1, 2, 3)
            for number in range(100 * slot + 1, 100 * slot + SLOT_CHANNELS + 1)
        }
        self._scan: tuple[int, ...] = ()
        self._reset_fields()

    def _reset_fields(self) -> None:
        """Tell readings alone, as CONFigure lets."""
        self._fields = dict.fromkeys(("UNIT", "TIME", "CHAN", "ALAR"), False)

    def _end_scan(self) -> None:
        """End a scan that runs: what is scanned changes."""

    def _of(self, channels: Channels) -> list[Channel]:
        wanted = self._scan if channels is None else channels
        return [self._channels[number] for number in wanted]

    def _set(self, channels: Channels, act: Callable[[Channel], None]) -> None:
        for channel in self._of(channels):
            act(channel)

    def _tell(self, channels: Channels, show: Callable[[Channel], str]) -> str:
        return ",".join(show(channel) for channel in self._of(channels))

    # -- CONFigure -------------------------------------------------------------------------

    def _configure(self, channels: Channels, function: str) -> list[Channel]:
        """Take a function for channels, which are then what is scanned."""
        self._end_scan()
        chosen = self._of(channels)
        self._scan = tuple(channel.number for channel in chosen)
        self._reset_fields()
        for channel in chosen:
            channel.configure(function)
        return chosen

    @scpi(":CONFigure[:VOLTage][:DC]", Maybe(_Range()), Maybe(Number("V")), _LIST)
    def _configure_volts(
        self, range_: float | Limit | None, resolution: float | Limit | None, channels: Channels
    ) -> None:
        for channel in self._configure(channels, "VOLT"):
            channel.fix(range_)
            if isinstance(resolution, float):
                share = resolution / channel.range_now * (1 + 1e-9)
                fits = (nplc for nplc, finest in RESOLUTION.items() if finest <= share)
                channel.nplc = next(fits, max(RESOLUTION))

    @scpi(":CONFigure:TEMPerature", *_PROBE, _LIST)
    def _configure_temperature(
        self, kind: str, of: str | None, _one: object, _resolution: object, channels: Channels
    ) -> None:
        kind = {"TC": "TC", "THER": "THER", "DEF": "TC"}.get(kind, kind)
        of = of or PROBES[kind][0]
        if of not in PROBES[kind]:
            raise ScpiError(-224)
        wanted = self._scan if channels is None else channels
        if kind == "FRTD" and any(n % 100 > SLOT_CHANNELS // 2 for n in wanted):
            raise ScpiError(306, "Part of a 4-wire pair")
        for channel in self._configure(channels, "TEMP"):
            channel.probe = kind, of

    @scpi(":CONFigure?", _LIST)
    def _configuration(self, channels: Channels) -> str:
        def show(channel: Channel) -> str:
            if channel.function == "TEMP":
                return f'"TEMP {",".join(channel.probe)},1,+1.00000000E-03"'
            resolution = RESOLUTION[channel.nplc] * channel.range_now
            return f'"VOLT {nr3(channel.range_now)},{nr3(resolution)}"'

        return self._tell(channels, show)

    # -- scan list -------------------------------------------------------------------------

    @scpi(":ROUTe:SCAN", ScanList())
    def _set_scan(self, channels: Sequence[int]) -> None:
        partners = {
            n + SLOT_CHANNELS // 2
            for n in channels
            if self._channels[n].function == "TEMP" and self._channels[n].probe[0] == "FRTD"
        }
        if partners & set(channels):
            raise ScpiError(306, "Part of a 4-wire pair")
        self._end_scan()
        self._scan = tuple(channels)

    @scpi(":ROUTe:SCAN?")
    def _get_scan(self) -> str:
        return block(f"(@{','.join(map(str, self._scan))})")

    @scpi(":ROUTe:SCAN:SIZE?")
    def _scan_size(self) -> str:
        return str(len(self._scan))

    # -- by channel ------------------------------------------------------------------------

    @scpi("[:SENSe]:FUNCtion", Text(), _LIST)
    def _set_function(self, text: str, channels: Channels) -> None:
        name = {"VOLTAGE": "VOLT", "VOLT:DC": "VOLT", "TEMPERATURE": "TEMP"}.get(
            text.upper(), text.upper()
        )
        if name not in {"VOLT", "TEMP"}:
            raise self.not_modelled(f"FUNC {name}")
        self._set(channels, lambda channel: setattr(channel, "function", name))

    @scpi("[:SENSe]:FUNCtion?", _LIST)
    def _get_function(self, channels: Channels) -> str:
        return self._tell(channels, lambda channel: f'"{channel.function}"')

    @scpi("[:SENSe]:VOLTage[:DC]:NPLCycles", Number(), _LIST)
    @scpi("[:SENSe]:TEMPerature:NPLCycles", Number(), _LIST)
    def _set_nplc(self, nplc: float | Limit, channels: Channels) -> None:
        wanted = bounded(nplc, min(RESOLUTION), max(RESOLUTION), 1.0)
        found = next(known for known in RESOLUTION if known >= wanted)
        self._set(channels, lambda channel: setattr(channel, "nplc", found))

    @scpi("[:SENSe]:VOLTage[:DC]:NPLCycles?", _LIST)
    @scpi("[:SENSe]:TEMPerature:NPLCycles?", _LIST)
    def _get_nplc(self, channels: Channels) -> str:
        return self._tell(channels, lambda channel: nr3(channel.nplc))

    @scpi("[:SENSe]:VOLTage[:DC]:RANGe", Number("V"), _LIST)
    def _set_range(self, value: float | Limit, channels: Channels) -> None:
        self._set(channels, lambda channel: channel.fix(bounded(value, 0.0, 300.0, 10.0)))

    @scpi("[:SENSe]:VOLTage[:DC]:RANGe?", _LIST)
    def _get_range(self, channels: Channels) -> str:
        return self._tell(channels, lambda channel: nr3(channel.range_now))

    @scpi("[:SENSe]:VOLTage[:DC]:RANGe:AUTO", Flag(), _LIST)
    def _set_autorange(self, on: bool, channels: Channels) -> None:
        self._set(channels, lambda channel: channel.fix(None if on else channel.range_now))

    @scpi("[:SENSe]:VOLTage[:DC]:RANGe:AUTO?", _LIST)
    def _get_autorange(self, channels: Channels) -> str:
        return self._tell(channels, lambda channel: str(int(channel.fixed_range is None)))

    @scpi("[:SENSe]:ZERO:AUTO", Flag(), _LIST)
    def _set_autozero(self, on: bool, channels: Channels) -> None:
        self._set(channels, lambda channel: setattr(channel, "autozero", on))

    @scpi("[:SENSe]:TEMPerature:TRANsducer:TC:RJUNction:TYPE", Choice("INTernal"), _LIST)
    def _set_junction(self, _type: str, _channels: Channels) -> None:
        """It is always so here."""

    @scpi(":UNIT:TEMPerature", Choice("C", "F", "K"), _LIST)
    def _set_unit(self, unit: str, channels: Channels) -> None:
        self._set(channels, lambda channel: setattr(channel, "unit", unit))

    @scpi(":UNIT:TEMPerature?", _LIST)
    def _get_unit(self, channels: Channels) -> str:
        return self._tell(channels, lambda channel: channel.unit)

    @scpi(":ROUTe:CHANnel:DELay", Number("S"), _LIST)
    def _set_delay(self, seconds: float | Limit, channels: Channels) -> None:
        wanted_s = bounded(seconds, 0.0, _MOST_DELAY_S, 0.0)
        for channel in self._of(channels):
            channel.delay_s, channel.auto_delay = wanted_s, False

    @scpi(":ROUTe:CHANnel:DELay?", _LIST)
    def _get_delay(self, channels: Channels) -> str:
        return self._tell(channels, lambda channel: nr3(channel.delay_s))

    @scpi(":ROUTe:CHANnel:DELay:AUTO", Flag(), _LIST)
    def _set_auto_delay(self, on: bool, channels: Channels) -> None:
        self._set(channels, lambda channel: setattr(channel, "auto_delay", on))

    @scpi(":ROUTe:CHANnel:DELay:AUTO?", _LIST)
    def _get_auto_delay(self, channels: Channels) -> str:
        return self._tell(channels, lambda channel: str(int(channel.auto_delay)))

    @scpi(":CALCulate:SCALe:STATe", Flag(), _LIST)
    def _set_scaled(self, on: bool, channels: Channels) -> None:
        self._set(channels, lambda channel: setattr(channel, "scaled", on))

    @scpi(":CALCulate:SCALe:STATe?", _LIST)
    def _get_scaled(self, channels: Channels) -> str:
        return self._tell(channels, lambda channel: str(int(channel.scaled)))

    @scpi(":CALCulate:SCALe:GAIN", Number(), _LIST)
    def _set_gain(self, gain: float | Limit, channels: Channels) -> None:
        value = bounded(gain, -_MOST_GAIN, _MOST_GAIN, 1.0)
        self._set(channels, lambda channel: setattr(channel, "gain", value))

    @scpi(":CALCulate:SCALe:OFFSet", Number(), _LIST)
    def _set_offset(self, offset: float | Limit, channels: Channels) -> None:
        value = bounded(offset, -_MOST_GAIN, _MOST_GAIN, 0.0)
        self._set(channels, lambda channel: setattr(channel, "offset", value))

    @scpi(":CALCulate:SCALe:UNIT", Text(), _LIST)
    def _set_scale_unit(self, unit: str, channels: Channels) -> None:
        if len(unit) > 3 or not unit.isalnum():
            raise ScpiError(-224)
        self._set(channels, lambda channel: setattr(channel, "scale_unit", unit.upper()))

    # -- of the whole unit -----------------------------------------------------------------

    @scpi(":FORMat:READing:UNIT", Flag(), bound=("UNIT",))
    @scpi(":FORMat:READing:TIME", Flag(), bound=("TIME",))
    @scpi(":FORMat:READing:CHANnel", Flag(), bound=("CHAN",))
    @scpi(":FORMat:READing:ALARm", Flag(), bound=("ALAR",))
    def _set_field(self, name: str, on: bool) -> None:
        self._fields[name] = on

    @scpi(":FORMat:READing:UNIT?", bound=("UNIT",))
    @scpi(":FORMat:READing:TIME?", bound=("TIME",))
    @scpi(":FORMat:READing:CHANnel?", bound=("CHAN",))
    @scpi(":FORMat:READing:ALARm?", bound=("ALAR",))
    def _get_field(self, name: str) -> str:
        return str(int(self._fields[name]))

    @scpi(":FORMat:READing:TIME:TYPE", Choice("RELative", beyond=("ABS", "ABSOLUTE")))
    def _set_time_type(self, _type: str) -> None:
        """It is always so here."""

    @scpi(":SYSTem:CTYPe?", Number())
    def _card(self, slot: float | Limit) -> str:
        number = bounded(slot, 100, 300, 100)
        if number not in {100, 200, 300}:
            raise ScpiError(-222)
        return self.FITTED[round(number / 100) - 1]
