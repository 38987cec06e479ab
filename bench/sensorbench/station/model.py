"""station.toml: buses, instruments in roles, sockets, limits, and what is simulated."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from sensorbench.core.documents import Document, Pressure, Temperature, Voltage, quantity_parser
from sensorbench.station.roles import ROLES

Address = Annotated[int, Field(ge=0x08, le=0x77)]
MultiplexerAddress = Annotated[int, Field(ge=0x70, le=0x77)]
MultiplexerChannel = Annotated[int, Field(ge=0, le=7)]
RoleName = Literal[
    "temperature_chamber", "pressure_source", "supply", "reference_thermometer", "dmm"
]


class SimulatedLink(Document):
    """The instrument's twin, in this program."""

    kind: Literal["simulated"]


class SerialLink(Document):
    """A serial port: COM3 on Windows, /dev/ttyUSB0 on Linux."""

    kind: Literal["serial"]
    port: str
    baud_rate: int | None = None


class VisaLink(Document):
    """A VISA resource, such as TCPIP::192.168.1.20::5025::SOCKET."""

    kind: Literal["visa"]
    resource: str


class TcpLink(Document):
    """A raw TCP socket."""

    kind: Literal["tcp"]
    host: str
    port: Annotated[int, Field(ge=1, le=65535)] | None = None


class I2cLink(Document):
    """A place on an I2C bus, directly or behind a multiplexer's channel."""

    kind: Literal["i2c"] = "i2c"
    bus: str
    address: Address
    multiplexer: MultiplexerAddress | None = None
    channel: MultiplexerChannel | None = None

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.multiplexer is None) != (self.channel is None):
            raise PydanticCustomError(
                "value_error", "multiplexer and channel are written together, or neither"
            )
        return self


Link = Annotated[
    SimulatedLink | SerialLink | VisaLink | TcpLink | I2cLink, Field(discriminator="kind")
]


class Bus(Document):
    """An I2C bus: `simulated`, or an adapter of the Linux kernel (/dev/i2c-1)."""

    kind: Literal["simulated", "linux"]
    device: str | None = None

    @model_validator(mode="after")
    def _device(self) -> Self:
        if self.kind == "linux" and not self.device:
            raise PydanticCustomError(
                "value_error", "a linux bus needs its device, for example /dev/i2c-1"
            )
        return self


class InstrumentEntry(Document):
    """One instrument: what it is, how it is reached, what it may do, how it is calibrated."""

    role: RoleName
    model: str
    link: Link
    serial: str = ""
    certificate: str = ""
    calibration_due: date | None = None
    low: float | None = None
    high: float | None = None
    rate: float | None = None
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _read_range(cls, data: Any) -> Any:
        """Parse `low`, `high` and `rate` with the dimension of the role."""
        if not isinstance(data, dict) or data.get("role") not in ROLES:
            return data
        role = ROLES[data["role"]]
        data = dict(data)
        for key, dimension in (
            ("low", role.dimension), ("high", role.dimension), ("rate", role.rate_dimension)
        ):  # fmt: skip
            if key in data and dimension:
                try:
                    data[key] = quantity_parser(dimension)(data[key])
                except PydanticCustomError as error:
                    raise PydanticCustomError(
                        "quantity", "{what}", {"what": f"{key}: {error.message()}"}
                    ) from None
            elif key in data:
                what = f"{key}: a {data['role']} has none here"
                raise PydanticCustomError("value_error", "{what}", {"what": what})
        return data


class Socket(I2cLink):
    """Where a DUT can sit."""

    id: str


class Limits(Document):
    """What this bench may never exceed, whatever a profile asks; reaching it stops a run."""

    temperature_low: Temperature | None = None
    temperature_high: Temperature | None = None
    pressure_high: Pressure | None = None
    voltage_high: Voltage | None = None


class SimulatedFault(Document):
    """A simulated part that is not healthy; `kind` is one of its twin's faults, or absent."""

    serial: str
    kind: str


class Simulation(Document):
    """What the simulated world is like; the seed makes units, noise and ageing."""

    seed: int = 0
    ambient: Temperature = 23.0
    ambient_pressure: Pressure = 101_325.0
    fault: tuple[SimulatedFault, ...] = ()


class StationData(Document):
    """The [station] table."""

    name: str
    location: str = ""


class StationFile(Document):
    """A station.toml."""

    station: StationData
    limits: Limits = Limits()
    simulation: Simulation | None = None
    bus: dict[str, Bus] = Field(default_factory=dict)
    instrument: dict[str, InstrumentEntry] = Field(default_factory=dict)
    socket: tuple[Socket, ...] = ()
