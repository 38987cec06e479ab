"""The two protocols of the same chambers, as one: what is set and given of a chamber in either.

Sources: as `driver`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError, WrongDevice
from sensorbench.core.provenance import Identity
from sensorbench.instruments.weiss_votsch.wire import (
    START,
    Layout,
    State,
    accepted,
    answer,
    as_code,
    as_number,
    joined,
    request,
    slopes,
)
from sensorbench.links.line import Line

TEMPERATURE, HUMIDITY = 1, 2
_INFO, _STATUS = 99997, 10012
_COUNT, _UNIT, _ACTUAL, _NOMINAL, _SET = 11018, 11023, 11004, 11002, 11001
_LOWEST, _HIGHEST = 11007, 11009
_RISING, _FALLING, _RISES, _FALLS, _NEAR_SLOPE = 11068, 11072, 11066, 11070, 0.051
_OUTPUT_NAME, _OUTPUT, _SWITCH = 14010, 14003, 14001
_MESSAGES, _MESSAGE_TYPE, _MESSAGE, _MESSAGE_IS_ACTIVE = 17002, 17005, 17007, 17009
_PROGRAM_STATUS, _END_PROGRAM = 19210, 19015
_ALARM, _ALARMS_PRESENT, _WARNINGS_PRESENT = 1, 8, 4


class Dialect(Protocol):
    """What the driver needs of a protocol. Variables: 1 temperature in degC, 2 humidity in %RH."""

    def identify(self) -> Identity: ...
    def actual(self, variable: int) -> float: ...
    def nominal(self, variable: int) -> float: ...
    def limits(self, variable: int) -> tuple[float, float] | None: ...
    def is_on(self, output: int) -> bool: ...
    def check_humidity(self, output: int) -> None: ...
    def slope(self, rising: float, falling: float) -> None: ...
    def put(self, values: Mapping[int, float], outputs: Mapping[int, bool]) -> None: ...
    def runs_a_program(self) -> bool: ...
    def end_program(self) -> None: ...
    def alarms(self) -> tuple[str, ...]: ...


class Simserv:
    """SimServ: a number for each command, answered by 1 and values, or by a refusal."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._known: set[int] = set()  # variables whose unit was seen

    def _ask(self, command: int, *arguments: str, count: int = 1) -> tuple[str, ...]:
        sent = request(command, *arguments)
        try:
            return answer(sent, self._line.query(sent), count)
        except InstrumentError as refused:
            raise refused.named(self._line.name) from None
        except ProtocolError as error:
            raise type(error)(f"{self._line.name}: {error}") from None

    def _number(self, command: int, *arguments: str) -> float:
        (text,) = self._ask(command, *arguments)
        try:
            return as_number(request(command, *arguments), text)
        except ProtocolError as error:
            raise type(error)(f"{self._line.name}: {error}") from None

    def _code(self, command: int, *arguments: str) -> int:
        (text,) = self._ask(command, *arguments)
        try:
            return as_code(request(command, *arguments), text)
        except ProtocolError as error:
            raise type(error)(f"{self._line.name}: {error}") from None

    def identify(self) -> Identity:
        try:
            (model,), (serial,) = (self._ask(_INFO, what) for what in ("1", "3"))
            self._check_unit(TEMPERATURE)
        except (InstrumentError, WrongDevice) as error:
            raise WrongDevice(
                f"{self._line.name}: no chamber of Weiss or Vötsch: {error}"
            ) from error
        if not model:
            raise WrongDevice(f"{self._line.name}: it tells no type, as such a chamber does")
        return Identity("Weiss Technik", model, serial)

    def _check_unit(self, variable: int) -> None:
        """Raise WrongDevice unless a variable is what it is taken for."""
        if variable in self._known:
            return
        count = self._code(_COUNT)
        if variable > count:
            raise WrongDevice(
                f"{self._line.name}: it has {count} control variables: no humidity is fitted"
            )
        (unit,) = self._ask(_UNIT, str(variable))
        is_so = "%" in unit if variable == HUMIDITY else unit.upper().endswith("C")
        if not is_so:
            raise WrongDevice(
                f"{self._line.name}: control variable {variable} is in {unit!r}, expected "
                f"{'degC' if variable == TEMPERATURE else '% r.h.'}"
            )
        self._known.add(variable)

    def actual(self, variable: int) -> float:
        self._check_unit(variable)
        return self._number(_ACTUAL, str(variable))

    def nominal(self, variable: int) -> float:
        self._check_unit(variable)
        return self._number(_NOMINAL, str(variable))

    def limits(self, variable: int) -> tuple[float, float] | None:
        self._check_unit(variable)
        lowest, highest = (self._number(end, str(variable)) for end in (_LOWEST, _HIGHEST))
        return lowest, highest

    def is_on(self, output: int) -> bool:
        found = self._code(_OUTPUT, str(output))
        if found not in (0, 1):
            raise ProtocolError(
                f"{self._line.name}: digital output {output} is {found}, not 0 or 1"
            )
        return found == 1

    def check_humidity(self, output: int) -> None:
        """Raise SetpointError unless the output is called so. Names count from the one after it."""
        self._check_unit(HUMIDITY)
        (name,) = self._ask(_OUTPUT_NAME, str(output - 1))
        if not any(word in name.lower() for word in ("humid", "feucht", "climate", "klima")):
            raise SetpointError(
                f"{self._line.name}: the chamber calls digital output {output} {name!r}, not "
                "humidity: correct humidity_output in station.toml. Nothing was sent"
            )

    def slope(self, rising: float, falling: float) -> None:
        for command, tells, slope in (
            (_RISING, _RISES, rising), (_FALLING, _FALLS, falling),
        ):  # fmt: skip
            self._ask(command, str(TEMPERATURE), f"{slope:.1f}", count=0)
            if slope and abs((held := self._number(tells, str(TEMPERATURE))) - slope) > _NEAR_SLOPE:
                raise InstrumentError(
                    request(command, str(TEMPERATURE), f"{slope:.1f}"), f"{held:g} K/min",
                    "it holds that slope instead: ask for one that it takes", self._line.name,
                )  # fmt: skip

    def put(self, values: Mapping[int, float], outputs: Mapping[int, bool]) -> None:
        # Values before outputs: it must not start towards older ones; and its start comes last.
        for variable, value in values.items():
            self._check_unit(variable)
            self._ask(_SET, str(variable), f"{value:z.1f}", count=0)
        for output in sorted(outputs, reverse=True):
            self._ask(_SWITCH, str(output), str(int(outputs[output])), count=0)

    def runs_a_program(self) -> bool:
        return self._code(_PROGRAM_STATUS) != 0

    def end_program(self) -> None:
        self._ask(_END_PROGRAM, count=0)

    def alarms(self) -> tuple[str, ...]:
        status = self._code(_STATUS)
        if not status & (_ALARMS_PRESENT | _WARNINGS_PRESENT):
            return ()
        found = []
        for number in map(str, range(1, self._code(_MESSAGES) + 1)):
            if not self._code(_MESSAGE_IS_ACTIVE, number):
                continue
            kind, (text,) = self._code(_MESSAGE_TYPE, number), self._ask(_MESSAGE, number)
            if kind & _ALARM:
                found.append(text or f"message {number}")
        present = bool(status & _ALARMS_PRESENT)
        return tuple(found) or (("an alarm; its panel says which",) if present else ())


