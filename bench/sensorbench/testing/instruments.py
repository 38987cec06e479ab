"""What every instrument owes the bench, whatever it is. Run it on yours:

    import pytest
    from sensorbench.core.catalog import devices
    from sensorbench.testing.cases import case_of
    from sensorbench.testing.instruments import INSTRUMENT_CHECKS

    @pytest.mark.parametrize("check", INSTRUMENT_CHECKS, ids=lambda check: check.__name__)
    def test_my_instrument(check):
        check(case_of(devices()["my_instrument"]))

Everything is taken from what the driver's class declares (instruments/members.py) and from the
twin's FAULTS and `drives`. Each check raises Nonconformity with what is wrong. A setpoint of a
vector can have rules of its own about which vectors it can do: its ends are not tried.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sensorbench.core.catalog import Device
from sensorbench.core.device import Alarming, Source, Taken
from sensorbench.core.device import Device as IsDevice
from sensorbench.core.errors import BenchError, ProtocolError, TransportError
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import Value, components, distance
from sensorbench.instruments.members import limit_of_error, members_of, meters_of, setpoints_of
from sensorbench.instruments.telling import Held
from sensorbench.links.line import LineSettings
from sensorbench.testing.cases import case_of
from sensorbench.testing.conformity import (
    changes,
    check_independence,
    refusal,
    require,
    state_of,
)
from sensorbench.testing.instrument_use import inside, reading_of, sent_by, setpoint_of, use
from sensorbench.testing.lost_checks import check_what_is_not_done
from sensorbench.testing.meter_checks import (
    check_garbled_readings,
    check_many_meters,
    check_meters,
    check_switches,
)
from sensorbench.testing.port_checks import (
    check_a_power_cycle_within_an_exchange,
    check_real_port,
    check_replies_on_its_port,
    check_sessions,
    check_two_threads,
)
from sensorbench.testing.setpoint_checks import (
    DAY_S,
    check_a_rate_is_kept,
    check_a_setpoint_moves_its_own_quantity,
    check_limits,
    check_protection,
    check_rated_ends,
    check_rates,
    check_reading_back,
    check_reading_on_the_way,
    check_release,
    check_steadiness,
    check_told,
    check_waves,
    check_wear,
    check_what_is_refused_is_foreseen,
)
from sensorbench.testing.twin_checks import check_looking_at_an_instrument_changes_nothing
from sensorbench.testing.world import SERIAL, Case, InstrumentBench

_LINES = ("serial", "tcp")


def check_declaration(case: Case) -> None:
    """The class declares its members and its line, and device.toml says how it is reached."""
    driver, device = case.load_driver(), case.device
    require(members_of(driver), "the driver declares no setpoint, meter or switch")
    for name, declared in setpoints_of(driver).items():
        low, high = declared.rated
        require(-math.inf < low < high < math.inf, f"{name}: rated {declared.rated} is no range")
        require(
            declared.fastest is None or declared.fastest > 0, f"{name}: fastest must be above 0"
        )
        require(
            declared.accuracy is None
            or (limit_of_error(declared, inside(declared, 0.5)) or 0.0) > 0,
            f"{name}: accuracy must be above 0, and said at mid range",
        )
        if declared.limit_rated is not None:
            least, most = declared.limit_rated
            require(0 <= least < most, f"{name}: limit_rated {declared.limit_rated} is no range")
    if set(device.links) & set(_LINES):
        require(isinstance(getattr(driver, "LINE", None), LineSettings), "the driver has no LINE")
        require(device.mount in {"pty", "tcp"}, "device.toml names no mount for its twin")
    require(device.source, "device.toml names no source")
    drives = set(InstrumentBench(case).drives)
    missing = set(setpoints_of(driver)) - drives
    require(not missing, f"the twin drives nothing for {', '.join(sorted(missing))}")


def check_sources(case: Case) -> None:
    """Driver and twin are two readings of the data sheet."""
    check_independence(case.device)


def check_protocol(case: Case) -> None:
    """The driver has the methods of a device, and making it sends nothing."""
    bench = InstrumentBench(case)
    require(isinstance(bench.driver, IsDevice), "the driver has no identify()")
    require(not sent_by(bench), f"making the driver sends {sent_by(bench)}")


def check_identity(case: Case) -> None:
    """An instrument says who it is; another one is refused."""
    identity = InstrumentBench(case).driver.identify()
    require(isinstance(identity, Identity) and identity.model, f"identify() gave {identity!r}")
    if "identity" in case.device.load_faults():
        with refusal(ProtocolError, "another model at this address was not refused"):
            InstrumentBench(case, fault="identity").driver.identify()


def check_identify_changes_nothing(case: Case) -> None:
    """Identifying leaves an instrument as it is, at rest and in use."""
    for in_use in (False, True):
        bench = InstrumentBench(case)
        if in_use:
            use(bench)
        before = state_of(bench.twin)
        bench.driver.identify()
        changed = changes(before, state_of(bench.twin))
        require(not changed, f"identify() changed the instrument: {'; '.join(changed)}")


def check_make_safe(case: Case) -> None:
    """A source is made safe at rest, in use, and with errors of somebody else waiting."""
    bench = InstrumentBench(case)
    if not isinstance(bench.driver, Source):
        return
    bench.driver.make_safe()
    use(bench)
    held = {name: bench.now_of(name) for name in bench.drives}
    if bench.line is not None:
        bench.twin.handle(b"NONSENSE")
    bench.driver.make_safe()
    bench.clock.sleep(DAY_S)
    resting = InstrumentBench(case)
    for name, declared in setpoints_of(case.load_driver()).items():
        within = declared.quantity.soak.within
        if name in held and distance(held[name], resting.now_of(name)) > within:
            require(
                distance(bench.now_of(name), held[name]) > within,
                f"{name} still holds {held[name]} a day after make_safe()",
            )
        told = setpoint_of(bench, name).told() if declared.can_tell else None
        acts = isinstance(told, Held) and any(components(told.value))
        require(not acts, f"made safe, {name} tells {told}: None, or 0, is what does not act")


def check_take(case: Case) -> None:
    """Errors that an earlier program left are taken, and blame no later command."""
    bench = InstrumentBench(case)
    if not isinstance(bench.driver, Taken) or bench.line is None:
        return
    bench.twin.handle(b"NONSENSE")
    left = list(bench.driver.take())
    require(left and all(isinstance(text, str) for text in left), f"take() gave {left}")
    again = list(bench.driver.take())
    require(not again, f"take() left {again}")
    use(bench)


def check_alarms(case: Case) -> None:
    """Alarms are words, and none at rest."""
    bench = InstrumentBench(case)
    if not isinstance(bench.driver, Alarming):
        return
    require(not list(bench.driver.read_alarms()), "an alarm is active at rest")
    for fault in case.device.load_faults():
        if fault.startswith(("alarm", "trip")):
            bench = InstrumentBench(case, fault=fault)
            alarms = list(bench.driver.read_alarms())
            require(alarms, f"fault {fault}: read_alarms() says nothing")
            require(all(isinstance(a, str) and a for a in alarms), f"alarms are {alarms}")


def check_silence(case: Case) -> None:
    """An instrument that does not answer is a transport error, from when on it does not."""
    if "silent" not in case.device.load_faults():
        return
    bench = InstrumentBench(case)
    bench.driver.identify()
    bench.fault(SERIAL, "silent")
    with refusal(TransportError, "a silent instrument was identified"):
        bench.driver.identify()
    for name in meters_of(case.load_driver()):
        with refusal(TransportError, f"a silent instrument gave a reading of {name}"):
            reading_of(bench, name)
    # Who is silent is tried again and again until it is safe; who refuses is given up.
    for act in ("make_safe", "shut_in"):
        if hasattr(bench.driver, act):
            with refusal(TransportError, f"{act}() of a silent instrument is no transport error"):
                getattr(bench.driver, act)()


def check_faults(case: Case) -> None:
    """With any fault an instrument gives readings or errors of the bench, never anything else."""
    for fault in case.device.load_faults():
        bench = InstrumentBench(case, fault=fault)
        with suppress(BenchError):
            bench.driver.identify()
        with suppress(BenchError):
            use(bench)
        for name in meters_of(case.load_driver()):
            with suppress(BenchError):
                reading_of(bench, name)


def check_repeatable(case: Case) -> None:
    """What a twin does depends on seed, serial number and time alone."""

    def story() -> list[Value | str]:
        bench = InstrumentBench(case, seed=1)
        use(bench)
        bench.clock.sleep(123.4)
        found: list[Value | str] = []
        for name in meters_of(case.load_driver()):
            try:
                found.append(reading_of(bench, name))
            except BenchError as error:
                found.append(str(error))
        return found

    first, again = story(), story()
    require(first == again, f"the same story gave {first}, then {again}")


INSTRUMENT_CHECKS: tuple[Callable[[Case], None], ...] = (
    check_declaration,
    check_sources,
    check_protocol,
    check_identity,
    check_identify_changes_nothing,
    check_rated_ends,
    check_rates,
    check_limits,
    check_what_is_refused_is_foreseen,
    check_reading_back,
    check_reading_on_the_way,
    check_a_rate_is_kept,
    check_a_setpoint_moves_its_own_quantity,
    check_release,
    check_steadiness,
    check_told,
    check_protection,
    check_waves,
    check_wear,
    check_make_safe,
    check_what_is_not_done,
    check_take,
    check_alarms,
    check_meters,
    check_many_meters,
    check_garbled_readings,
    check_silence,
    check_faults,
    check_switches,
    check_looking_at_an_instrument_changes_nothing,
    check_repeatable,
    check_real_port,
    check_sessions,
    check_replies_on_its_port,
    check_two_threads,
    check_a_power_cycle_within_an_exchange,
)


def check_instrument(device: Device, **of_case: Any) -> None:
    """Try everything on an instrument. Raises Nonconformity with the first thing that is wrong."""
    for check in INSTRUMENT_CHECKS:
        check(case_of(device, **of_case))
