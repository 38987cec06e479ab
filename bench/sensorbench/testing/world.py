"""One device in a world of its own: its twin, its driver on a link to it, quantities set by hand.

    bench = SensorBench(Case(devices()["bmp280"]))
    bench.put("pressure", 80_000.0)
    bench.sample()["pressure"]

Time is virtual: nothing waits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sensorbench.core.catalog import Device
from sensorbench.core.channel import Channel
from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import LinkTimeout
from sensorbench.core.operator import Question
from sensorbench.core.quantity import VOLTAGE, Quantity, Value, address, components
from sensorbench.instruments.members import Member, Meter, Setpoint
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.line import FrameLength, Medium
from sensorbench.links.metered import MeteredI2cBus
from sensorbench.testing.lines import TappedTwin, stranger
from sensorbench.world.fields import Constant, Driven, Field
from sensorbench.world.world import Fault, Place, World

SERIAL = "10000001"  # eight digits: a number that every twin can print


@dataclass(frozen=True)
class Case:
    """A device to be tried, and what its declaration does not tell.

    `options` go to driver and twin alike, `driver_options` and `twin_options` to one of them.
    `driver` stands for the device's own where another is tried. `members` are what an instrument
    that is made of others needs, by name: quantity and value at rest. `values` replaces the values
    at which a sensor's quantity, by its name or address, is compared with the world.
    """

    device: Device
    options: Mapping[str, Any] = field(default_factory=dict)
    driver_options: Mapping[str, Any] = field(default_factory=dict)
    twin_options: Mapping[str, Any] = field(default_factory=dict)
    driver: type[Any] | None = None
    members: Mapping[str, Callable[[Bench], tuple[Member, Any]]] = field(default_factory=dict)
    values: Mapping[str, Sequence[Value]] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.device.name

    def load_driver(self) -> type[Any]:
        """Return the driver class that is tried."""
        return self.driver or self.device.load_driver()


class Echo:
    """Something on the bus that acknowledges everything and answers one byte."""

    def __init__(self, byte: int) -> None:
        self._byte = byte

    def receive(self, data: bytes) -> None:
        """Take anything."""

    def send(self, length: int) -> bytes:
        """Give the same byte throughout."""
        return bytes([self._byte]) * length


class Bench:
    """A world with one zone, whose quantities are constants that `put` changes."""

    def __init__(self, seed: int = 1, ambient: Mapping[str, Value] | None = None) -> None:
        self.clock = VirtualClock()
        self.clock.sleep(1000.0)  # so that a time of 0 is never right by chance
        self.world = World(self.clock, seed, ambient)
        self.zone = self.world.zone()
        self.others: dict[str, InstrumentBench] = {}  # what members are borrowed from, by device

    def put(self, where: str, value: Value) -> None:
        """Let the zone have `value` at an address from now on."""
        self.world.changing()
        self.zone.bind(where, Constant(value))

    def fault(self, serial: str, kind: str) -> None:
        """Let something be wrong from now on."""
        self.world.add_fault(serial, Fault(kind, at_s=self.clock.now()))


class SensorBench(Bench):
    """A sensor in the zone, powered in the middle of its supply range, and its driver.

    A part on a bus is at the first of its addresses, one on a serial line behind `tap`; what a part
    puts out is read by meters without errors.
    """

    def __init__(
        self,
        case: Case,
        *,
        seed: int = 1,
        fault: str = "",
        supply_v: float | None = None,
        ambient: Mapping[str, Value] | None = None,
    ) -> None:
        super().__init__(seed, ambient)
        self.case = case
        driver = case.load_driver()
        low_v, high_v = driver.SUPPLY_V
        self.put("supply", (low_v + high_v) / 2 if supply_v is None else supply_v)
        if fault:
            self.fault(SERIAL, fault)
        self.place = Place(self.world, SERIAL)
        self.twin: Any = case.device.load_twin()(
            self.place, **{**case.options, **case.twin_options}
        )
        self.bus = MeteredI2cBus("bus0")
        self.address = case.device.addresses[0] if case.device.addresses else 0
        self.part: Any = self._make(driver)
        self.clock.sleep(1.0)

    def _make(self, driver: type[Any]) -> Any:
        options = {**self.case.options, **self.case.driver_options}
        if "i2c" in self.case.device.links:
            self.bus.attach(self.address, self.twin)
            return driver(self.bus, self.address, self.clock, **options)
        if "serial" in self.case.device.links:
            self.tap = TappedTwin(self.twin)
            return driver(InProcessLine(self.tap, driver.LINE, "line0"), self.clock, **options)
        return driver(self._meters(driver), self.clock, **options)

    @property
    def is_asked(self) -> bool:
        """Return whether the part is asked over a link, not read by meters."""
        return bool({"i2c", "serial"} & set(self.case.device.links))

    def answer_throughout(self, byte: int) -> None:
        """Have something instead of the part that takes everything and answers one byte."""
        if "i2c" in self.case.device.links:
            self.bus.detach(self.address)
            self.bus.attach(self.address, Echo(byte))
        else:
            self.tap.spoil = stranger(byte)

    def send(self, write: bytes, read_length: int) -> bytes:
        """Send bytes to the part, whatever they mean, and return what it answers.

        Raises TransportError where it does not.
        """
        if "i2c" in self.case.device.links:
            return self.bus.transfer(self.address, write, read_length)
        reply = self.tap.handle(write)
        if reply is None:
            raise LinkTimeout("it does not answer")
        return reply

    def note_sent(self) -> list[tuple[bytes, int]]:
        """Return a list that takes what is sent from now on, with the length read of it."""
        sent: list[tuple[bytes, int]] = []
        if "serial" in self.case.device.links:

            def noted(line: bytes, reply: bytes | None) -> bytes | None:
                sent.append((line, 0))
                return reply

            self.tap.spoil = noted
        original = self.bus.transfer

        def transfer(address: int, write: bytes, read_length: int = 0) -> bytes:
            sent.append((write, read_length))
            return original(address, write, read_length)

        self.bus.transfer = transfer  # type: ignore[method-assign]
        return sent

    def _meters(self, driver: type[Any]) -> dict[str, Meter]:
        supply = Meter("supply", VOLTAGE, self.place.supply_v)
        found = {"supply": supply}
        for name, signal in self.twin.signals.items():
            found[name] = Meter(name, VOLTAGE, signal)
        return {name: found[name] for name in driver.METERS}

    def sample(self) -> dict[str, float]:
        """Take one reading and return the values by channel."""
        self.clock.sleep(self.part.start())
        row = self.part.read().values[0]
        names = [channel.name for channel in self.part.CHANNELS]
        return dict(zip(names, map(float, row), strict=True))

    def truth(self, channel: Channel) -> float:
        """Return what the part feels of what a channel senses."""
        quantity = channel.quantity
        if quantity is None:
            raise ValueError(f"{channel.name} is a plain count")
        now = np.array([self.clock.now()])
        vectors: dict[str, Callable[..., Any]] = {
            "acceleration": self.place.acceleration,
            "angular_rate": self.place.angular_rate,
            "magnetic_field": self.place.magnetic_field,
        }
        if quantity.name in vectors:
            return float(vectors[quantity.name](now)[0][quantity.axes.index(channel.axis)])
        if quantity.name == "temperature":
            return self.place.temperature_c()
        if quantity.name == "humidity":
            return self.place.humidity_rh()
        where = f"{quantity.name}.{channel.port}" if channel.port else quantity.name
        return self.place.scalar(where) - self.measured_from(channel)

    def measured_from(self, channel: Channel) -> float:
        """Return the value that a channel calls 0: ambient, that of another port, or 0."""
        if channel.quantity is None or channel.relative_to in {"", "vacuum"}:
            return 0.0
        name = channel.quantity.name
        if channel.relative_to == "ambient":
            return components(self.world.ambient_of(name))[0]
        return self.place.scalar(f"{name}.{channel.relative_to}")


class Ideal:
    """A setpoint without errors that drives a field: what an instrument is made of."""

    def __init__(
        self, bench: Bench, name: str, quantity: Quantity, rest: Value, field: Field | None = None
    ) -> None:
        self._bench = bench
        self.field = Driven(field or Constant(rest))
        self._rest = rest
        low, high = -math.inf, math.inf
        self.member = Setpoint(
            name, quantity, lambda: self.field.at(bench.clock.now()), (low, high), None, None,
            self._go, self._release,
        )  # fmt: skip

    def _go(self, target: Value, rate: float | None, limit: float | None) -> Value:  # noqa: ARG002
        self._bench.world.changing()
        self.field.field = Constant(target)
        return target

    def _release(self) -> None:
        self._go(self._rest, None, None)


class InstrumentBench(Bench):
    """An instrument's twin and driver; what it drives is in the zone.

    `line` is None where it has no line; one of frames leads through `tap`. A person who is asked is
    the twin's.
    """

    def __init__(self, case: Case, *, seed: int = 1, fault: str = "") -> None:
        super().__init__(seed)
        self.case = case
        if fault:
            self.fault(SERIAL, fault)
        made = {name: make(self) for name, make in case.members.items()}
        members = {name: member for name, (member, _) in made.items()}
        fields = {name: behind for name, (_, behind) in made.items()}
        twin_options = {**case.options, **case.twin_options}
        twin = case.device.load_twin()
        self.twin: Any = (
            twin(self.world, SERIAL, fields, **twin_options)
            if "members" in case.device.links
            else twin(self.world, SERIAL, **twin_options)
        )
        driver, links = case.load_driver(), case.device.links
        self.line: RecordingLine | None = None
        if "serial" in links or "tcp" in links:
            self.tap = TappedTwin(self.twin)
            heard = self.twin if driver.LINE.write_terminator else self.tap
            self.line = RecordingLine(InProcessLine(heard, driver.LINE, case.device.name))
        first: tuple[Any, ...] = (members,) if "members" in links else ()
        if self.line is not None:
            first = (self.line,)
        elif "person" in links:
            first = (TwinOperator(self.twin),)
        options = {**case.options, **case.driver_options}
        self.driver: Any = driver(*first, self.clock, **options)
        for name, driven in self.drives.items():
            member = getattr(driver, name, None)
            if member is not None:
                self.zone.bind(member.quantity.name, driven)

    @property
    def drives(self) -> Mapping[str, Field]:
        """Return the field of each setpoint."""
        found: Mapping[str, Field] = getattr(self.twin, "drives", {})
        return found

    def member(self, name: str) -> Member:
        """Return a bound member of the driver."""
        found: Member = getattr(self.driver, name)
        return found

    def now_of(self, name: str) -> Value:
        """Return what a setpoint's field has now."""
        return self.drives[name].at(self.clock.now())

    def settle(self, name: str) -> None:
        """Let time pass until a setpoint's field stands still, or as long as a soak may take."""
        quantity = getattr(self.case.load_driver(), name).quantity
        still_s = self.drives[name].still_from(self.clock.now()) - self.clock.now()
        self.clock.sleep(still_s if still_s < math.inf else quantity.soak.timeout_s)
        self.clock.sleep(quantity.soak.for_s)


