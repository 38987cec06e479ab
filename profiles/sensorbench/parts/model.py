"""part.toml and lot.toml: what is qualified, which parameters it has, which units are tested."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from sensorbench.core.documents import (
    Current,
    Document,
    Pressure,
    Ratio,
    Temperature,
    Voltage,
    quantity_parser,
)
from sensorbench.core.units import Dimension
from sensorbench.core.verdict import Limits

GRADES = (0, 1, 2, 3)
Condition = Literal["room", "cold", "hot"]
CONDITIONS: tuple[Condition, ...] = ("room", "cold", "hot")
QUANTITIES = {
    "pressure": Dimension.PRESSURE,
    "temperature": Dimension.TEMPERATURE_DIFFERENCE,
    "humidity": Dimension.HUMIDITY,
}


def _ordered(low: float, high: float) -> None:
    if low >= high:
        raise PydanticCustomError("value_error", "low must be below high")


class TemperatureRange(Document):
    """Where the part works, in degC."""

    low: Temperature
    high: Temperature

    @model_validator(mode="after")
    def _check(self) -> Self:
        _ordered(self.low, self.high)
        return self


class PressureRange(Document):
    """What the part measures, in Pa; high less low is its full scale."""

    low: Pressure
    high: Pressure

    @model_validator(mode="after")
    def _check(self) -> Self:
        _ordered(self.low, self.high)
        return self


class Supply(Document):
    """What the part is fed with; `max` is Vcc max of the stress tests."""

    nominal: Voltage
    max: Voltage
    current_limit: Current

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.max < self.nominal:
            raise PydanticCustomError("value_error", "max must not be below nominal")
        return self


class PartData(Document):
    """The [part] table."""

    name: str
    driver: str
    title: str = ""
    grade: Literal[0, 1, 2, 3]
    temperature: TemperatureRange
    pressure: PressureRange | None = None
    supply: Supply
    options: dict[str, Any] = Field(default_factory=dict)


class TestTemperatures(Document):
    """Where parameters are tested, in degC; the defaults are room, and the ends of the grade."""

    __test__ = False  # not a test class, whatever its name
    room: Temperature = 25.0
    cold: Temperature
    hot: Temperature


class Parameter(Document):
    """One parameter of the part: the error of a quantity at a stimulus, and its limits.

    `limits` are per test temperature, in the quantity's canonical unit; `drift_limit` is the
    largest change against the 0 h readout that was agreed with the customer.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    quantity: Literal["pressure", "temperature", "humidity"]
    at_pressure: Pressure | None = None
    limits: dict[Condition, Limits]
    drift_limit: float | None = None

    @property
    def dimension(self) -> Dimension:
        """Return the dimension of the parameter's value."""
        return QUANTITIES[self.quantity]

    @model_validator(mode="before")
    @classmethod
    def _read_limits(cls, data: Any) -> Any:
        """Parse the limits with the unit that the quantity asks for."""
        if not isinstance(data, dict) or data.get("quantity") not in QUANTITIES:
            return data
        read = quantity_parser(QUANTITIES[data["quantity"]])
        data = dict(data)
        if isinstance(data.get("limits"), dict):
            data["limits"] = {
                condition: _limits(read, condition, pair)
                for condition, pair in data["limits"].items()
            }
        if "drift_limit" in data:
            data["drift_limit"] = read(data["drift_limit"])
        return data

    @field_validator("limits")
    @classmethod
    def _complete(cls, limits: dict[str, Limits]) -> dict[str, Limits]:
        missing = [condition for condition in CONDITIONS if condition not in limits]
        if missing:
            raise PydanticCustomError(
                "value_error", "{what}", {"what": f"has no limits for {', '.join(missing)}"}
            )
        return limits


def _limits(read: Any, condition: str, pair: object) -> Limits:
    if not (isinstance(pair, list) and len(pair) == 2):
        raise PydanticCustomError(
            "value_error", "{what}", {"what": f"{condition}: write [low, high], two quantities"}
        )
    try:
        low, high = (read(value) for value in pair)
        _ordered(low, high)
    except PydanticCustomError as error:
        what = f"limits.{condition}: {error.message()}"
        raise PydanticCustomError("quantity", "{what}", {"what": what}) from None
    return Limits(low, high)


class CalibrationLimits(Document):
    """What a calibrated unit must keep, as shares of full scale."""

    total_error_band: Ratio
    hysteresis: Ratio | None = None


class Part(Document):
    """A part.toml."""

    part: PartData
    test_temperatures: TestTemperatures
    calibration: CalibrationLimits | None = None
    parameter: tuple[Parameter, ...] = ()

    @model_validator(mode="after")
    def _unique(self) -> Self:
        names = [parameter.name for parameter in self.parameter]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise PydanticCustomError(
                "value_error", "{what}", {"what": f"parameter {', '.join(twice)} is there twice"}
            )
        return self


class Unit(Document):
    """One DUT of the lot, and the socket it sits in."""

    serial: str = Field(pattern=r"^\S(.{0,38}\S)?$")
    socket: str


class LotData(Document):
    """The [lot] table; `part` is the part file's name beside the lot file."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")
    part: str
    description: str = ""


class Lot(Document):
    """A lot.toml."""

    lot: LotData
    unit: tuple[Unit, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _unique(self) -> Self:
        problems = []
        for what in ("serial", "socket"):
            values = [getattr(unit, what) for unit in self.unit]
            twice = sorted({value for value in values if values.count(value) > 1})
            if twice:
                problems.append(f"{what} {', '.join(twice)} is used by two units")
        if problems:
            raise PydanticCustomError("value_error", "{what}", {"what": "; ".join(problems)})
        return self
