"""What drives the simulated world where no instrument does: rows of [[simulation.field]]."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, InstanceOf

from sensorbench.core.documents import Document, Duration, Frequency
from sensorbench.station.recordings import Recording

HIGHEST_HZ = 20e3


class FieldTable(Document):
    """A field of one address in one zone.

    `where` is quantity[.port][.axis]; with an axis, the others have none of it. `lag` is the
    first-order time constant of the place. `sockets` is how much more a part in a socket feels.
    """

    where: str
    zone: str = ""
    lag: Duration = Field(default=0.0, ge=0)
    sockets: dict[str, Any] = Field(default_factory=dict)


class ConstantField(FieldTable):
    """A value; with `lag` the place goes there from what is ambient."""

    kind: Literal["constant"]
    value: Any


class StepsField(FieldTable):
    """Values from times on, counted from the start; ambient before the first."""

    kind: Literal["steps"]
    times: tuple[Duration, ...] = Field(min_length=1)
    values: tuple[Any, ...] = Field(min_length=1)


class SineField(FieldTable):
    """A sine about `offset`, or about what is there without it: ambient, or gravity."""

    kind: Literal["sine"]
    amplitude: Any
    frequency: Frequency = Field(gt=0, le=HIGHEST_HZ)
    offset: Any = None


class RandomField(FieldTable):
    """Random vibration: a one-sided density `psd` ("0.01 g^2/Hz"), flat from `low` to `high`."""

    kind: Literal["random"]
    psd: str
    low: Frequency = Field(ge=0, le=HIGHEST_HZ)
    high: Frequency = Field(gt=0, le=HIGHEST_HZ)
    offset: Any = None


class RotationField(FieldTable):
    """A part that turns evenly about the axis of its own that `where` names."""

    kind: Literal["rotation"]
    rate: Any


class RecordingField(FieldTable):
    """A file of times in s and values in `unit`, relative to station.toml.

    `ends` is what comes after its last point. `sha256` is the file's, checked where it is given.
    """

    kind: Literal["recording"]
    file: str
    unit: str
    ends: Literal["hold", "repeat"] = "hold"
    sha256: str = ""
    recording: InstanceOf[Recording] | None = Field(default=None, exclude=True, repr=False)


SimulatedField = Annotated[
    ConstantField | StepsField | SineField | RandomField | RotationField | RecordingField,
    Field(discriminator="kind"),
]
