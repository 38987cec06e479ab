"""What a simulated SCD4x keeps: settings in volatile memory, and what outlives a power cycle."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from sensorbench.world.world import Place


@dataclass
class Settings:
    """Words as the part has them, with the values of the factory (scd4x_i2c.h)."""

    offset: int = 1498  # 4 K
    altitude_m: int = 0
    self_calibrates: int = 1
    target_ppm: int = 400
    initial_h: int = 44
    standard_h: int = 156


class Memory:
    """The EEPROM: persisted settings, the correction of a forced recalibration, and its wear."""

    def __init__(self, place: Place) -> None:
        self._place = place
        kept = json.loads(place.recall("scd4x eeprom") or "{}")
        self._settings: dict[str, int] = kept.get("settings", {})
        self.correction_ppm: int = kept.get("correction_ppm", 0)
        self.wearing_acts: dict[str, int] = kept.get("wearing_acts", {})

    def load(self) -> Settings:
        """Return the settings as they were persisted, or as the factory made them."""
        return Settings(**self._settings)

    def persist(self, settings: Settings) -> None:
        """Keep the settings."""
        self._settings = asdict(settings)
        self._wear("persist settings")

    def recalibrate(self, correction_ppm: int) -> None:
        """Keep a correction of CO2."""
        self.correction_ppm = correction_ppm
        self._wear("forced recalibration")

    def erase(self) -> None:
        """Go back to what the factory made."""
        self._settings, self.correction_ppm = {}, 0
        self._wear("factory reset")

    def _wear(self, what: str) -> None:
        self.wearing_acts[what] = self.wearing_acts.get(what, 0) + 1
        kept = {
            "settings": self._settings,
            "correction_ppm": self.correction_ppm,
            "wearing_acts": self.wearing_acts,
        }
        self._place.remember("scd4x eeprom", json.dumps(kept))
