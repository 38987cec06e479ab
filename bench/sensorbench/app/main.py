"""The command line. Commands are declared here; each is done in a module imported when used."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, cast

import typer

from sensorbench.app import completion
from sensorbench.app.careful import Careful
from sensorbench.app.options import (
    AtOption,
    AttendedOption,
    BecauseOption,
    ByOption,
    ChooseOption,
    DeviceArgument,
    JsonOption,
    KindArgument,
    LotsOption,
    OpenRunArgument,
    OptionalProfileArgument,
    ParkedArgument,
    ProfileArgument,
    RunArgument,
    RunsArgument,
    RunsOrFolderArgument,
    WorkspaceOption,
)

app = typer.Typer(
    name="sensorbench",
    help="Calibrate, stress and prove smart sensors, on a real or a simulated bench.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
profiles_app = typer.Typer(
    help="The library of profiles.", invoke_without_command=True, rich_markup_mode=None
)
app.add_typer(profiles_app, name="profiles")

HERE = Path()


def _command(name: str | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Declare a command whose words are looked at before anything is done with them."""
    return app.command(name, cls=Careful)


# What typer raises for a wrong use of the command line; it has no public name of its own.
UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__bases__[0])


def _version(show: bool) -> None:
    if show:
        from importlib.metadata import version  # noqa: PLC0415 - only when asked for

        typer.echo(f"sensorbench {version('sensorbench')}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@_command()
def demo(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to put the demonstration.")
    ] = Path("sensorbench-demo"),
    seed: Annotated[int, typer.Option(help="The simulated units, noise and ageing.")] = 1,
    units: Annotated[int, typer.Option(help="How many SBP1 the lot has.")] = 24,
    wire: Annotated[
        bool, typer.Option("--wire", help="Shortened, over real pseudo-terminals and TCP ports.")
    ] = False,
    short: Annotated[
        bool, typer.Option("--short", help="The shortened profile of --wire, in virtual time.")
    ] = False,
    faults: Annotated[
        bool, typer.Option("--faults", help="Let one unit fail and leave one socket empty.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Everything on a simulated station: calibrate, stress, report."""
    from sensorbench.app.commands.demo import run_demo  # noqa: PLC0415 - imported when used

    with _stoppable():
        _exit(run_demo(folder, seed, units, wire, short or wire, faults, as_json))


@_command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    as_json: JsonOption = False,
) -> None:
    """Write a workspace with commented station, part and lot files."""
    from sensorbench.app.commands.init import init_workspace  # noqa: PLC0415 - as above

    init_workspace(folder, as_json)


@_command()
def devices(
    what: Annotated[
        str | None, typer.Argument(metavar="[show", help="show: what is known of one device.")
    ] = None,
    name: Annotated[str | None, typer.Argument(metavar="DEVICE]", help="Its name.")] = None,
    scan: Annotated[
        bool, typer.Option("--scan", help="Look what is on this machine; changes nothing there.")
    ] = False,
    multiplexer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="BUS:ADDRESS",
            help="Look behind a TCA9548A that station.toml does not have, such as /dev/i2c-1:0x70.",
        ),
    ] = None,
    pages: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write what each device's twin understands, as pages."),
    ] = None,
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Show the devices known, or one of them; what answers here."""
    if what is not None:
        from sensorbench.app.commands.device_pages import show_device  # noqa: PLC0415 - as above

        if what != "show":
            raise UsageError(f"Got unexpected extra argument ({what})")
        if name is None:
            raise typer.BadParameter("name a device; `sensorbench devices` lists them")
        show_device(name, as_json)
        return
    if pages is not None:
        from sensorbench.app.commands.device_pages import renew_pages  # noqa: PLC0415 - as above

        renew_pages(pages)
        return
    from sensorbench.app.commands.devices import show_devices, show_scan  # noqa: PLC0415 - as above

    if multiplexer and not scan:
        raise typer.BadParameter("goes with --scan", param_hint="--multiplexer")
    if scan:
        with _stoppable():  # multiplexers get their masks back
            show_scan(workspace, multiplexer or (), as_json)
        return
    show_devices(as_json)


@_command()
def read(
    what: Annotated[
        str,
        typer.Argument(
            metavar="PART|SOCKET",
            help="A socket, or a part in all its sockets.",
            autocompletion=completion.readable,
        ),
    ],
    part: Annotated[
        str,
        typer.Option(
            "--part",
            metavar="PART",
            help="What is in the socket: a part, a model.",
            autocompletion=completion.parts,
        ),
    ] = "",
    count: Annotated[
        int | None,
        typer.Option("--count", "-n", help="How often; left out: once, a plot 20 times."),
    ] = None,
    every: Annotated[
        str, typer.Option("--every", metavar="TIME", help="From one reading to the next.")
    ] = "1 s",
    format_: Annotated[
        str,
        typer.Option(
            "--format", help="table, csv, or plot.", autocompletion=completion.read_formats
        ),
    ] = "table",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file too: .csv, or .png for a plot.")
    ] = None,
    power: Annotated[
        bool, typer.Option("--power", help="Feed the part its nominal supply while it is read.")
    ] = False,
    workspace: WorkspaceOption = HERE,
    real_time: Annotated[
        bool, typer.Option("--real-time", help="Real time on a station that is all simulated.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Read parts now, without a profile. Nothing is powered without --power."""
    from sensorbench.app.commands.read import Asked, read_now  # noqa: PLC0415 - as above

    asked = Asked(what, part, count, every, format_, output, power, real_time, as_json)
    with _stoppable():
        _exit(read_now(workspace, asked))