class Ascii2:
    """ASCII-2: one string sets all of a chamber, one gives all of it; both depend on its model."""

    def __init__(self, line: Line, address: int, layout: Layout) -> None:
        self._line, self._layout = line, layout
        self._prefix = f"${address:02d}"

    def identify(self) -> Identity:
        try:
            self._state()
        except ProtocolError as error:
            raise WrongDevice(str(error)) from error
        return Identity("Weiss Technik", "ASCII-2 chamber")  # it tells neither model nor number

    def _state(self) -> State:
        try:
            return self._layout.read(self._line.query(f"{self._prefix}I"))
        except ProtocolError as error:
            raise type(error)(f"{self._line.name}: {error}") from None

    def actual(self, variable: int) -> float:
        return self._of(self._state().actual, variable)

    def nominal(self, variable: int) -> float:
        return self._of(self._state().nominal, variable)

    def _of(self, values: Mapping[str, float], variable: int) -> float:
        name = f"CV{variable:02d}"
        if name not in values:
            raise WrongDevice(f"{self._line.name}: its I-string has only {joined([*values])}")
        return values[name]

    def limits(self, variable: int) -> tuple[float, float] | None:  # noqa: ARG002 - it tells none
        return None

    def is_on(self, output: int) -> bool:
        return self._state().output(output)

    def check_humidity(self, output: int) -> None:
        if output >= self._layout.outputs or "CV02" not in self._layout.taken:
            raise SetpointError(
                f"{self._line.name}: its e_string has no CV02, or no DO{output:02d} for "
                "humidity_output. Nothing was sent"
            )

    def slope(self, rising: float, falling: float) -> None:
        sent = f"{self._prefix}U {slopes(rising, falling)}"
        accepted(sent, self._line.query(sent), self._line.name)

    def put(self, values: Mapping[int, float], outputs: Mapping[int, bool]) -> None:
        # What is not meant is sent again as it is: the string sets all, its start bit too.
        named = {f"CV{variable:02d}": value for variable, value in values.items()}
        state = self._state().but(named, outputs)
        sent = f"{self._prefix}E {self._layout.command(state)}"
        accepted(sent, self._line.query(sent), self._line.name)

    def runs_a_program(self) -> bool:
        return False  # it does not tell

    def end_program(self) -> None:
        self.put({}, {START: False})

    def alarms(self) -> tuple[str, ...]:
        return ()  # it tells none: one shows as a start that fell
