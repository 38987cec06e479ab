"""Codes of reasons, with the names of their values. Words for each are in reports/words/.

A code is never used for anything else later; a new meaning gets a new code.
"""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, tuple[str, ...]] = {
    # A value that is known and outside its limits.
    "outside": ("measure", "value", "low", "high", "unit", "drift"),
    "not_equal": ("measure",),
    # Values that are not known.
    "device": ("error", "detail", "socket"),
    "no_value": ("channel",),
    "not_calibrated": ("channel",),
    "samples_lost": ("point",),
    "saturated": ("point",),
    "rate_unknown": ("point",),
    "too_few": ("needed", "there"),
    "not_finite": ("channel",),
    "no_step": ("channel",),
    "measure_failed": ("measure", "error"),
    # Conditions that are not known, or were not kept.
    "not_settled": ("address", "target", "within", "timeout_s"),
    "no_reference": ("address",),
    "meters_disagree": ("address", "apart", "agree"),
    "moved_since": ("address", "apart", "within"),
    "reference_unsteady": ("address", "apart", "within"),
    "overstressed": ("address", "value", "low", "high", "meter"),
    "reference_expired": ("instrument", "due"),
    "not_served": ("served_s", "asked_s"),
    "cycles_missing": ("done", "asked"),
    "dwell_short": ("cycles",),
    "window_missed": ("took_s", "within_s"),
    "back_late": ("took_s", "within_s"),
    "readouts_missing": ("missing", "planned", "first"),
    "not_attached": ("point",),
    # What was done to the unit, or not.
    "not_read": (),
    "dropped": ("gate",),
    "left_out": (),
    "not_written": ("detail",),
    "not_fitted": ("quantity",),
    "no_room": ("quantity", "bits"),
    "outside_laboratory": ("result",),
    # What holds for the whole run.
    "not_ended": (),
    "ended_early": ("state", "why"),
    "parked": ("until",),
    "stopped_by_gate": ("gate", "share", "required", "why"),
    "nothing_answered": ("units", "silent_s"),
    "nothing_calibrated": ("units",),
    "evidence_damaged": ("finding",),
    "evidence_incomplete": ("finding",),
}
"""Every code, and the values that come with it."""

GENERAL: Mapping[str, str] = {"not_calibrated": "no_value", "no_step": "no_value"}
"""What was said before a code that says more of the same: both are the same result."""

FOLLOWING = frozenset({"readouts_missing", "not_served", "cycles_missing"})
"""Codes of what did not come to pass: where anything else went wrong, that was why."""
