"""The simulated P300's controller beside its control loops: time signals, refrigerator, requests.

Source: EspecNorthAmerica/ChamberConnectLibrary, p300.py and especinteract.py (refusals). The text
of ROM? is this twin's own. No program and no timer is stored, and none can be: writing them is
refused and noted. Product temperature control is not fitted.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sensorbench.core.clock import Clock
from sensorbench.instruments.espec_p300.twin_program import Refused

ALARM, STEP_DONE, STATE_CHANGE = 1, 2, 3
"""Places in the text of SRQ? and MASK?."""
_LENGTH = 8
_DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_RELAYS = 12
_REFRIGERATORS = {"REF0": "OFF", "REF1": "20", "REF3": "50", "REF6": "100", "REF9": "AUTO"}
_MASK = re.compile(r"0[01]{3}00[01]0")
_PLACE = r"R[AO]M:\d+"
_STORED = re.compile(rf"TIMER LIST\?,[012]|PRGM (?:USE|DATA|DATA PTC)\?,{_PLACE}(?:,[A-Z]+\d*)?")
_PTC = ("CONSTANT SET?,PTC", "TEMP PTC?", "SET PTC?", "PTC?", "MON PTC?")


class Controller:
    """What can be set and read without the air taking part.

    `cools` says whether the plant runs, `is_off` whether the controller is off. With
    `data_protected`, which only its panel can set, settings are refused; locked keys are the
    panel's matter alone.
    """

    def __init__(self, clock: Clock, cools: Callable[[], bool], is_off: Callable[[], bool]) -> None:
        self._clock, self._cools, self._is_off = clock, cools, is_off
        self.data_protected = self._keys_locked = False
        self._refrigerator, self._mask = "REF9", "0" * _LENGTH
        self._relays: set[int] = set()
        self._requests: set[int] = set()
        self.queries: dict[str, Callable[[], str]] = {
            "DATE?": self._date,
            "TIME?": lambda: self._clock.utc().strftime("%H:%M:%S"),
            "ROM?": lambda: "SIMULATED 1.00",
            "ROM?,DISP": lambda: "SIMULATED 1.00",
            "KEYPROTECT?": lambda: "ON" if self._keys_locked else "OFF",
            "SET?": lambda: self._refrigerator,
            "REF?": self._compressors,
            "CONSTANT SET?,REF": lambda: _REFRIGERATORS[self._refrigerator],
            "RELAY?": self._closed,
            "CONSTANT SET?,RELAY": self._closed,
            "SRQ?": self._asked,
            "MASK?": lambda: self._mask,
            "TIMER ON?": lambda: "0",
            "TIMER USE?": lambda: "0",
            "PRGM USE?,RAM": lambda: "0",
            "PRGM SET?": _not_running,
            "PRGM MON?": _not_running,
            "SYSTEM SET?,PTCOPT": lambda: "OFF",
            **dict.fromkeys(_PTC, not_fitted),
        }
        self.settings: dict[str, Callable[[str], None]] = {
            "SET,": self._set_refrigerator,
            "RELAY,": self._set_relays,
            "MASK,": self._set_mask,
            "SRQ,": self._reset_requests,
            "KEYPROTECT,": self._lock_keys,
        }

    def request(self, reason: int) -> None:
        """Ask for service, until SRQ,RESET: ALARM, STEP_DONE or STATE_CHANGE."""
        self._requests.add(reason)

    def stored(self, command: str) -> bool:
        """Return whether a command asks for a program or a timer by its number: there is none."""
        return _STORED.fullmatch(command) is not None

    def _date(self) -> str:
        today = self._clock.utc()
        return f"{today:%y.%m/%d}. {_DAYS[today.weekday()]}"

    def _asked(self) -> str:
        return "".join("1" if place in self._requests else "0" for place in range(_LENGTH))

    def _closed(self) -> str:
        return ",".join(map(str, (len(self._relays), *sorted(self._relays))))

    def _compressors(self) -> str:
        """Return the count, then the high stage and the low stage."""
        on = "ON" if self._cools() and self._refrigerator != "REF0" else "OFF"
        return f"2,{on}1,{on}2"

    def _set_refrigerator(self, value: str) -> None:
        if value not in _REFRIGERATORS:
            raise Refused("PARA ERR")
        self._refrigerator = value

    def relays_shown(self) -> str:
        """Return what RUN PRGM? says of the time signals, "" where all are off."""
        on = ",".join(map(str, sorted(self._relays)))
        return f" RELAYON,{on}" if on else ""

    def switch(self, relays: tuple[str, str]) -> None:
        """Switch time signals as a remote program says: numbers on, numbers off, "" for none."""
        for state, numbers in zip(("ON", "OFF"), relays, strict=True):
            if numbers:
                self._set_relays(f"{state},{numbers}")

    def _set_relays(self, value: str) -> None:
        state, *numbers = value.split(",")
        if state not in {"ON", "OFF"} or not numbers or not all(n.isdecimal() for n in numbers):
            raise Refused("PARA ERR")
        named = {int(number) for number in numbers}
        if not named <= set(range(1, _RELAYS + 1)):
            raise Refused("DATA OUT OF RANGE")
        self._relays = self._relays | named if state == "ON" else self._relays - named

    def _set_mask(self, value: str) -> None:
        if not _MASK.fullmatch(value):
            raise Refused("PARA ERR")
        self._mask = value

    def _reset_requests(self, value: str) -> None:
        if value != "RESET":
            raise Refused("PARA ERR")
        self._requests.clear()

    def _lock_keys(self, value: str) -> None:
        if value.upper() not in {"ON", "OFF"}:
            raise Refused("PARA ERR")
        if self._is_off():
            raise Refused("CONT NOT READY-4")
        self._keys_locked = value.upper() == "ON"


def not_fitted() -> str:
    """Refuse what this chamber has not."""
    raise Refused("CONT NOT READY-1")


def _not_running() -> str:
    raise Refused("CONT NOT READY-2")
