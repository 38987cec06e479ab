"""The simulated ATS-545's set points and settings, in its active setup and in twelve files.

Source: the ATS-545's manual as PyMeasure 0.16 has it (commands, ranges, twelve setup files, cycles
1 to 9999). Not confirmed: that a file which was never written leaves the active setup as it is;
counts after power-up. Not modelled: cycling and learning; they are noted.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from sensorbench.protocols.scpi_device import ScpiSpeaker, scpi
from sensorbench.protocols.scpi_parameters import Limit, Number, bounded

NO_RAMP = 9999.0
_FILES, _MOST_CYCLES = 12, 9999


@dataclass(slots=True)
class Setup:
    """What a setup file holds; lists are hot, ambient, cold."""

    limits: list[float] = field(default_factory=lambda: [-80.0, 225.0])
    selected: int = 1
    set_points_c: list[float] = field(default_factory=lambda: [125.0, 25.0, -40.0])
    ramps: list[float] = field(default_factory=lambda: [NO_RAMP] * 3)
    windows: list[float] = field(default_factory=lambda: [1.0] * 3)
    soaks: list[float] = field(default_factory=lambda: [30.0] * 3)
    test_s: float = 1000.0
    dut_type: int = 0
    dut_constant: float = 100.0
    dut_difference: float = 50.0
    dut_mode: int = 0
    cycles: int = 1


class Settings(ScpiSpeaker):
    """Set points, windows, limits, DUT, files. `flow` is whether air comes."""

    flow = False
    learns = False

    def _begin_settings(self) -> None:
        self.setup = Setup()
        self._setup_files: dict[int, Setup] = {}

    def _act(self) -> None:
        """Let the air do what is set now."""
        raise NotImplementedError

    def _act_in_flow(self) -> None:
        if self.flow:
            self._act()

    # -- files, cycles, learning -----------------------------------------------------------

    @scpi("CFIL", Number())
    def _copy_setup(self, which: float | Limit) -> None:
        self._setup_files[round(bounded(which, 1, _FILES, 1))] = copy.deepcopy(self.setup)

    @scpi("SFIL", Number())
    def _load_setup(self, which: float | Limit) -> None:
        held = self._setup_files.get(round(bounded(which, 0, _FILES, 0)))
        if held is not None:
            self.setup = copy.deepcopy(held)
            self._act_in_flow()

    @scpi("CYCC", Number())
    def _set_cycles(self, count: float | Limit) -> None:
        self.setup.cycles = round(bounded(count, 1, _MOST_CYCLES, 1))

    @scpi("CYCC?")
    def _cycles(self) -> str:
        return str(self.setup.cycles)

    @scpi("CYCL", Number())
    def _cycle(self, on: float | Limit) -> None:
        if bounded(on, 0, 1, 0):
            raise self.not_modelled("CYCL 1")

    @scpi("CYCL?")
    def _cycles_to_do(self) -> str:
        return "0"

    @scpi("LRNM", Number())
    def _set_learning(self, on: float | Limit) -> None:
        self.learns = bool(bounded(on, 0, 1, 0))
        if self.learns:
            self.not_modelled("LRNM 1: nothing is learnt")

    @scpi("LRNM?")
    def _is_learning(self) -> str:
        return str(int(self.learns))

    # -- set points -------------------------------------------------------------------------

    @scpi("SETN", Number())
    def _select(self, which: float | Limit) -> None:
        self.setup.selected = round(bounded(which, 0, 2, 0))
        self._act_in_flow()

    @scpi("SETN?")
    def _selected(self) -> str:
        return str(self.setup.selected)

    @scpi("SETP", Number())
    def _set_set_point(self, celsius: float | Limit) -> None:
        self.setup.set_points_c[self.setup.selected] = round(
            bounded(celsius, self.setup.limits[0], self.setup.limits[1], 25.0), 1
        )
        self._act_in_flow()

    @scpi("SETP?")
    def _set_point(self) -> str:
        return f"{self.setup.set_points_c[self.setup.selected]:z.1f}"

    @scpi("RAMP", Number())
    def _set_ramp(self, rate: float | Limit) -> None:
        self.setup.ramps[self.setup.selected] = bounded(rate, 0, NO_RAMP, NO_RAMP)
        self._act_in_flow()

    @scpi("RAMP?")
    def _ramp(self) -> str:
        return f"{self.setup.ramps[self.setup.selected]:g}"

    @scpi("WNDW", Number())
    def _set_window(self, window: float | Limit) -> None:
        self.setup.windows[self.setup.selected] = bounded(window, 0.1, 9.9, 1.0)

    @scpi("WNDW?")
    def _window(self) -> str:
        return f"{self.setup.windows[self.setup.selected]:.1f}"

    @scpi("SOAK", Number())
    def _set_soak(self, soak: float | Limit) -> None:
        self.setup.soaks[self.setup.selected] = bounded(soak, 0, 9999, 30)

    @scpi("SOAK?")
    def _soak(self) -> str:
        return f"{self.setup.soaks[self.setup.selected]:.0f}"

    @scpi("LLIM", Number())
    def _set_low(self, low: float | Limit) -> None:
        self.setup.limits[0] = bounded(low, -99.0, 25.0, -80.0)

    @scpi("LLIM?")
    def _low(self) -> str:
        return f"{self.setup.limits[0]:g}"

    @scpi("ULIM", Number())
    def _set_high(self, high: float | Limit) -> None:
        self.setup.limits[1] = bounded(high, 25.0, 225.0, 225.0)

    @scpi("ULIM?")
    def _high(self) -> str:
        return f"{self.setup.limits[1]:g}"

    @scpi("TTIM", Number())
    def _set_test_time(self, seconds: float | Limit) -> None:
        self.setup.test_s = bounded(seconds, 0, 9999, 1000)

    @scpi("TTIM?")
    def _test_time(self) -> str:
        return f"{self.setup.test_s:.0f}"

    @scpi("ADMD", Number())
    def _set_difference(self, kelvin: float | Limit) -> None:
        self.setup.dut_difference = bounded(kelvin, 10, 300, 50)

    @scpi("ADMD?")
    def _difference(self) -> str:
        return f"{self.setup.dut_difference:.0f}"

    @scpi("DSNS", Number())
    def _set_dut_type(self, kind: float | Limit) -> None:
        self.setup.dut_type = round(bounded(kind, 0, 2, 0))

    @scpi("DSNS?")
    def _dut_type(self) -> str:
        return str(self.setup.dut_type)

    @scpi("DUTC", Number())
    def _set_dut_constant(self, constant: float | Limit) -> None:
        self.setup.dut_constant = bounded(constant, 20, 500, 100)

    @scpi("DUTC?")
    def _dut_constant(self) -> str:
        return f"{self.setup.dut_constant:.0f}"

    @scpi("DUTM", Number())
    def _set_dut_mode(self, on: float | Limit) -> None:
        self.setup.dut_mode = round(bounded(on, 0, 1, 0))
        if self.setup.dut_mode:
            self.not_modelled("DUTM 1: the air is controlled all the same")

    @scpi("DUTM?")
    def _dut_mode(self) -> str:
        return str(self.setup.dut_mode)
