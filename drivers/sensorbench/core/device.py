"""What drivers offer, as protocols: a driver fits by having the methods, it inherits nothing.

How a driver is made follows from its device.toml's `links`:
- "i2c": `Driver(bus, address, clock, **options)`
- "serial", "tcp": `Driver(line, clock, **options)`, with `LINE: ClassVar[LineSettings]`; where that
  has no terminators the line carries frames (links.line.FrameLine), as of Modbus RTU
- "meters": `Driver(meters, clock, **options)`, meters by the socket's keys (an analog output)
- "members": `Driver(members, clock, **options)`, members of other instruments by name (a coil)
- "person": `Driver(operator, clock, **options)`, who is asked to do it by hand
- "none": `Driver(clock, **options)`, a constant of nature
Making a driver sends nothing. Opening and identifying change nothing at the device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, runtime_checkable

from sensorbench.core.calibration import FixedPointPolynomial
from sensorbench.core.channel import Block, Channel, Setting, Stream
from sensorbench.core.errors import BenchError
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import Value


@runtime_checkable
class Device(Protocol):
    """What every device can do."""

    def identify(self) -> Identity:
        """Read who is there; ProtocolError if it is another model. Changes nothing."""
        ...


@runtime_checkable
class Source(Device, Protocol):
    """An instrument that acts on the DUTs, and can stop doing so."""

    def make_safe(self) -> None:
        """Drive the instrument to its safe state, whatever went before, and see that it is."""
        ...


@runtime_checkable
class Venting(Source, Protocol):
    """A source that is made safe by venting, and can stop driving without it.

    Venting hot parts is the station's to allow: cold, humid air goes in, and hot gas comes out.
    """

    def shut_in(self) -> bool:
        """Stop driving, and return whether pressure is shut in; what vents already goes on."""
        ...


@runtime_checkable
class Taken(Device, Protocol):
    """An instrument that keeps what an earlier program left: errors in its queue."""

    def take(self) -> Sequence[str]:
        """Return what an earlier program left, in the instrument's words, and clear it."""
        ...


@runtime_checkable
class Alarming(Device, Protocol):
    """An instrument that watches itself."""

    def read_alarms(self) -> Sequence[str]:
        """Return the alarms that are active now, in words; none is ()."""
        ...


@runtime_checkable
class Timed(Protocol):
    """An instrument whose readings take longer or shorter by what station.toml sets of it."""

    def reading_s(self, member: str) -> float:
        """Return how long a reading of a member takes at most, s; nothing is sent."""
        ...


@runtime_checkable
class ManyMeters(Device, Protocol):
    """An instrument that reads several of its meters in one exchange."""

    def read_many(self, names: Sequence[str]) -> Mapping[str, Value | BenchError]:
        """Return by member of `names` what it reads, or why it alone has no reading.

        Raises what holds for all of them.
        """
        ...


@runtime_checkable
class Sensor(Device, Protocol):
    """A DUT.

    `CHANNELS` names the values of a reading in order, `SETTINGS` what can be chosen, `SUPPLY_V` the
    lowest and highest supply of the data sheet.
    """

    CHANNELS: ClassVar[tuple[Channel, ...]]
    SETTINGS: ClassVar[Mapping[str, Setting]]
    SUPPLY_V: ClassVar[tuple[float, float]]

    def prepare(self, **settings: Any) -> None:
        """Bring the part from wherever it is to readiness with `settings`, defaults elsewhere."""
        ...

    def start(self) -> float:
        """Start one conversion and return the seconds until it is ready; nothing waits here."""
        ...

    def read(self) -> Block:
        """Return the conversion that was started: one row, CHANNELS in order, floats.

        Raises ProtocolError where it is not ready, damaged, stale or saturated.
        """
        ...


@runtime_checkable
class Compared(Sensor, Protocol):
    """A DUT that can't tell by itself which of several parts it is, but by what others read."""

    def compare(self, others: Mapping[str, Value]) -> None:
        """Be told what the bench's meters read right before the next reading, by address."""
        ...


@runtime_checkable
class StreamingSensor(Sensor, Protocol):
    """A DUT that samples by itself into a FIFO."""

    @classmethod
    def stream(cls, **settings: Any) -> Stream:
        """Return what the stream is like with `settings`."""
        ...

    def open_stream(self) -> None:
        """Empty the FIFO and let it fill, with the settings prepared."""
        ...

    def drain(self) -> Block:
        """Fetch all samples that are there, in the largest legal bursts; raw whole numbers."""
        ...

    def close_stream(self) -> None:
        """Stop filling."""
        ...


@runtime_checkable
class Provisioned(Sensor, Protocol):
    """A DUT that needs something of the machine, such as a file that only its maker gives out."""

    @classmethod
    def lacks(cls, *, simulated: bool) -> str:
        """Return what is missing here to use a part, and how to get it; "" if nothing."""
        ...


@runtime_checkable
class Calibratable(Sensor, Protocol):
    """A DUT that stores coefficients. Writing is for ever counted; `lock` can't be undone.

    `REWRITABLE` says that they may be written again; one-time memory takes them once.
    """

    CALIBRATION: ClassVar[tuple[FixedPointPolynomial, ...]]
    REWRITABLE: ClassVar[bool]

    def write_coefficients(self, coefficients: Sequence[int]) -> None: ...

    def read_coefficients(self) -> tuple[int, ...]: ...

    def lock(self) -> None: ...

    def is_locked(self) -> bool: ...
