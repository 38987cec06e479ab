"""The runner: carries out a schedule on a station, into evidence."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from sensorbench.assessment.calibration import fit_lot
from sensorbench.assessment.readings import (
    DUTS,
    LOG,
    LOG_COLUMNS,
    REFERENCE_COLUMNS,
    REFERENCES,
    ROW_HEAD,
    RunData,
)
from sensorbench.core.clock import Clock
from sensorbench.core.errors import BenchError, ProtocolError
from sensorbench.evidence.run import RunReader, RunWriter
from sensorbench.profiles.schedule import (
    Action,
    Dwell,
    Readout,
    Schedule,
    SetPressure,
    SetSupply,
    SetTemperature,
    Step,
    Vent,
    WriteCalibration,
)
from sensorbench.run.bench import Bench
from sensorbench.run.duts import Dut, Duts, Sweep
from sensorbench.run.progress import Progress, Status
from sensorbench.safety.guards import arm
from sensorbench.station.roles import ROLES
from sensorbench.station.station import Station
from sensorbench.station.workspace import Job


class Runner:
    """One run. `execute` returns when the schedule is done, or raises what stopped it."""

    def __init__(
        self,
        job: Job,
        schedule: Schedule,
        station: Station,
        evidence: RunWriter,
        progress: Progress,
    ) -> None:
        self._job = job
        self._schedule = schedule
        self._station = station
        self._clock: Clock = station.clock
        self._evidence = evidence
        self._progress = progress
        self._duts = Duts(station, job.lot, job.part)
        self._bench = Bench(station, evidence, job.profile.log_interval, self._report)
        self._number = 0
        self._step_started_s = 0.0
        self._powered = False

    def execute(self) -> None:
        """Carry out every step. Raises BenchError where an instrument failed, SafetyStop."""
        self._introduce()
        self._bench.start_log()
        for number, step in enumerate(self._schedule.steps):
            self._number, self._step_started_s = number, self._clock.now()
            self._evidence.append(
                "step", {"step": number, "do": type(step.action).__name__, **asdict(step.action)}
            )
            self._bench.serve()
            self._report()
            self._act(step.action)
            self._evidence.commit_soon()

    def _act(self, action: Action) -> None:
        match action:
            case SetSupply():
                self._bench.set_supply(action)
                self._power(action.voltage_v > 0)
            case SetTemperature():
                self._bench.set_temperature(action)
            case SetPressure():
                self._bench.set_pressure(action)
            case Vent():
                self._bench.vent()
            case Readout():
                self._read(action)
            case WriteCalibration():
                self._calibrate(action)
            case Dwell():
                self._dwell(action)

    # -- what is there ---------------------------------------------------------------------

    def _introduce(self) -> None:
        """Put on record which instruments and streams the run has."""
        for instrument in self._station.instruments:
            entry = instrument.entry
            self._evidence.append(
                "instrument",
                {
                    "name": instrument.name,
                    "role": entry.role,
                    "model": entry.model,
                    "identity": asdict(instrument.identity),
                    "serial": instrument.identity.serial or entry.serial,
                    "certificate": entry.certificate,
                    "calibration_due": entry.calibration_due and entry.calibration_due.isoformat(),
                    "is_reference": ROLES[entry.role].is_reference,
                    "provenance": instrument.provenance.value,
                },
            )
        channels = tuple((channel.name, channel.unit) for channel in self._duts.channels)
        self._evidence.declare(DUTS, ROW_HEAD + channels)
        self._evidence.declare(REFERENCES, REFERENCE_COLUMNS)
        self._evidence.declare(LOG, LOG_COLUMNS)
        self._evidence.append("armed", arm(self._station))
        self._evidence.commit()

    def _power(self, on: bool) -> None:
        """After the supply came up, find out what sits in the sockets."""
        came_up, self._powered = on and not self._powered, on
        if not came_up:
            return
        self._duts.connect()
        for dut in self._duts.all:
            self._evidence.append(
                "unit",
                {
                    "serial": dut.unit.serial,
                    "socket": dut.unit.socket,
                    "identity": asdict(dut.identity) if dut.identity else None,
                    "problem": dut.problem,
                },
            )

    # -- readouts --------------------------------------------------------------------------

    def _read(self, action: Readout) -> None:
        whole = Sweep()
        references = []
        for number in range(action.samples):
            if number:
                self._bench.wait(action.interval_s)
            references.append((self._clock.now(), float(number), *self._bench.references()))
            sweep = self._duts.sweep(number)
            whole.rows += sweep.rows
            whole.problems |= sweep.problems
        self._evidence.append(
            "readout",
            {
                "asked": asdict(action),
                "problems": whole.problems,
                "unsettled": sorted(self._bench.unsettled.values()),
                "retries": self._retries(),
            },
            {DUTS: self._duts.as_rows(whole), REFERENCES: np.array(references)},
        )
        answered = len(self._duts.all) - len(whole.problems)
        self._bench.values["units"] = f"{answered} of {len(self._duts.all)} answer"

    def _retries(self) -> dict[str, int]:
        counts = {dut.unit.serial: dut.retries for dut in self._duts.all if dut.retries}
        for dut in self._duts.all:
            dut.retries = 0
        return counts

    # -- calibration -----------------------------------------------------------------------

    def _calibrate(self, action: WriteCalibration) -> None:
        """Fit from the evidence itself, so that whoever verifies it fits the same numbers."""
        formats = getattr(self._duts.all[0].sensor, "CALIBRATION", ())
        if not formats:
            name = self._job.part.part.name
            raise ProtocolError(f"{name} has no memory for coefficients; use a check profile")
        self._evidence.commit()
        fit = fit_lot(RunData(RunReader(self._evidence.root)), action.fit, formats)
        units: dict[str, dict[str, Any]] = {
            serial: {"problem": problem} for serial, problem in fit.problems.items()
        }

        def write(dut: Dut) -> None:
            serial = dut.unit.serial
            if serial in fit.problems:
                return
            words = fit.stored[dut.index].tolist()
            record: dict[str, Any] = {"written": words, "read_back": None}
            units[serial] = record
            sensor: Any = dut.sensor
            try:
                sensor.write_coefficients(words)
                record["read_back"] = list(sensor.read_coefficients())
                if action.lock and record["read_back"] == words:
                    sensor.lock()
            except BenchError as error:
                record["problem"] = f"socket {dut.unit.socket}: {error}"

        self._duts.each(write)
        self._evidence.append(
            "calibration",
            {
                "fit": action.fit,
                "formats": [asdict(form) for form in formats],
                "units": {serial: units[serial] for serial in sorted(units)},
                "condition": {
                    quantity: [
                        round(float(c), 1) if math.isfinite(c) else None for c in f.condition
                    ]
                    for quantity, f in fit.fits.items()
                },
            },
        )
        self._evidence.commit()

    # -- stress ----------------------------------------------------------------------------

    def _dwell(self, action: Dwell) -> None:
        start_s = self._clock.now()
        end_s = start_s + action.duration_s
        self._bench.log()
        while self._clock.now() < end_s - 1e-6:
            self._bench.wait(min(action.dut_interval_s, end_s - self._clock.now()))
            sweep = self._duts.sweep(0)
            self._evidence.append(
                "dut_monitor", {"problems": sweep.problems}, {DUTS: self._duts.as_rows(sweep)}
            )
        self._bench.log()
        # The log right before and after marks the ends of the stress.
        self._evidence.append(
            "dwell",
            {
                "phase": action.phase,
                "from_h": action.from_h,
                "to_h": action.to_h,
                "start_s": start_s,
                "end_s": self._clock.now(),
            },
        )

    def _report(self) -> None:
        step = self._schedule.steps[self._number]
        in_step_s = min(self._clock.now() - self._step_started_s, step.duration_s)
        left_s = self._schedule.duration_s - step.start_s - in_step_s
        doing = describe(step)
        self._progress.show(
            Status(self._number, len(self._schedule.steps), doing, left_s, dict(self._bench.values))
        )


def describe(step: Step) -> str:
    """Return what a step does, in words."""
    match step.action:
        case SetSupply(voltage_v=0.0):
            return "supply off"
        case SetSupply() as action:
            return f"supply to {action.voltage_v:g} V"
        case SetTemperature() as action:
            return f"chamber to {action.target_c:g} degC and soak"
        case SetPressure() as action:
            return f"pressure to {action.target_pa / 1e3:g} kPa"
        case Vent():
            return "vent the pressure line"
        case Readout(condition=str()) as action:
            return f"test at {action.hours:g} h, {action.condition}"
        case Readout() as action:
            return f"{action.phase}: read all units"
        case WriteCalibration():
            return "fit, write and read back coefficients"
        case Dwell() as action:
            return f"{action.phase}: stress from {action.from_h:g} h to {action.to_h:g} h"
