"""profile.toml: phases in order, in terms of a part and a grade. No instrument is named.

A phase is of a kind (`profiles/kinds/NAME.py`, or another package's) and is validated by that
kind's own model once the choices are made: "$method.hours" stands for a value of the option taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar, cast

from pydantic import Field, field_validator

from sensorbench.core.document_words import Place, key_of, several
from sensorbench.core.documents import Completed, Document, Duration, validate
from sensorbench.core.errors import InputError, Problem
from sensorbench.core.plugins import broken, load, plugins
from sensorbench.parts.model import by_address, check_addresses, check_each_address, problem
from sensorbench.parts.values import Flat, flatten
from sensorbench.profiles.failing import OnFailure
from sensorbench.profiles.schedule import Action  # noqa: F401 - for kinds, beside the model

_ID = re.compile(r"[a-z0-9_]+(/[a-z0-9_]+)*")
KINDS = "sensorbench.profiles.kinds"
P = TypeVar("P", bound="Phase")
SetTable = dict[str, Any]
Start = Literal["value", "pass", "always"]
"""What a unit must show before a stress for it to begin: a value, a pass, or nothing."""


class SoakTable(Document):
    """When a value counts as reached; what is left out is the quantity's usual."""

    within: Any = None
    for_s: Duration | None = Field(default=None, alias="for", ge=0)
    timeout: Duration | None = Field(default=None, gt=0)
    held: Any = None


class Monitor(Document):
    """What is watched while a phase goes on: the units are read every `every`.

    `limits` are by measure; a table instead of a limit has them by channel.
    """

    every: Duration = Field(gt=0)
    measures: tuple[str, ...] = ()
    limits: dict[str, Any] = Field(default_factory=dict)


class Test(Document):
    """Which conditions the part's parameters are tested at, before a stress and after it.

    `interim` are those of the readouts between; left out: as after. `within` is until when after
    the stress, counted `from` its end or from its cooling down; `back` when it must go on.
    """

    __test__ = False  # not a test class, whatever its name
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    interim: tuple[str, ...] | None = None
    within: Duration | None = Field(default=None, gt=0)
    from_: Literal["release", "cool"] = Field(default="release", alias="from")
    back: Duration | None = Field(default=None, gt=0)


class Cool(Document):
    """How a stress ends: what stays set until quantities are down to the values of `until`."""

    set: SetTable = Field(default_factory=dict)
    until: SetTable

    @field_validator("set", "until")
    @classmethod
    def _addresses(cls, table: SetTable) -> SetTable:
        return by_address(table)


def flat_sets(data: Any) -> list[tuple[Place, Flat]]:
    """Return the tables that `set` is written as, by address, and where each of them stands."""
    tables = data if isinstance(data, list | tuple) else [data]
    places: list[Place] = [(k,) for k in range(len(tables))] if tables is data else [()]
    wrong = "set is a table of quantities, or an array of such tables"
    return [
        (place, flatten(table) if isinstance(table, Mapping) else Flat(problems=[((), wrong)]))
        for place, table in zip(places, tables, strict=True)
    ]


def as_sets(data: Any) -> Any:
    """Return `set` as a tuple of tables by address: together within one, in order one by one."""
    tables = flat_sets(data)
    rows = [((*at, *place), text) for at, flat in tables for place, text in flat.problems]
    if rows:
        raise several(rows)
    return tuple(flat.values for _, flat in tables)


def as_one_set(data: Any, check: Callable[[str, Any], str]) -> Any:
    """Return `set` as one table by address, whose values `check` says what is wrong with.

    `check` gets address and value and returns "" where nothing is wrong.
    """
    found: dict[str, Any] = {}
    rows: list[tuple[Place, str]] = []
    for at, flat in flat_sets(data):
        rows += [((*at, *place), text) for place, text in flat.problems]
        for where, raw in flat.values.items():
            place = (*at, *flat.places[where])
            text = f"{where} is there twice" if where in found else check(where, raw)
            if text:
                rows.append((place, text))
            found[where] = raw
    if rows:
        raise several(rows)
    return found


