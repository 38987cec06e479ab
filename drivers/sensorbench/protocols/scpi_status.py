"""Status of a simulated SCPI instrument: event registers and the error queue.

Source: IEEE 488.2 section 11 (registers) and SCPI-99 volume 2, 21.8 (error queue), as recalled.
"""

from __future__ import annotations

from collections import deque

ERROR_TEXTS = {
    0: "No error",
    -101: "Invalid character",
    -102: "Syntax error",
    -104: "Data type error",
    -108: "Parameter not allowed",
    -109: "Missing parameter",
    -112: "Program mnemonic too long",
    -113: "Undefined header",
    -114: "Header suffix out of range",
    -123: "Exponent too large",
    -124: "Too many digits",
    -131: "Invalid suffix",
    -138: "Suffix not allowed",
    -151: "Invalid string data",
    -211: "Trigger ignored",
    -213: "Init ignored",
    -214: "Trigger deadlock",
    -221: "Settings conflict",
    -222: "Data out of range",
    -224: "Illegal parameter value",
    -230: "Data corrupt or stale",
    -310: "System error",
    -350: "Queue overflow",
    -363: "Input buffer overrun",
    -410: "Query INTERRUPTED",
    -420: "Query UNTERMINATED",
}
POWER_ON, OPERATION_COMPLETE = 128, 1
EXECUTION_ERROR = 16
_COMMAND_ERROR, _DEVICE_ERROR, _QUERY_ERROR = 32, 8, 4


class ScpiError(Exception):
    """What a twin raises to refuse a command: it lands in the error queue under its code."""

    def __init__(self, code: int, text: str | None = None) -> None:
        self.code = code
        self.text = ERROR_TEXTS[code] if text is None else text
        super().__init__(f"{code} {self.text}")


def event_bit(code: int) -> int:
    """Return the bit of the standard event register that an error of this code sets."""
    if -199 <= code <= -100:
        return _COMMAND_ERROR
    if -299 <= code <= -200:
        return EXECUTION_ERROR
    if -499 <= code <= -400:
        return _QUERY_ERROR
    return _DEVICE_ERROR


class EventRegister:
    """Condition, event and enable of one SCPI register; an event is a condition that came up."""

    def __init__(self) -> None:
        self.condition = self.event = self.enable = 0

    def update(self, condition: int) -> None:
        """Take a new condition; bits that rise are latched as events."""
        self.event |= condition & ~self.condition
        self.condition = condition

    def read_event(self) -> int:
        """Return the events and clear them."""
        event, self.event = self.event, 0
        return event

    @property
    def summary(self) -> bool:
        """Return whether an enabled event is latched."""
        return bool(self.event & self.enable)


class Status:
    """Standard event register, status byte and error queue of `capacity` entries."""

    def __init__(self, capacity: int) -> None:
        self._errors: deque[tuple[int, str]] = deque()
        self._capacity = capacity
        self.events = POWER_ON
        self.event_enable = self.request_enable = 0
        self.operation, self.questionable = EventRegister(), EventRegister()

    def push(self, code: int, text: str) -> None:
        """Queue an error. In a full queue the newest entry gives way to -350."""
        self.events |= event_bit(code)
        if len(self._errors) < self._capacity:
            self._errors.append((code, text))
        else:
            self._errors[-1] = (-350, ERROR_TEXTS[-350])
            self.events |= event_bit(-350)

    def pop(self) -> tuple[int, str]:
        """Remove and return the oldest error, or code 0."""
        return self._errors.popleft() if self._errors else (0, ERROR_TEXTS[0])

    def read_events(self) -> int:
        """Return the standard event register and clear it."""
        events, self.events = self.events, 0
        return events

    def clear(self) -> None:
        """Do *CLS: events and errors go, enable registers stay."""
        self.events = self.operation.event = self.questionable.event = 0
        self._errors.clear()

    def status_byte(self, message_available: bool) -> int:
        """Return the status byte as *STB? gives it, with the master summary in bit 6."""
        byte = (
            4 * bool(self._errors)
            | 8 * self.questionable.summary
            | 16 * message_available
            | 32 * bool(self.events & self.event_enable)
            | 128 * self.operation.summary
        )
        return byte | 64 * bool(byte & self.request_enable)
