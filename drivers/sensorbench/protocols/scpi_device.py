"""A simulated SCPI instrument: subclasses declare what they understand, this is how it is heard.

    class SimThing(ScpiDevice):
        IDENTITY = "Maker,Thing,{serial},1.0"

        @scpi("[:SOURce]:VOLTage[:LEVel]", Number("V"))
        def _set_voltage(self, value: float | Limit) -> None: ...

        @scpi("[:SOURce]:VOLTage[:LEVel]?")
        def _get_voltage(self) -> str: ...

A handler gets what its declaration binds, the numeric suffixes of its header, then its
parameters; a query's handler returns the reply. It raises ScpiError to refuse. What isn't declared
is refused with -113 and goes on the record of what the twin does not model; so does a value that
the instrument would take, which a handler refuses by raising `self.not_modelled(...)`. Two faults
are the same in all of them: "silent" answers nothing, "identity" is another model of the family
(`SIBLING`) where this one should be.
Source: IEEE 488.2 sections 6, 7, 10, 11 and SCPI-99 volume 1, section 6, as recalled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

from sensorbench.protocols.scpi_headers import HeaderTree
from sensorbench.protocols.scpi_parameters import (
    Limit,
    NotModelled,
    Number,
    Parameter,
    bounded,
    parse_parameters,
    split_outside,
)
from sensorbench.protocols.scpi_status import (
    ERROR_TEXTS,
    EXECUTION_ERROR,
    OPERATION_COMPLETE,
    ScpiError,
    Status,
    event_bit,
)

F = TypeVar("F", bound=Callable[..., "str | None"])
_HEADER = re.compile(r"(\*[A-Z]+|:?[A-Z]\w*(?::[A-Z]\w*)*)(\??)", re.IGNORECASE)
_REMEMBERED_LINES = 4096


@dataclass(frozen=True, slots=True)
class _Declaration:
    """A pattern, and how the function it stands for is called."""

    pattern: str
    function: Callable[..., str | None]
    parameters: tuple[Parameter, ...]
    bound: tuple[object, ...]


class Record(Protocol):
    """Where a twin notes what it was asked for and does not model (`World.beyond_of`)."""

    def note(self, access: str) -> None: ...


class _Step(NamedTuple):
    """One unit of a message, ready to run."""

    function: Callable[..., str | None]
    values: tuple[object, ...]
    header: str


def scpi(pattern: str, *parameters: Parameter, bound: tuple[object, ...] = ()) -> Callable[[F], F]:
    """Declare a method to be what carries out `pattern`; a query's pattern ends with `?`.

    Several patterns may stand above one method; `bound` are its first arguments for this one.
    """

    def mark(function: F) -> F:
        declaration = _Declaration(pattern, function, parameters, bound)
        earlier = getattr(function, "_scpi", ())
        function._scpi = (*earlier, declaration)  # type: ignore[attr-defined]
        return function

    return mark


class ScpiSpeaker:
    """The line of an instrument that speaks SCPI headers: a `LineTwin`. It knows *IDN? alone."""

    IDENTITY: ClassVar[str]
    SIBLING: ClassVar[tuple[str, str]] = ("", "")
    """What of IDENTITY stands otherwise in a sibling's, and how."""
    ERROR_FORMAT: ClassVar[str] = '{code:+d},"{text}"'
    ERROR_CAPACITY: ClassVar[int] = 20
    VERSION: ClassVar[str] = "1999.0"

    terminators: tuple[bytes, ...] = (b"\r\n", b"\n")
    reply_terminator: bytes = b"\n"
    sessions: int = 1
    linger_s: float = 0.0

    _commands: ClassVar[HeaderTree[_Declaration]]
    _queries: ClassVar[HeaderTree[_Declaration]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._commands, cls._queries = HeaderTree(), HeaderTree()
        for name in dir(cls):
            declarations: tuple[_Declaration, ...] = getattr(getattr(cls, name), "_scpi", ())
            for declaration in declarations:
                is_query = declaration.pattern.endswith("?")
                tree = cls._queries if is_query else cls._commands
                tree.add(declaration.pattern.removesuffix("?"), declaration)

    def __init__(
        self,
        serial: str,
        *,
        fault: Callable[[], str] = str,
        beyond: Record | None = None,
        echo_headers: bool = False,
    ) -> None:
        self.serial = serial
        self.identity = self.IDENTITY.format(serial=serial)
        self.fault = fault
        self._has = ""  # the fault when the present message came
        self.status = Status(self.ERROR_CAPACITY)
        self._record, self._echo_headers = beyond, echo_headers
        self._replies: list[str] = []
        self._programs: dict[bytes, tuple[_Step, ...]] = {}

    def reset(self) -> None:
        """Take the settings that *RST gives; errors and status registers are not settings."""

    def inject_error(self, code: int, text: str) -> None:
        """Put an error into the queue as if the instrument had met it."""
        self.status.push(code, text)

    def input_overrun(self) -> None:
        """Take that a message was lost, as it was longer than the input buffer (SCPI-99, 21.8)."""
        if self.fault() != "silent":
            self.status.push(-363, ERROR_TEXTS[-363])

    @classmethod
    def understood(cls) -> tuple[str, ...]:
        """Return the pattern of every command and query, sorted, a query's with its `?`."""
        names = (getattr(getattr(cls, name), "_scpi", ()) for name in dir(cls))
        return tuple(sorted({found.pattern for declared in names for found in declared}))

    def not_modelled(self, access: str, code: int = -224) -> ScpiError:
        """Note what the instrument would take and this twin can't; return what to raise."""
        if self._record is not None:
            self._record.note(access)
        return ScpiError(code)

    def handle(self, line: bytes) -> bytes | None:
        """Carry out one message; return the replies of its queries, or None."""
        self._has = self.fault()
        if self._has == "silent":
            return None
        program = self._programs.get(line)
        if program is None:
            program = self._remember(line)
        replies = self._replies = []
        for function, values, header in program:
            try:
                reply = function(self, *values)
            except ScpiError as refused:
                self.status.push(refused.code, refused.text)
                continue
            if reply is not None:
                replies.append(f"{header} {reply}" if self._echo_headers else reply)
        return ";".join(replies).encode("ascii") if replies else None

    def _remember(self, line: bytes) -> tuple[_Step, ...]:
        if len(self._programs) >= _REMEMBERED_LINES:
            self._programs.clear()
        program = self._programs[line] = tuple(self._compile(line))
        return program

    def _compile(self, line: bytes) -> Iterator[_Step]:
        """Read a message; at the first unit that can't be read the rest of it is dropped."""
        path: tuple[str, ...] = ()
        try:
            for unit in split_outside(line.decode("ascii").strip(), ";"):
                if unit.strip():
                    step, path = self._compile_unit(unit.strip(), path)
                    yield step
        except UnicodeDecodeError:
            yield _Step(_refuse, (-101, None), "")
        except _Undefined as undefined:
            yield _Step(_note_undefined, (undefined.header,), "")
        except ScpiError as error:
            yield _Step(_refuse, (error.code, error.text), "")

    def _compile_unit(self, unit: str, path: tuple[str, ...]) -> tuple[_Step, tuple[str, ...]]:
        header, *rest = unit.split(None, 1)
        match = _HEADER.fullmatch(header)
        if not match:
            raise ScpiError(-102)
        tree = self._queries if match[2] else self._commands
        words = tuple(match[1].upper().lstrip(":").split(":"))
        if not header.startswith("*"):
            # After a ; the header goes on from where the last one was, less its last node.
            words = words if header.startswith(":") else (*path, *words)
            path = words[:-1]
        found = tree.find(words)
        if found is None:
            asked = header.upper() if header.startswith("*") else f":{':'.join(words)}{match[2]}"
            raise _Undefined(asked)
        declared = found.value
        try:
            values = parse_parameters(rest[0] if rest else "", declared.parameters)
        except NotModelled as error:
            access = f"{found.header} {error.token}"
            return _Step(_note_value, (access,), ""), path
        except ScpiError as error:
            if event_bit(error.code) != EXECUTION_ERROR:
                raise
            # It could be read and can't be done: what follows is carried out (IEEE 488.2).
            return _Step(_refuse, (error.code, error.text), ""), path
        values = (*declared.bound, *found.suffixes, *values)
        return _Step(declared.function, values, found.header), path

    @scpi("*IDN?")
    def _identify(self) -> str:
        return self.identity.replace(*self.SIBLING) if self._has == "identity" else self.identity


class ScpiDevice(ScpiSpeaker):
    """One that has the common commands of IEEE 488.2, too, and tells its errors."""

    @scpi("*RST")
    def _reset(self) -> None:
        self.reset()

    @scpi("*CLS")
    def _clear_status(self) -> None:
        self.status.clear()

    @scpi("*ESR?")
    def _read_events(self) -> str:
        return str(self.status.read_events())

    @scpi("*ESE", Number())
    def _set_event_enable(self, mask: float | Limit) -> None:
        self.status.event_enable = round(bounded(mask, 0, 255, 0))

    @scpi("*ESE?")
    def _get_event_enable(self) -> str:
        return str(self.status.event_enable)

    @scpi("*SRE", Number())
    def _set_request_enable(self, mask: float | Limit) -> None:
        self.status.request_enable = round(bounded(mask, 0, 255, 0)) & ~64

    @scpi("*SRE?")
    def _get_request_enable(self) -> str:
        return str(self.status.request_enable)

    @scpi("*STB?")
    def _read_status_byte(self) -> str:
        return str(self.status.status_byte(message_available=bool(self._replies)))

    @scpi("*OPC")
    def _complete(self) -> None:
        self.status.events |= OPERATION_COMPLETE

    @scpi("*OPC?")
    def _is_complete(self) -> str | None:
        return "1"  # nothing overlaps: a command is done when the next one is read

    @scpi("*WAI")
    def _wait(self) -> None:
        """Nothing is ever pending."""

    @scpi("*TST?")
    def _self_test(self) -> str:
        return "0"

    @scpi(":SYSTem:ERRor[:NEXT]?")
    def _next_error(self) -> str:
        code, text = self.status.pop()
        return self.ERROR_FORMAT.format(code=code, text=text)

    @scpi(":SYSTem:VERSion?")
    def _version(self) -> str:
        return self.VERSION


class ScpiStatusDevice(ScpiDevice):
    """A ScpiDevice whose operation and questionable registers can be read."""

    @scpi(":STATus:PRESet")
    def _preset(self) -> None:
        self.status.operation.enable = self.status.questionable.enable = 0

    @scpi(":STATus:OPERation[:EVENt]?")
    def _operation_event(self) -> str:
        return str(self.status.operation.read_event())

    @scpi(":STATus:OPERation:CONDition?")
    def _operation_condition(self) -> str:
        return str(self.status.operation.condition)

    @scpi(":STATus:OPERation:ENABle", Number())
    def _set_operation_enable(self, mask: float | Limit) -> None:
        self.status.operation.enable = round(bounded(mask, 0, 32767, 0))

    @scpi(":STATus:OPERation:ENABle?")
    def _operation_enable(self) -> str:
        return str(self.status.operation.enable)

    @scpi(":STATus:QUEStionable[:EVENt]?")
    def _questionable_event(self) -> str:
        return str(self.status.questionable.read_event())

    @scpi(":STATus:QUEStionable:CONDition?")
    def _questionable_condition(self) -> str:
        return str(self.status.questionable.condition)

    @scpi(":STATus:QUEStionable:ENABle", Number())
    def _set_questionable_enable(self, mask: float | Limit) -> None:
        self.status.questionable.enable = round(bounded(mask, 0, 32767, 0))

    @scpi(":STATus:QUEStionable:ENABle?")
    def _questionable_enable(self) -> str:
        return str(self.status.questionable.enable)


def _refuse(_: ScpiSpeaker, code: int, text: str | None) -> None:
    raise ScpiError(code, text)


def _note_value(device: ScpiSpeaker, access: str) -> None:
    raise device.not_modelled(access)


class _Undefined(ScpiError):
    """A header that isn't declared."""

    def __init__(self, header: str) -> None:
        super().__init__(-113)
        self.header = header


def _note_undefined(device: ScpiSpeaker, header: str) -> None:
    raise device.not_modelled(header, -113)