@profiles_app.callback()
def profiles(context: typer.Context, as_json: JsonOption = False) -> None:
    """Show the library of profiles; `profiles show ID` one of them."""
    if context.invoked_subcommand is None:
        from sensorbench.app.commands.profiles import list_profiles  # noqa: PLC0415 - as above

        list_profiles(as_json)


@profiles_app.command("show", cls=Careful)
def profiles_show(
    profile: ProfileArgument,
    grade: Annotated[int, typer.Option(min=0, max=3, help="The AEC-Q100 grade.")] = 1,
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Show a profile's conditions for a grade."""
    from sensorbench.app.commands.profiles import show_profile  # noqa: PLC0415 - as above

    show_profile(workspace, profile, grade, as_json)


@_command()
def check(
    profile: OptionalProfileArgument = None,
    lot: LotsOption = None,
    choose: ChooseOption = None,
    because: BecauseOption = "",
    at: AtOption = "",
    attended: AttendedOption = False,
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Check all files of the workspace, or whether a profile can be run on lots."""
    if profile is None and (choose or because or at or attended):
        hint = "--choose" if choose else "--because" if because else "--at"
        hint = "--attended" if attended else hint
        raise typer.BadParameter("goes with PROFILE and --lot LOT", param_hint=hint)
    from sensorbench.app.commands.check import check_workspace  # noqa: PLC0415 - as above

    check_workspace(
        workspace, profile, lot or (), choose or (), because, at, as_json, attended=attended
    )


@_command()
def run(
    profile: ProfileArgument,
    lot: LotsOption = None,
    choose: ChooseOption = None,
    because: BecauseOption = "",
    at: AtOption = "",
    attended: AttendedOption = False,
    workspace: WorkspaceOption = HERE,
    real_time: Annotated[
        bool, typer.Option("--real-time", help="Real time on a station that is all simulated.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a profile on lots. Ctrl-C stops it and makes the bench safe."""
    from sensorbench.app.commands.run import run_profile  # noqa: PLC0415 - as above

    with _stoppable():
        _exit(
            run_profile(
                workspace, profile, lot or (), choose or (), because, at, real_time, as_json,
                attended=attended,
            )
        )  # fmt: skip


@_command()
def resume(
    run_id: OpenRunArgument,
    workspace: WorkspaceOption = HERE,
    replaced: Annotated[
        list[str] | None,
        typer.Option("--replaced", metavar="INSTRUMENT", help="It is another one now; again …"),
    ] = None,
    only_look: Annotated[
        bool, typer.Option("--look", help="Say what is there and what would be done; do nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Go on with a run that was parked, stopped or cut off: by a kill, a crash, a power cut."""
    from sensorbench.app.commands.resume import resume_run  # noqa: PLC0415 - as above

    with _stoppable():
        _exit(resume_run(workspace, run_id, as_json, replaced=replaced or (), only_look=only_look))


@_command()
def attach(
    run_id: ParkedArgument,
    point: Annotated[str, typer.Argument(metavar="POINT", help="What it is evidence of.")],
    files: Annotated[
        list[Path], typer.Argument(metavar="FILES", help="Reports; a CSV with each unit's result.")
    ],
    say: Annotated[
        list[str] | None, typer.Option("--say", metavar="NAME=TEXT", help="What is asked for.")
    ] = None,
    measured: Annotated[
        str,
        typer.Option(
            "--measured",
            metavar="TIME",
            help="When it was measured, such as 2026-03-01T14:30; left out: now.",
        ),
    ] = "",
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Attach evidence from elsewhere to a parked run."""
    from sensorbench.app.commands.attach import attach_files  # noqa: PLC0415 - as above

    attach_files(workspace, run_id, point, files, say or (), measured, as_json=as_json)


@_command()
def pause(
    run_id: Annotated[
        str,
        typer.Argument(metavar="[RUN]", help="Left out: the run that goes on in this workspace."),
    ] = "",
    hold: Annotated[
        str,
        typer.Option("--hold", metavar="TIME", help="Keep the bench as it stands so long at most."),
    ] = "",
    by: ByOption = "",
    because: BecauseOption = "",
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Let the run that goes on finish its point or cycle, then end safely; `resume` goes on."""
    from sensorbench.app.commands.pause import pause_run  # noqa: PLC0415 - as above

    pause_run(workspace, run_id, by, because, hold, as_json)


@_command()
def abort(
    run_id: OpenRunArgument,
    by: ByOption = "",
    because: BecauseOption = "",
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """End a run for good: the bench is made safe, and what is there is sealed."""
    from sensorbench.app.commands.pause import abort_run  # noqa: PLC0415 - as above

    with _stoppable():
        _exit(abort_run(workspace, run_id, by, because, as_json))


@_command()
def seal(
    run_id: RunArgument, workspace: WorkspaceOption = HERE, as_json: JsonOption = False
) -> None:
    """Seal a run that is over, and whose program went before it was sealed."""
    from sensorbench.app.commands.seal import seal_run  # noqa: PLC0415 - as above

    seal_run(workspace, run_id, as_json)


@_command()
def runs(workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
    """Show what was run."""
    from sensorbench.app.commands.runs import list_runs  # noqa: PLC0415 - as above

    list_runs(workspace, as_json)


@_command()
def show(
    run_id: RunArgument,
    entry: Annotated[
        int | None,
        typer.Option("--entry", metavar="N", help="An entry of its journal, with readings."),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="An entry's readings as CSV.")] = False,
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Show what came out of a run, or one entry of its journal with the raw readings."""
    if entry is not None:
        from sensorbench.app.commands.entry import show_entry  # noqa: PLC0415 - as above

        show_entry(workspace, run_id, entry, as_csv, as_json)
        return
    if as_csv:
        raise typer.BadParameter("goes with --entry N", param_hint="--csv")
    from sensorbench.app.commands.results import show_run  # noqa: PLC0415 - as above

    _exit(show_run(workspace, run_id, as_json))


@_command()
def report(
    run_ids: RunsArgument,
    formats: Annotated[
        str,
        typer.Option("--format", help="html, pdf, or both.", autocompletion=completion.formats),
    ] = "html,pdf",
    languages: Annotated[
        str,
        typer.Option("--lang", help="en, zh, or both: en,zh.", autocompletion=completion.languages),
    ] = "en",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The folder for the report.")
    ] = None,
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Write the report of one or more runs."""
    from sensorbench.app.commands.report import write_reports  # noqa: PLC0415 - as above

    write_reports(workspace, run_ids, formats, languages, output, as_json)


@_command()
def verify(
    paths: RunsOrFolderArgument,
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Check every digest of a run, and recompute every result from its raw data."""
    from sensorbench.app.commands.verify import verify_runs  # noqa: PLC0415 - as above

    _exit(verify_runs(workspace, paths, as_json))


@_command()
def new(
    kind: KindArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A short name, small letters.")],
    into: Annotated[
        Path | None, typer.Option("--into", metavar="FOLDER", help="A package of your own.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a folder to start a device or a profile from; it works as it is."""
    from sensorbench.app.commands.new import new_thing  # noqa: PLC0415 - as above

    new_thing(kind, name, into, as_json)


@_command("check-device")
def check_device(
    name: DeviceArgument,
    as_json: JsonOption = False,
) -> None:
    """Try a device's driver against its twin with the conformance suites."""
    from sensorbench.app.commands.check_device import check_device as check_it  # noqa: PLC0415

    _exit(check_it(name, as_json))


@_command()
def simulate(
    station: Annotated[
        Path, typer.Argument(metavar="STATION", help="A workspace, or its station.toml.")
    ] = HERE,
    speed: Annotated[float, typer.Option(help="Simulated seconds in a real one.")] = 1.0,
    serial: Annotated[
        str, typer.Option(help="Serial lines as pty, or as rfc2217 ports (Windows has no pty).")
    ] = "rfc2217" if sys.platform == "win32" else "pty",
    as_json: JsonOption = False,
) -> None:
    """Serve every simulated instrument of a station on TCP or a pty, until stopped."""
    from sensorbench.app.commands.simulate import serve  # noqa: PLC0415 - as above

    serve(station, speed, serial, as_json)


@_command()
def safe(workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
    """Make the bench safe now, without a run: after a crash, a power cut, by hand."""
    from sensorbench.app.commands.safe import make_bench_safe  # noqa: PLC0415 - as above

    with _stoppable():
        _exit(make_bench_safe(workspace, as_json))


@_command()
def acknowledge(
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who you are.")],
    because: Annotated[str, typer.Option("--because", help="What you found and did.")] = "",
    by_hand: Annotated[
        bool, typer.Option("--made-safe-by-hand", help="You made the bench safe yourself.")
    ] = False,
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Say that you know how a run left the bench, so that runs are possible again."""
    from sensorbench.app.commands.acknowledge import acknowledge_marks  # noqa: PLC0415 - as above

    acknowledge_marks(workspace, by, because, by_hand, as_json)


@_command()
def guard(
    once: Annotated[bool, typer.Option("--once", help="Look once, and end.")] = False,
    as_json: JsonOption = False,
) -> None:
    """See to it that every run of this machine has its watchdog: for a service that never ends."""
    from sensorbench.app.commands.guard import stand_guard  # noqa: PLC0415 - as above

    stand_guard(once, as_json)


@_command()
def alarm(
    test: Annotated[
        bool, typer.Option("--test", help="Send a test by every way, and say which worked.")
    ] = False,
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Show who is told when the bench needs a person; --test tells them now."""
    from sensorbench.app.commands.alarm import show_alarm, try_alarm  # noqa: PLC0415 - as above

    if test:
        _exit(try_alarm(workspace, as_json))
    else:
        show_alarm(workspace, as_json)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let a signal end the work in order; 128 + its number is what shells expect then."""
    from sensorbench.app.machine import safe_before_the_console_goes  # noqa: PLC0415 - as above
    from sensorbench.app.screen import kept  # noqa: PLC0415 - as above
    from sensorbench.safety.signals import (  # noqa: PLC0415 - as above
        Stopped,
        ignored_at_exit,
        stop_on_signals,
    )

    ignored_at_exit()
    with kept(), stop_on_signals(), safe_before_the_console_goes():
        try:
            yield
        except Stopped as error:
            from sensorbench.app.failure import tell  # noqa: PLC0415 - as above

            # Told before another signal can end the program: what is not safe must be read.
            raise typer.Exit(tell(error, str(error), 128 + error.number)) from None
        except (Exception, SystemExit) as error:  # a driver of somebody's may call exit()
            from sensorbench.app.failure import report_failure  # noqa: PLC0415 - as above

            if isinstance(error, UsageError | typer.Abort | typer.Exit):
                raise
            raise typer.Exit(report_failure(error)) from None


def _exit(code: int) -> None:
    if code:
        raise typer.Exit(code)


def main() -> None:
    """Run the command line; errors of ours become a message and an exit code, never a traceback."""
    # Readings are many and short-lived, and hold no cycles: looked for every 700 objects, they cost
    # a run and its report 4 % of their time, and 2 % more memory if looked for more seldom.
    gc.set_threshold(50_000, 10, 10)
    if sys.stdout is None or sys.stderr is None:  # none was given, as to a service
        from sensorbench.app.screen import open_where_closed  # noqa: PLC0415 - seldom

        open_where_closed()
    if hasattr(sys.stdout, "reconfigure"):
        # A console that can't show a character must not stop a run.
        sys.stdout.reconfigure(errors="replace")
        sys.stderr.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        code = app(standalone_mode=False)
    except UsageError as error:
        from sensorbench.app.failure import (  # noqa: PLC0415 - on errors
            BAD_INPUT,
            tell,
            too_many,
            wants_json,
        )

        error.message = too_many(error.message) or error.message
        if not wants_json():
            error.show()
            sys.exit(BAD_INPUT)
        sys.exit(tell(error, error.format_message(), BAD_INPUT))
    except typer.Abort:
        sys.exit(130)
    except Exception as error:
        from sensorbench.app.failure import report_failure  # noqa: PLC0415 - only on errors

        sys.exit(report_failure(error))
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