class Phase(Document):
    """What all kinds have in common. A kind's own model adds its fields.

    `set` is what is reached together, or one table after the other; `settings` a named set of
    part.toml; `units` a group of the lot; `at` a zone or another place.
    """

    kind: str
    name: str = Field(min_length=1, max_length=60)
    title: str | dict[str, str] = ""
    at: str = ""
    units: str = ""
    settings: str = ""
    set: tuple[SetTable, ...] = ()
    soak: dict[str, SoakTable] = Field(default_factory=dict)
    rate: dict[str, str] = Field(default_factory=dict)
    limit: dict[str, str] = Field(default_factory=dict)
    null: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    monitor: Monitor | None = None
    on_failure: OnFailure | None = None

    @field_validator("set", mode="before")
    @classmethod
    def _sets(cls, data: Any) -> Any:
        return as_sets(data)

    @field_validator("soak", "rate", "limit")
    @classmethod
    def _quantities(cls, table: dict[str, Any]) -> dict[str, Any]:
        check_addresses(table)
        return table

    @field_validator("null")
    @classmethod
    def _nulled(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        check_each_address(names)
        return names


def apart(tables: Iterable[tuple[Place, Iterable[str]]]) -> None:
    """Raise a validator's error where an address stands in two tables that hold at the same time.

    Only one of them would be done, and nobody could see which.
    """
    first: dict[str, Place] = {}
    twice: list[tuple[Place, str]] = []
    for place, names in tables:
        for where in names:
            if where in first:
                there = key_of(first[where])
                twice.append((place, f"{where} is set by {there} already: say it in one of them"))
            first.setdefault(where, place)
    if twice:
        raise several(twice, rules=True)


def rising(readouts: tuple[float, ...]) -> tuple[float, ...]:
    """Return readouts; a validator's error where they do not rise."""
    if list(readouts) != sorted(set(readouts)):
        raise problem("readouts must rise")
    return readouts


class Option(Document, extra="allow"):
    """One option of a choice; beside `standard` any names with values."""

    standard: bool = False


class Choice(Document):
    """One decision that decides many values: by the part's grade, or by agreement."""

    by: Literal["grade", "agreement"]
    option: dict[str, Option] = Field(min_length=1)


class Profile(Document):
    """A profile: its identity, its source, and its phases in order."""

    id: str
    title: str | dict[str, str]
    source: str | dict[str, str]
    soak: dict[str, SoakTable] = Field(default_factory=dict)
    samples: int = Field(default=4, ge=1, le=1000)
    sample_interval: Duration = Field(default=0.1, ge=0)
    log: Duration = Field(default=60.0, gt=0)
    on_failure: OnFailure = OnFailure()
    choice: dict[str, Choice] = Field(default_factory=dict)
    phase: tuple[dict[str, Any], ...] = Field(min_length=1)

    @field_validator("soak")
    @classmethod
    def _quantities(cls, table: dict[str, SoakTable]) -> dict[str, SoakTable]:
        check_addresses(table)
        return table

    @field_validator("id")
    @classmethod
    def _words(cls, text: str) -> str:
        if not _ID.fullmatch(text):
            raise problem(f"{text!r}: write small letters, digits and _, in parts divided by /")
        return text

    @property
    def label(self) -> str:
        """Return how problems name it: by its file, or its id in the library."""
        return self.written_in or self.id

    def standard_options(self, grade: int | None) -> dict[str, str]:
        """Return the option of every choice that nobody has to make, by the choice's name.

        A choice by grade takes the part's; one by agreement the only standard option there is.
        """
        found = {}
        for name, choice in self.choice.items():
            standard = [word for word, option in choice.option.items() if option.standard]
            if choice.by == "grade":
                if grade is not None and str(grade) in choice.option:
                    found[name] = str(grade)
            elif len(standard) == 1:
                found[name] = standard[0]
        return found

    def all_options(self) -> list[dict[str, str]]:
        """Return ways to make the choices in which every option is taken once."""
        most = max((len(choice.option) for choice in self.choice.values()), default=1)
        return [
            {
                name: list(choice.option)[min(k, len(choice.option) - 1)]
                for name, choice in self.choice.items()
            }
            for k in range(most)
        ]

    def phases(self, options: Mapping[str, str]) -> tuple[Phase, ...]:
        """Return the phases with the options taken. Raises InputError with all problems."""
        problems: list[Problem] = []
        found: list[Phase] = []
        names: list[object] = []
        for number, raw in enumerate(self.phase, 1):
            label = f"phase[{number}]"
            try:
                found.append(self._phase(raw, options))
                names.append(found[-1].name)
            except InputError as error:
                names.append(raw.get("name"))
                problems += [
                    Problem(self.label, f"{label}.{p.key}" if p.key else label, p.text)
                    for p in error.problems
                ]
        for k, name in enumerate(names):
            if isinstance(name, str) and name in names[:k]:
                text = f"two phases are named {name}; results are told apart by the name"
                problems.append(Problem(self.label, f"phase[{k + 1}].name", text))
        if problems:
            raise InputError(problems)
        return tuple(found)

    def written(self, options: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return the phases' tables as they are written, with the options taken.

        Raises InputError for a value of an option that is not there.
        """
        wrong: list[tuple[Place, str]] = []
        found = [
            self._substituted(raw, options, ("phase", k), wrong) for k, raw in enumerate(self.phase)
        ]
        if wrong:
            raise InputError([Problem(self.id, key_of(place), text) for place, text in wrong])
        return found

    def _phase(self, raw: Mapping[str, Any], options: Mapping[str, str]) -> Phase:
        kind = raw.get("kind")
        module = load(KINDS, kind) if isinstance(kind, str) else None
        if module is None:
            why = [str(p) for p in broken() if p.key == f"{KINDS}.{kind}"]
            said = "is required" if kind is None else f"{kind!r} is no kind of phase"
            text = f"{said}; allowed: {', '.join(plugins(KINDS))}"
            unknown = Problem("", "kind", "; ".join([text, *why]))
            raise InputError([unknown, *_common(raw)])
        wrong: list[tuple[Place, str]] = []
        data = self._substituted(raw, options, (), wrong)
        model = cast("type[Phase]", module.Phase)
        problems = tuple(Problem("", key_of(place), text) for place, text in wrong)
        places = tuple(place for place, _ in wrong)
        return validate(data, model, "", None, Completed(data, problems, places))

    def _substituted(
        self, value: Any, options: Mapping[str, str], where: Place, wrong: list[tuple[Place, str]]
    ) -> Any:
        """Return `value` with what stands for a choice's values replaced; add what is `wrong`."""
        if isinstance(value, Mapping):
            return {
                key: self._substituted(item, options, (*where, key), wrong)
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [
                self._substituted(item, options, (*where, k), wrong) for k, item in enumerate(value)
            ]
        if not isinstance(value, str) or not value.startswith("$"):
            return value
        choice, _, key = value[1:].partition(".")
        if choice not in self.choice:
            there = ", ".join(self.choice) or "none"
            wrong.append((where, f"{value!r} is no choice; there are: {there}"))
            return value
        option = options.get(choice)
        if option is None:
            wrong.append((where, f"{value!r}: the choice {choice} was not made"))
            return value
        values = self.choice[choice].option[option].model_extra or {}
        if key not in values:
            there = ", ".join(values) or "none"
            wrong.append((where, f"{value!r}: option {option} has {there}"))
            return value
        return values[key]


def _common(raw: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with what all kinds have in common, where the kind is not known."""
    known = {key: raw[key] for key in Phase.model_fields if key in raw}
    known = {key: value for key, value in known.items() if not _is_chosen(value)}
    try:
        # `set` is each kind's own to read.
        validate({**known, "kind": "", "set": ()}, Phase, "")
    except InputError as error:
        return list(error.problems)
    return []


def _is_chosen(value: object) -> bool:
    """Return whether a choice's value stands somewhere in `value`."""
    if isinstance(value, Mapping):
        return any(map(_is_chosen, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_is_chosen, value))
    return isinstance(value, str) and value.startswith("$")


def kinds() -> Sequence[str]:
    """Return the names of all kinds of phase."""
    return tuple(plugins(KINDS))
