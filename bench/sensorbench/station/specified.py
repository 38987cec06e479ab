"""The uncertainty of a reference by its maker's specification, where no certificate states one."""

from __future__ import annotations

from sensorbench.instruments.members import meter, setpoint
from sensorbench.instruments.specification import Specification
from sensorbench.station.model import InstrumentEntry
from sensorbench.station.refs import Ref

BY_SPECIFICATION = "specification"
Ends = tuple[float | None, float | None]


def specification_of(reference: Ref) -> Specification | None:
    """Return what a member's maker specifies, None where its driver does not say."""
    found = getattr(reference.declared, "accuracy", None)
    return found if isinstance(found, Specification) else None


def by_specification(entry: InstrumentEntry, reference: Ref, ends: Ends) -> float:
    """Return the expanded uncertainty (k = 2) of the worst reading between the bench's `ends`.

    It holds to the day that the calibration is due. Raises ValueError with what lacks, or where the
    specification does not reach so far.
    """
    specification = specification_of(reference)
    if specification is None:
        raise ValueError(
            f"the driver of {reference} knows no specification: state the uncertainty of its "
            "certificate"
        )
    if entry.calibrated is None or entry.calibration_due is None:
        raise ValueError(
            f"a specification depends on the time since calibration: say when {reference} was "
            "calibrated (calibrated) and until when that holds (calibration_due)"
        )
    days = (entry.calibration_due - entry.calibrated).days
    if days < 0:
        raise ValueError("calibration_due is before calibrated")
    assert isinstance(reference.declared, meter | setpoint)  # noqa: S101 - it has a specification
    least, most = reference.declared.rated
    low, high = (
        rated if end is None else end for end, rated in zip(ends, (least, most), strict=True)
    )
    found = specification.expanded(low, high, days)
    if found is None:
        unit = reference.declared.quantity.unit
        raise ValueError(
            f"the specification of {reference} does not reach {low:g} to {high:g} {unit} for "
            f"{days} d: it is {specification.told(unit)}"
        )
    return found
