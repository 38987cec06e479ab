"""SCD4x over I2C: the newest of what it measures by itself, or one measurement at a time.

- While it measures by itself it tells no serial number, and that is no error: `prepare` asks for
  it before it lets the part measure, and what measures since then is that part.
- `prepare` switches the automatic self-calibration off unless it is asked for: it takes the lowest
  CO2 of some days for fresh air, which a chamber is not, and keeps what it learned for good.
- Settings go to the volatile memory. What wears the part or moves its calibration for good
  (WEARING) is never sent from here.
- A part that idles between single shots shows no loss of its supply: the volatile altitude, which
  the ambient pressure overrides, is set one metre beside the stored one, and read before each shot.
- A measurement of before `start` is thrown away: the part keeps the newest until it is fetched.
Sources: Sensirion SCD4x data sheets 1.1 and 1.3, tables 9 to 31 (commands, times);
Sensirion/embedded-i2c-scd4x scd4x_i2c.h (variants, limits of settings). Accuracy is recalled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar

import numpy as np

from sensorbench.core.channel import Block, Channel, Setting, Settings, chosen
from sensorbench.core.clock import Clock
from sensorbench.core.errors import (
    BenchError,
    NotAcknowledged,
    NotReady,
    ProtocolError,
    Saturated,
    SetpointError,
    SettingsLost,
    WrongDevice,
)
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import CO2, HUMIDITY, TEMPERATURE
from sensorbench.core.units import Dimension
from sensorbench.links.i2c import I2cBus
from sensorbench.protocols.checksums import WORD_BYTES, decode_words, encode_word

READ_MEASUREMENT, DATA_READY, STOP, SINGLE_SHOT = 0xEC05, 0xE4B8, 0x3F86, 0x219D
SERIAL_NUMBER, VARIANT, WAKE_UP, REINIT, SELF_TEST = 0x3682, 0x202F, 0x36F6, 0x3646, 0x3639
SET_OFFSET, GET_OFFSET, SET_PRESSURE = 0x241D, 0x2318, 0xE000
SET_ALTITUDE, GET_ALTITUDE = 0x2427, 0x2322
SET_SELF_CALIBRATION, GET_SELF_CALIBRATION = 0x2416, 0x2313
WEARING: Mapping[int, str] = {
    0x3615: "persist settings: the EEPROM stands 2000 of them",
    0x3632: "factory reset: settings and what calibration has learned are gone",
    0x362F: "forced recalibration: moves CO2 for good",
}
"""Commands that this driver never sends."""
VARIANTS: Mapping[int, str] = {0x0: "SCD40", 0x1: "SCD41", 0x2: "SCD42", 0x5: "SCD43"}
READY_MASK = 0x07FF
EXECUTION_S, STOP_S, WAKE_UP_S, REINIT_S, SELF_TEST_S = 1e-3, 0.5, 0.030, 0.030, 10.0
SINGLE, SINGLE_S = "single", 5.0
# Command that starts it, and the time from one measurement to the next, s.
PERIODIC: Mapping[str, tuple[int, float]] = {
    "every 5 s": (0x21B1, 5.0),
    "every 30 s": (0x21AC, 30.0),
}
SLOWEST = 1.1  # no tolerance of the periods is given: how long to wait, in nominal ones
FULL_SCALE, MOST_PPM = 0xFFFF, 40_000


def convert(co2_raw: int, temperature_raw: int, humidity_raw: int) -> tuple[float, float, float]:
    """Return ppm, %RH and degC. Raises ProtocolError for a word that is no value.

    Over 65535, as scd4x_i2c.h has it; Sensirion's Python driver divides by 65536.

    >>> co2_ppm, humidity_rh, temperature_c = convert(800, 26214, 32768)
    >>> co2_ppm, round(humidity_rh, 4), temperature_c
    (800.0, 50.0008, 25.0)
    """
    if co2_raw == 0:
        raise NotReady("the CO2 word is 0: only humidity and temperature were measured")
    ask = "Is temperature_offset right? Humidity goes by it, too"
    if temperature_raw in (0, FULL_SCALE):
        raise Saturated(f"temperature is saturated: its word is {temperature_raw:#06x}. {ask}")
    row = (
        float(co2_raw),
        100.0 * humidity_raw / FULL_SCALE,
        -45.0 + 175.0 * temperature_raw / FULL_SCALE,
    )
    if humidity_raw in (0, FULL_SCALE):
        co2 = math.nan if co2_raw >= MOST_PPM else row[0]
        text = f"humidity is saturated: its word is {humidity_raw:#06x}. {ask}"
        raise Saturated(text, (co2, math.nan, row[2]))
    if co2_raw >= MOST_PPM:
        text = f"CO2 is saturated: {co2_raw} ppm, the part ends at {MOST_PPM}"
        raise Saturated(text, (math.nan, *row[1:]))
    return row


class Scd4x:
    """SCD4x, 400 to 5000 ppm (SCD40: 2000 ppm), -10 to 60 degC."""

    CHANNELS: ClassVar[tuple[Channel, ...]] = (
        Channel("co2", CO2, accuracy=75.0),
        Channel("humidity", HUMIDITY, accuracy=6.0),
        Channel("temperature", TEMPERATURE, accuracy=0.8),
    )
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        "mode": Setting("every 5 s", (*PERIODIC, SINGLE)),
        "temperature_offset": Setting(
            4.0, dimension=Dimension.TEMPERATURE_DIFFERENCE, low=0.0, high=20.0
        ),
        "ambient_pressure": Setting(
            101_300.0, dimension=Dimension.PRESSURE, low=70_000.0, high=120_000.0
        ),
        "self_calibration": Setting("off", ("off", "on")),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (2.4, 5.5)

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._clock = clock
        self._settings: Settings | None = None
        self._told: Identity | None = None
        self._started_s: float | None = None
        self._witness_m = 0

    def identify(self) -> Identity:
        """Read the serial number and the variant; of one that measures, that it is an SCD4x.

        Parts of data sheet 1.3 do not tell their variant. Raises ProtocolError for an answer that
        no SCD4x gives.
        """
        try:
            words = self._ask(SERIAL_NUMBER, 3)
        except NotAcknowledged:
            self._ask(DATA_READY, 1)  # which it answers while it measures, too
            return self._told or Identity(
                "Sensirion", "SCD41", or_models=("SCD40", "SCD42", "SCD43")
            )
        serial = "".join(f"{word:04X}" for word in words)
        model = self._model()
        if not model:
            return Identity("Sensirion", "SCD41", serial, or_models=("SCD40",))
        return Identity("Sensirion", model, serial)

    def prepare(self, **settings: Any) -> None:
        """Stop and reinitialise the part and take the settings; it measures from then on.

        In single mode it idles, once the first shot is over, which is thrown away. Raises
        SetpointError for a setting that can't be, SettingsLost where one does not read back.
        """
        asked = chosen(self.SETTINGS, settings)
        self._settings = self._started_s = self._told = None
        self._stop()
        self._send(REINIT)
        self._clock.sleep(REINIT_S)
        self._told = self.identify()
        if asked["mode"] == SINGLE and self._told.model == "SCD40":
            raise SetpointError(
                f"{self._where}: mode can't be 'single', an SCD40 has no single shot; allowed: "
                f"{', '.join(map(repr, PERIODIC))}"
            )
        offset = round(float(asked["temperature_offset"]) / 175.0 * FULL_SCALE)
        self._set(SET_OFFSET, offset, GET_OFFSET)
        is_on = int(asked["self_calibration"] == "on")
        self._set(SET_SELF_CALIBRATION, is_on, GET_SELF_CALIBRATION)
        (stored_m,) = self._ask(GET_ALTITUDE, 1)
        self._witness_m = stored_m - 1 if stored_m else 1
        self._set(SET_ALTITUDE, self._witness_m, GET_ALTITUDE)
        # Parts of data sheet 1.3 do not tell the pressure.
        self._set(SET_PRESSURE, round(float(asked["ambient_pressure"]) / 100.0))
        if asked["mode"] == SINGLE:
            # After power-up or sleep the first is not to be used (data sheet 1.3, section 3.10).
            self._send(SINGLE_SHOT)
            self._clock.sleep(SINGLE_S)
        else:
            self._send(PERIODIC[str(asked["mode"])][0])
            self._clock.sleep(EXECUTION_S)
        self._settings = asked

    def start(self) -> float:
        """Start a measurement and return the seconds until it is ready. Call `prepare` first.

        In a periodic mode it drops what is there, and the next one is waited for. Raises
        SettingsLost in single mode where the part began anew since.
        """
        mode = self._prepared["mode"]
        if mode == SINGLE:
            self._check_witness()
            self._send(SINGLE_SHOT)
            self._started_s = self._clock.now()
            return SINGLE_S
        if self._ask(DATA_READY, 1)[0] & READY_MASK:
            with suppress(NotAcknowledged):
                self._ask(READ_MEASUREMENT, 3)
        self._started_s = self._clock.now()
        return SLOWEST * PERIODIC[str(mode)][1]

    def read(self) -> Block:
        """Return the measurement that was started: ppm, %RH and degC.

        Raises ProtocolError if it is not ready, damaged or saturated, BenchError before `start`.
        """
        before_s = self._clock.now()
        if self._started_s is None:
            raise BenchError(f"{self._where}: start() starts a measurement; call it first")
        waited_s, self._started_s = before_s - self._started_s, None
        if self._prepared["mode"] == SINGLE and waited_s < SINGLE_S - 1e-9:
            raise self._not_ready(waited_s)  # it acknowledges nothing until it is done
        self._send(READ_MEASUREMENT)
        self._clock.sleep(EXECUTION_S)
        try:
            words = self._answer(3)
        except NotAcknowledged as error:
            raise self._not_ready(waited_s) from error
        try:
            row = convert(*words)
        except ProtocolError as error:
            raise error.at(self._where) from error
        return Block(np.array([row]), before_s, self._clock.now())

    def self_test(self) -> int:
        """Let the part test itself, which takes 10 s, and return what it says: 0 is good.

        The part is prepared again as it was.
        """
        before = self._settings
        self._stop()
        self._send(SELF_TEST)
        self._clock.sleep(SELF_TEST_S)
        (found,) = self._answer(1)
        self.prepare(**(before or {}))
        return found

    # --------------------------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, address {self._address:#04x}"

    @property
    def _prepared(self) -> Settings:
        if self._settings is None:
            raise BenchError(f"{self._where}: prepare() starts the part; call it first")
        return self._settings

    def _not_ready(self, waited_s: float) -> NotReady:
        return NotReady(
            f"{self._where} has no new measurement {waited_s:.1f} s after the start; wait as long "
            "as start() says. If that was waited, did its supply dip? Prepare it again"
        )

    def _model(self) -> str:
        """Return which part it is, "" where it does not tell. Raises WrongDevice."""
        try:
            code = self._ask(VARIANT, 1)[0] >> 12
        except NotAcknowledged:
            return ""
        if code not in VARIANTS:
            known = ", ".join(f"{number} {name}" for number, name in VARIANTS.items())
            raise WrongDevice(f"the variant at {self._where} is {code}, an SCD4x has {known}")
        return VARIANTS[code]

    def _stop(self) -> None:
        """Bring the part to idle from wherever it is: asleep, measuring, in a single shot."""
        with suppress(NotAcknowledged):
            self._send(WAKE_UP)  # which is never acknowledged
        self._clock.sleep(WAKE_UP_S)
        try:
            self._send(STOP)
        except NotAcknowledged:
            self._clock.sleep(SELF_TEST_S)  # the longest of what somebody else may have begun
            self._send(STOP)
        self._clock.sleep(STOP_S)

    def _set(self, command: int, word: int, reads_back: int | None = None) -> None:
        self._bus.transfer(self._address, command.to_bytes(2, "big") + encode_word(word))
        self._clock.sleep(EXECUTION_S)
        if reads_back is None:
            return
        (found,) = self._ask(reads_back, 1)
        if found != word:
            raise SettingsLost(
                f"{self._where}: {command:#06x} wrote {word}, {found} reads back. Check pull-ups, "
                "cable length and bus clock"
            )

    def _check_witness(self) -> None:
        (found_m,) = self._ask(GET_ALTITUDE, 1)
        if found_m != self._witness_m:
            raise SettingsLost(
                f"{self._where}: the altitude is {found_m} m, {self._witness_m} m was written. Did "
                "the supply dip, or does somebody else use this part? Prepare it again"
            )

    def _send(self, command: int) -> None:
        self._bus.transfer(self._address, command.to_bytes(2, "big"))

    def _ask(self, command: int, words: int) -> tuple[int, ...]:
        self._send(command)
        self._clock.sleep(EXECUTION_S)
        return self._answer(words)

    def _answer(self, words: int) -> tuple[int, ...]:
        answer = self._bus.transfer(self._address, b"", WORD_BYTES * words)
        try:
            return decode_words(answer, words)
        except ProtocolError as error:
            raise type(error)(f"{self._where}: {error}") from error