class TwinOperator:
    """The person at the bench, played by a twin of what is done by hand."""

    def __init__(self, twin: Any) -> None:
        self._twin = twin
        self.asked: list[Question] = []

    def ask(self, question: Question) -> str:
        """Return the twin's answer, or the first allowed one."""
        self.asked.append(question)
        answer: str | None = self._twin.answer(question)
        return answer if answer is not None else question.answers[0]


class RecordingLine:
    """A line that notes what is sent, frames in hexadecimal, and can spoil what comes back."""

    medium: Medium = "serial"

    def __init__(self, line: InProcessLine) -> None:
        self._line = line
        self.name = line.name
        self.provenance = line.provenance
        self.sent: list[str] = []
        self.spoil: Callable[[str], str] = lambda reply: reply

    def write(self, line: str) -> None:
        """Note and send a line that is not answered."""
        self.sent.append(line)
        self._line.write(line)

    def query(self, line: str, timeout_s: float | None = None) -> str:
        """Note and send a line, and return what is left of the reply."""
        self.sent.append(line)
        return self.spoil(self._line.query(line, timeout_s))

    def exchange(
        self, frame: bytes, length_of: FrameLength, timeout_s: float | None = None
    ) -> bytes:
        """Note and send a frame, and return the one that comes back."""
        self.sent.append(frame.hex())
        return self._line.exchange(frame, length_of, timeout_s)

    def close(self) -> None:
        """Give the line back."""
        self._line.close()


def vector_of(where: str, value: float) -> Value:
    """Return the value that has `value` along the axis an address names, 0 along the others.

    >>> vector_of("magnetic_field.y", 50.0), vector_of("pressure", 1e5)
    ((0.0, 50.0, 0.0), 100000.0)
    """
    found = address(where)
    if not found.axis:
        return value
    return tuple(value if axis == found.axis else 0.0 for axis in found.quantity.axes)
