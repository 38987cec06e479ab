"""Yudian AI temperature controllers of version 8 (AI-516, 518, 526, 708, 719), over AIBUS.

RS-485, 4800 to 19200, 8N1 or 8N2, addresses 0 to 80, several on one cable. A controller that is set
to Modbus is silent here: its AFC must choose AIBUS. The rules:
- Who it is decides first (parameter 15h, the model). Version 7 has its run word there, and steps of
  its program where version 8 has output and run: it is known by that, and neither read nor set.
- Numbers come without their point: dPt (0Ch) tells decimals, and by 80h that there is one more than
  is shown. It is asked with each reading, as its reply has the temperature, too.
- Models with programs (AI-518P, …) can be read and made safe. How they keep a fixed set point is
  not known for certain: they are not set from here.
- Set point and Srun (1Bh: 0 run, 1 stop, 2 hold) are read back and not written again where they are
  so: the maker gives AI-5 a million writings, and asks for 2 minutes between them.
- Nothing is set while CtrL says that the output follows no set point, or without a decimal.
- An input beyond its range (orAL) is no temperature.
HIAL and LoAL, its absolute alarms, are its own protection as far as their relay cuts something:
they are narrowed, never widened.
Sessions: one, it is a serial line. A watchdog of its own, status that reading changes: none known.
It tells no number. What its panel chooses, manual output and degF, it does not tell.
Sources: AIBUS protocol V8.0 of Yudian (00h to 11h; life of its memory) and V7.0 (alarms by bit,
answer within 150 ms); yudian-ai-tool for 15h, 1Bh, dPt, and the words of AI-516 and AI-518.
Recalled: the words of 526, 708 and 719, by the same rule; range and accuracy with a Pt100.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import TEMPERATURE, Value
from sensorbench.instruments.members import Band, number, setpoint
from sensorbench.instruments.telling import Held, OfItsOwn, Told
from sensorbench.links.line import FrameLine, LineSettings
from sensorbench.protocols.aibus import LEAST, MOST, AibusClient, Answer

_SET, _HIGH_ALARM, _LOW_ALARM, _CONTROL, _POINT, _MODEL, _RUN = 0, 1, 2, 6, 0x0C, 0x15, 0x1B
_RUNS, _STOPS, _HOLDS = 0, 1, 2
_MODELS: Final[Mapping[int, str]] = {
    5160: "AI-516", 5180: "AI-518", 5260: "AI-526", 7080: "AI-708", 7190: "AI-719",
}  # fmt: skip
_PROGRAMS: Final[Mapping[int, str]] = {word + 7: f"{name}P" for word, name in _MODELS.items()}
_NAMES: Final[Mapping[int, str]] = {**_MODELS, **_PROGRAMS}
_REGULATES = (0, 1, 2)  # on and off, PID by its own algorithm, PID
_ONE_MORE = 0x80
_MOST_DECIMALS = 3
_OVER_RANGE = 0x10
_ALARMS: Final[Mapping[int, str]] = {
    0x01: "high alarm (HIAL)", 0x02: "low alarm (LoAL)", 0x04: "high deviation alarm (dHAL)",
    0x08: "low deviation alarm (dLAL)", _OVER_RANGE: "input beyond its range (orAL)",
}  # fmt: skip


class YudianAi:
    """Controller of an oven, a plate or a chamber by a Pt100: -200 to 800 degC."""

    LINE: ClassVar[LineSettings] = LineSettings(
        write_terminator="", read_terminator="", timeout_s=0.5, baud_rate=9600, pause_s=0.02,
    )  # fmt: skip

    temperature = setpoint["YudianAi"](
        TEMPERATURE, rated=(-200.0, 800.0), planned=3.0 / 60, settling_s=1200.0, resolution=0.1,
        accuracy=1.0, steady=0.2, nonvolatile=True,
    )  # fmt: skip

    def __init__(self, line: FrameLine, clock: Clock, *, address: int = 1) -> None:  # noqa: ARG002 - as all drivers
        self.name = line.name
        self._aibus = AibusClient(line, address)
        self._name_of_model = ""

    def identify(self) -> Identity:
        """Ask for its model. Raises WrongDevice for one whose parameters are not known.

        A model with programs says so: it is read, not set.
        """
        self._name_of_model = ""
        model = self._model()
        return Identity(
            "Yudian", f"{model}, read and not set" if model in _PROGRAMS.values() else model
        )

    # -- temperature -----------------------------------------------------------------------

    @temperature.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:  # noqa: ARG002
        """Go there as fast as the controller can.

        Returns once the controller has accepted it, not reached it.
        """
        steps = self._require_possible(number(target))
        wanted = round(number(target) * 10) * steps // 10
        self._put(_SET, wanted)
        self._put(_RUN, _RUNS)
        held = self._read(_SET).set_point
        if held != wanted:
            raise InstrumentError(
                f"set point {wanted / steps:g} degC", f"{held / steps:g}",
                "it controls to that instead: does an input of it choose another set point?",
                self.name,
            )  # fmt: skip
        return wanted / steps

    @temperature.foresee
    def _(self, target: Value, limit: float | None) -> None:  # noqa: ARG002
        self._require_possible(number(target))

    @temperature.read
    def _(self) -> float:
        answer = self._read(_POINT)
        if answer.alarms & _OVER_RANGE or not LEAST < answer.measured <= MOST:
            raise ProtocolError(
                f"{self.name}: no temperature: its input is beyond its range (orAL). Is a sensor "
                "open, is it the one that InP says?"
            )
        return answer.measured / self._steps(answer)

    @temperature.release
    def _(self) -> None:
        self.make_safe()

    @temperature.told
    def _(self) -> Told:
        """Return the set point that is controlled to; None while it is stopped."""
        runs = self._read(_RUN).value
        if runs == _STOPS:
            return None
        if runs != _RUNS or self._model() in _PROGRAMS.values():
            return OfItsOwn("hold" if runs == _HOLDS else "a program of its own")
        answer = self._read(_POINT)
        return Held(answer.set_point / self._steps(answer))

    @temperature.protect
    def _(self, low: float | None, high: float | None) -> Band:
        """Narrow its absolute alarms, LoAL and HIAL; those of a model with programs are read."""
        if self._model() in _PROGRAMS.values():
            low = high = None
        steps = self._steps(self._read(_POINT))
        found_low, found_high = self._read(_LOW_ALARM).value, self._read(_HIGH_ALARM).value
        if low is not None and round(low * steps) > found_low:
            found_low = self._put(_LOW_ALARM, round(low * steps))
        if high is not None and round(high * steps) < found_high:
            found_high = self._put(_HIGH_ALARM, round(high * steps))
        return found_low / steps, found_high / steps

    # -- the whole controller --------------------------------------------------------------

    def make_safe(self) -> None:
        """Stop, and see that it did. Raises InstrumentError if it went on."""
        self._put(_RUN, _STOPS)

    def read_alarms(self) -> tuple[str, ...]:
        """Return its alarms in words, with their names at the panel."""
        alarms = self._read(_POINT).alarms
        return tuple(text for bit, text in _ALARMS.items() if alarms & bit)

    # -- who it is, and what its numbers mean ----------------------------------------------

    def _model(self) -> str:
        """Return its model, asked for once. Raises WrongDevice unless its parameters are known."""
        if self._name_of_model:
            return self._name_of_model
        try:
            word = self._aibus.read(_MODEL).value
        except InstrumentError as refused:
            raise WrongDevice(f"{self.name}: it does not tell its model: {refused}") from refused
        if word not in _NAMES:
            version_7 = ", as a run word of version 7, whose parameters are others"
            raise WrongDevice(
                f"{self.name}: parameter 15h is {word}{version_7 if 0 <= word < 0x100 else ''}; of "
                f"{', '.join(_MODELS.values())} in version 8 alone they are known. It is neither "
                "read nor set from here"
            )
        self._name_of_model = _NAMES[word]
        return self._name_of_model

    def _steps(self, answer: Answer) -> int:
        """Return how many steps of the wire are 1 degC, by an answer that holds dPt."""
        decimals = answer.value & ~_ONE_MORE
        if not 0 <= decimals <= _MOST_DECIMALS:
            raise ProtocolError(f"{self.name}: dPt is {answer.value}, which is no place of a point")
        return int(10 ** (decimals + bool(answer.value & _ONE_MORE)))

    def _require_possible(self, target_c: float) -> int:
        """Return the steps of 1 degC. Raises SetpointError for what it can't do as it is set."""
        model = self._model()
        if model in _PROGRAMS.values():
            raise SetpointError(
                f"{self.name}: it is an {model}, which runs programs: how it keeps a fixed set "
                "point is not known, so it is read and not set. Nothing was set"
            )
        control, point = self._read(_CONTROL).value, self._read(_POINT)
        if control not in _REGULATES:
            raise SetpointError(
                f"{self.name}: CtrL is {control}, so its output follows no set point: at the panel "
                "set it to APID or nPID. Nothing was set"
            )
        if not point.value & ~_ONE_MORE:
            raise SetpointError(
                f"{self.name}: it shows whole degrees: at the panel set dPt to 0.0. Nothing was set"
            )
        steps = self._steps(point)
        if not LEAST <= target_c * steps <= MOST:
            raise SetpointError(
                f"{self.name}: {target_c:g} degC is more than it can be told with its dPt, "
                f"{MOST / steps:g} degC. Nothing was set"
            )
        return steps

    # -- parameters ------------------------------------------------------------------------

    def _read(self, parameter: int) -> Answer:
        self._model()
        return self._aibus.read(parameter)

    def _put(self, parameter: int, value: int) -> int:
        """Write a value unless it is there, read it back, and return it."""
        if self._read(parameter).value != value:
            self._aibus.write(parameter, value)
            held = self._read(parameter).value
            if held != value:
                raise InstrumentError(
                    f"parameter {parameter:02X}h := {value}", held,
                    "it holds that instead: is it locked at the panel (Loc)?", self.name,
                )  # fmt: skip
        return value
