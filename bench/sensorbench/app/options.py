"""Arguments and options that several commands have, each said in one way."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sensorbench.app import completion

WorkspaceOption = Annotated[
    Path, typer.Option("--workspace", "-w", help="The workspace's folder.", show_default=".")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
LotsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--lot",
        metavar="LOT",
        help="The lot's file in lots/, or its id; several for several lots.",
        autocompletion=completion.lots,
    ),
]
ChooseOption = Annotated[
    list[str] | None,
    typer.Option("--choose", metavar="NAME=OPTION", help="A choice that the profile leaves open."),
]
BecauseOption = Annotated[str, typer.Option("--because", help="Why; it is put on record.")]
AtOption = Annotated[
    str,
    typer.Option("--at", metavar="ZONE", help="The place of every phase that names none itself."),
]
AttendedOption = Annotated[
    bool,
    typer.Option(
        "--attended", help="A person stays with the bench: no declared protections are needed."
    ),
]
ProfileArgument = Annotated[
    str,
    typer.Argument(
        metavar="PROFILE",
        help="A profile's id, or a .toml file.",
        autocompletion=completion.profiles,
    ),
]
ParkedArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="A parked run, by id or folder.", autocompletion=completion.parked
    ),
]
ByOption = Annotated[
    str, typer.Option("--by", metavar="NAME", help="Who you are; left out: your account.")
]
OpenRunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A run that is not sealed, by id or folder.",
        autocompletion=completion.open_runs,
    ),
]
RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's id or folder.", autocompletion=completion.runs)
]
RunsArgument = Annotated[
    list[str],
    typer.Argument(metavar="RUN", help="Runs, by id or folder.", autocompletion=completion.runs),
]
RunsOrFolderArgument = Annotated[
    list[str],
    typer.Argument(metavar="RUN", help="Runs, or their folder.", autocompletion=completion.runs),
]
KindArgument = Annotated[
    str,
    typer.Argument(
        metavar="KIND", help="sensor, instrument or profile.", autocompletion=completion.new_kinds
    ),
]
DeviceArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="A device of `devices`.", autocompletion=completion.devices
    ),
]
OptionalProfileArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="PROFILE",
        help="A profile's id, or a .toml file.",
        autocompletion=completion.profiles,
    ),
]
