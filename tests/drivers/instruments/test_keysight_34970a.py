"""34970A and DAQ970A: driver and twin, each against the wire as the reference documents it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError, WrongDevice
from sensorbench.instruments.keysight_34970a.channels import (
    CHANNELS,
    parse_list,
    parse_probes,
    parse_scan,
    show_list,
)
from sensorbench.instruments.keysight_34970a.driver import Keysight34970a
from sensorbench.instruments.keysight_34970a.twin import SimKeysight34970a
from sensorbench.instruments.keysight_daq970a.driver import KeysightDaq970a
from sensorbench.instruments.keysight_daq970a.twin import SimKeysightDaq970a
from sensorbench.instruments.members import limit_of_error, meters_of
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import TcpMount
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, World

Scripted = Callable[..., Any]
ACCEPTED = ("SYST:ERR?", '+0,"No error"')
PROBES = {"101:110": "TC K", "201": "TC T", "205": "FRTD 85"}
FIELDS = (
    "TRIG:SOUR IMM;:TRIG:COUN 1;:FORM:READ:UNIT ON;:FORM:READ:CHAN ON;"
    ":FORM:READ:TIME OFF;:FORM:READ:ALAR OFF"
)


@pytest.fixture
def twin(world: World) -> SimKeysight34970a:
    twin = SimKeysight34970a(world, "SIM-DAQ", probes=PROBES)
    for channel in CHANNELS:
        twin.sense(f"ch{channel}", lambda channel=channel: channel / 100)
        twin.sense(f"temp{channel}", lambda channel=channel: channel / 10)
    return twin


@pytest.fixture
def daq(twin: SimKeysight34970a, clock: VirtualClock) -> Keysight34970a:
    line = InProcessLine(twin, Keysight34970a.LINE, "daq")
    return Keysight34970a(line, clock, probes=PROBES)


# Lists, probes, replies.


@pytest.mark.parametrize(
    ("text", "channels"),
    [
        ("101", (101,)),
        ("101:103,205", (101, 102, 103, 205)),
        ("(@205, 101)", (101, 205)),
        ("319:320,319", (319, 320)),
    ],
)
def test_a_list_of_channels(text: str, channels: tuple[int, ...]) -> None:
    assert parse_list(text) == channels
    assert parse_list(show_list(channels)) == channels


@pytest.mark.parametrize(
    "text", ["", "(@)", "1", "100", "121", "401", "101:203", "103:101", "101;102", "101,", "1e2"]
)
def test_what_is_no_list_of_channels_is_refused(text: str) -> None:
    with pytest.raises(SetpointError, match="is no list of channels such as"):
        parse_list(text)


@pytest.mark.parametrize(
    ("probes", "told"),
    [
        ({"101": "TC X"}, "is none of TC"),
        ({"101": "PT100"}, "is none of TC"),
        ({"111": "FRTD 85"}, "111 can't have one"),
        ({"101": "FRTD 85", "111": "TC K"}, "111 is the other pair of wires of 101"),
        ({"101:103": "TC K", "102": "TC J"}, "102 has two"),
        ({"500": "TC K"}, "no list of channels"),
        ({"101": 7}, "is none of TC"),
    ],
)
def test_probes_that_can_t_be_are_refused_before_anything_is_sent(
    scripted: Scripted, clock: VirtualClock, probes: dict[str, str], told: str
) -> None:
    with pytest.raises(SetpointError, match=told):
        Keysight34970a(scripted(), clock, probes=probes)


def test_probes_are_what_configures_them() -> None:
    assert parse_probes({"101:102": "tc k", "201": "THER 5000"}) == {
        101: "TC,K", 102: "TC,K", 201: "THER,5000"
    }  # fmt: skip


@pytest.mark.parametrize(
    "reply",
    [
        "+2.5E+00 VDC,101",
        "+2.5E+00 VDC,101,+2.3E+01 C",
        "+2.5E+00 VDC,101,+2.3E+01 C,206",
        "+2.3E+01 C,205,+2.5E+00 VDC,101",
        "+2.5E+00 VDC,101,+2.3E+01 F,205",
        "+2.5E+00,101,+2.3E+01,205",
        "+2.5E+00 WM2,101,+2.3E+01 C,205",
        "nan VDC,101,+2.3E+01 C,205",
        "+2.5E+00 VDC,101,+2.3E+01 C,205,+2.5E+00 VDC,101",
    ],
)
def test_a_sweep_with_other_channels_units_or_counts_is_an_error(reply: str) -> None:
    with pytest.raises(ProtocolError, match="READ"):
        parse_scan(reply, {101: ("VDC",), 205: ("C",)}, "READ?")


def test_an_overload_is_the_error_of_its_channel_alone() -> None:
    units = {101: ("VDC",), 102: ("VDC",), 205: ("C",)}
    found = parse_scan("+9.9E+37 VDC,101,+1.0E+00 VDC,102,-9.9E+37 C,205", units, "READ?")
    assert found[102] == 1.0
    for channel in (101, 205):
        assert isinstance(found[channel], InstrumentError)
        assert f"channel {channel}: overload" in str(found[channel])


# The driver, against written exchanges.


def test_one_sweep_reads_volts_and_temperatures(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(
        (
            "ABOR;:CONF:VOLT:DC AUTO,DEF,(@111:112);:VOLT:NPLC 10,(@111:112);"
            ":CONF:TEMP TC,K,(@101:102);:CONF:TEMP FRTD,85,(@205);"
            ":TEMP:NPLC 10,(@101:102,205);:UNIT:TEMP C,(@101:102,205);"
            ":CALC:SCAL:STAT OFF,(@101:102,111:112,205);"
            ":ROUT:CHAN:DEL:AUTO ON,(@101:102,111:112,205);:ROUT:SCAN (@101:102,111:112,205);:"
            + FIELDS,
            None,
        ),
        ACCEPTED,
        (
            "READ?",
            "+2.10000000E+01 C,101,+2.20000000E+01 C,102,+1.50000000E+00 VDC,111,"
            "-2.50000000E+00 VDC,112,+2.30000000E+01 C,205",
        ),
    )
    daq = Keysight34970a(line, clock, probes=PROBES, nplc=10.0)
    names = ["ch112", "temp205", "temp101", "ch111", "temp102"]
    assert daq.read_many(names) == {
        "ch112": -2.5, "temp205": 23.0, "temp101": 21.0, "ch111": 1.5, "temp102": 22.0
    }  # fmt: skip
    assert line.timeouts[-1] > 5 * 0.4 + 2.0


def test_a_temperature_without_a_probe_says_what_to_write(
    scripted: Scripted, clock: VirtualClock
) -> None:
    daq = Keysight34970a(scripted(), clock, probes=PROBES)
    with pytest.raises(SetpointError, match=r'probes = \{ "301" = "TC K" \}.*Nothing was sent'):
        daq.read_channels(degrees=[301])
    with pytest.raises(KeyError, match="ch121"):
        daq.read_many(["ch101", "ch121"])


@pytest.mark.parametrize("nplc", [0.0, 3.0, 1000.0, float("nan")])
def test_an_integration_that_it_does_not_have_is_refused(
    scripted: Scripted, clock: VirtualClock, nplc: float
) -> None:
    with pytest.raises(SetpointError, match=r"none of 0\.02, 0\.2"):
        Keysight34970a(scripted(), clock, nplc=nplc)


def test_the_older_one_tells_no_serial_number(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(("*IDN?", "HEWLETT-PACKARD,34970A,0,13-2-2"))
    assert Keysight34970a(line, clock).identify().serial == ""
    line = scripted(("*IDN?", "Keysight Technologies,DAQ970A,MY59000001,A.02.02"))
    with pytest.raises(WrongDevice, match="is this the right address"):
        Keysight34970a(line, clock).identify()


# Driver and twin.


def test_sixty_channels_come_in_one_sweep_and_take_their_time(
    daq: Keysight34970a, clock: VirtualClock
) -> None:
    began = clock.now()
    found = daq.read_many([f"ch{channel}" for channel in CHANNELS])
    assert len(found) == 60
    assert all(found[f"ch{c}"] == pytest.approx(c / 100, abs=5e-4) for c in CHANNELS)
    assert clock.now() - began == pytest.approx(60 * 0.044)


def test_a_channel_that_is_read_both_ways_is_swept_twice(daq: Keysight34970a) -> None:
    found = daq.read_many(["ch101", "temp101", "temp102"])
    assert found["ch101"] == pytest.approx(1.01, abs=1e-3)
    assert (found["temp101"], found["temp102"]) == pytest.approx((10.1, 10.2), abs=1.0)


@pytest.mark.parametrize(
    "left",
    [
        b"CONF:TEMP TC,J,(@101:120);:CALC:SCAL:GAIN 10;OFFS 3;UNIT 'PSI';STAT ON",
        b"CONF:VOLT 0.1,(@101:120);:UNIT:TEMP F,(@101);:ROUT:CHAN:DEL 60,(@101:120)",
        b"ROUT:SCAN (@301:320);:TRIG:SOUR TIM;TIM 5;COUN INF;:INIT",
        b"ROUT:SCAN (@101);:TRIG:SOUR BUS;COUN 3;:INIT",
        b"FORM:READ:TIME ON;ALAR ON;UNIT OFF;:VOLT:NPLC 200,(@101)",
    ],
)
def test_what_somebody_left_bends_no_reading(
    twin: SimKeysight34970a, daq: Keysight34970a, clock: VirtualClock, left: bytes
) -> None:
    twin.handle(left)
    assert twin.handle(b"SYST:ERR?") == b'+0,"No error"'
    clock.sleep(12.0)
    began = clock.now()
    assert daq.read_channels(volts=[101]) == {101: pytest.approx(1.01, abs=1e-3)}
    assert daq.read_channels(degrees=[102]) == {102: pytest.approx(10.2, abs=1.0)}
    assert clock.now() - began < 0.2


def test_another_probe_than_is_there_is_seen(twin: SimKeysight34970a, clock: VirtualClock) -> None:
    line = InProcessLine(twin, Keysight34970a.LINE, "daq")
    wrong = Keysight34970a(line, clock, probes={"101": "TC J", "205": "TC K"})
    assert wrong.read_channels(degrees=[101])[101] == pytest.approx(12.8, abs=1.0)
    other = wrong.read_channels(degrees=[205])[205]
    assert isinstance(other, InstrumentError)
    assert "overload" in str(other)


def test_an_overload_of_one_channel_is_no_value_of_it_alone(
    twin: SimKeysight34970a, daq: Keysight34970a
) -> None:
    twin.sense("ch102", lambda: 400.0)
    found = daq.read_many(["ch101", "ch102", "ch103"])
    assert isinstance(found["ch102"], InstrumentError)
    assert found["ch103"] == pytest.approx(1.03, abs=1e-3)
    with pytest.raises(InstrumentError, match="102: overload"):
        daq.ch102.read()


def test_an_overload_begins_and_ends_with_its_fault(
    daq: Keysight34970a, clock: VirtualClock, world: World
) -> None:
    world.add_fault("SIM-DAQ", Fault("overload", at_s=10.0, until_s=20.0))
    daq.read_channels(volts=[101])
    clock.sleep(10.0)
    assert isinstance(daq.read_channels(volts=[101])[101], InstrumentError)
    clock.sleep(10.0)
    daq.read_channels(volts=[101])


def test_make_safe_ends_a_scan(twin: SimKeysight34970a, daq: Keysight34970a) -> None:
    twin.handle(b"NONSENSE;:ROUT:SCAN (@101:120);:TRIG:SOUR TIM;TIM 1;COUN INF;:INIT")
    daq.make_safe()
    assert twin.handle(b"*OPC?") == b"1"


def test_what_an_earlier_program_left_is_taken(
    twin: SimKeysight34970a, daq: Keysight34970a
) -> None:
    twin.handle(b"NONSENSE")
    assert daq.take() == ("-113 Undefined header",)
    assert daq.take() == ()


@pytest.mark.parametrize("volts", [-0.05, 0.9, 3.3, 11.9, 25.0, 280.0])
def test_every_unit_reads_within_what_the_driver_states(world: World, volts: float) -> None:
    limit = limit_of_error(meters_of(Keysight34970a)["ch101"], volts) or 0.0
    for number in range(30):
        twin = SimKeysight34970a(world, f"SIM-{number}")
        twin.sense("ch101", lambda: volts)
        reply = twin.handle(b"CONF:VOLT (@101);:READ?") or b"nan"
        assert abs(float(reply) - volts) <= limit


# The twin, byte by byte.


def test_the_twin_answers_as_the_reference_says(world: World) -> None:
    twin = SimKeysight34970a(world, "SIM-DAQ")
    exchanges = [
        (b"*IDN?", b"HEWLETT-PACKARD,34970A,0,13-2-2"),
        (b"SYST:CTYP? 100", b"HEWLETT-PACKARD,34901A,0,2.3"),
        (b"ROUT:SCAN?", b"#13(@)"),
        (b"READ?", None),
        (b"SYST:ERR?", b'+113,"Channel list: empty scan list"'),
        (b"ROUT:SCAN (@101:103);SCAN?", b"#214(@101,102,103)"),
        (b"ROUT:SCAN:SIZE?", b"3"),
        (b"ROUT:SCAN (@)", None),
        (b"ROUT:SCAN:SIZE?", b"0"),
        (b"CONF:TEMP TC,K,(@102);:ROUT:SCAN?", b"#16(@102)"),
        (b"CONF:VOLT:DC 10,0.0001,(@101);:CONF? (@101)", b'"VOLT +1.00000000E+01,+1.00000000E-04"'),
        (b"FUNC? (@101,102)", b'"VOLT","TEMP"'),
        (b"ROUT:SCAN (@101:203)", None),
        (b"SYST:ERR?", b'+111,"Channel list: slot number out of range"'),
        (b"ROUT:SCAN (@121)", None),
        (b"SYST:ERR?", b'+112,"Channel list: channel number out of range"'),
        (b"CONF:TEMP FRTD,85,(@111)", None),
        (b"SYST:ERR?", b'+306,"Part of a 4-wire pair"'),
        (b"CONF:TEMP TC,X,(@101)", None),
        (b"SYST:ERR?", b'-224,"Illegal parameter value"'),
        (b"TRIG:SOUR BUS;:READ?", None),
        (b"SYST:ERR?", b'-214,"Trigger deadlock"'),
        (b"*TRG", None),
        (b"SYST:ERR?", b'-211,"Trigger ignored"'),
        (b"*RST;:FETC?", None),
        (b"SYST:ERR?", b'-230,"Data corrupt or stale"'),
    ]
    for sent, reply in exchanges:
        assert (sent, twin.handle(sent)) == (sent, reply)


EXAMPLES = [
    ("CONF:TEMP FRTD,85,(@101);:CONF? (@101)", '"TEMP FRTD,85,1,+1.00000000E-03"'),
    ("CONF:VOLT (@101);:VOLT:RANG? (@101);RANG:AUTO? (@101)", "+1.00000000E+01;1"),
    ("VOLT:RANG 50,(@101:102);RANG? (@101:102)", "+1.00000000E+02,+1.00000000E+02"),
    ("ROUT:SCAN (@101);:VOLT:RANG:AUTO OFF;AUTO?", "0"),
    ("VOLT:NPLC 5,(@101);NPLC? (@101)", "+1.00000000E+01"),
    ("TEMP:NPLC MAX,(@101);NPLC? (@101)", "+2.00000000E+02"),
    ('FUNC "TEMP",(@101);FUNC? (@101)', '"TEMP"'),
    ("ZERO:AUTO OFF,(@101);:UNIT:TEMP F,(@101);TEMP? (@101)", "F"),
    ("TEMP:TRAN:TC:RJUN:TYPE INT,(@101);:SYST:CTYP? 300", "HEWLETT-PACKARD,34901A,0,2.3"),
    ("ROUT:CHAN:DEL 0.5,(@101);DEL? (@101)", "+5.00000000E-01"),
    ("ROUT:CHAN:DEL:AUTO OFF,(@101);AUTO? (@101)", "0"),
    ("CALC:SCAL:GAIN 2,(@101);OFFS 1,(@101);UNIT 'PSI',(@101);STAT ON,(@101);STAT? (@101)", "1"),
    ("FORM:READ:UNIT ON;UNIT?;TIME?;CHAN?;ALAR?", "1;0;0;0"),
    ("FORM:READ:ALAR ON;TIME:TYPE REL;:CONF:VOLT (@101);:FORM:READ:ALAR?", "0"),
    ("TRIG:SOUR TIM;SOUR?;TIM 5;TIM?;COUN 3;COUN?", "TIM;+5.00000000E+00;+3.00000000E+00"),
    ("TRIG:COUN INF;COUN?;:DATA:POIN?", "+9.90000000E+37;0"),
    ("R? 5;*OPC?;*WAI;:ABOR;:STAT:OPER:COND?", "#10;1;0"),
]


@pytest.mark.parametrize(("sent", "reply"), EXAMPLES)
def test_a_worked_example_of_each_command(world: World, sent: str, reply: str) -> None:
    twin = SimKeysight34970a(world, "SIM-DAQ")
    assert (sent, twin.handle(sent.encode())) == (sent, reply.encode())
    assert twin.handle(b"SYST:ERR?") == b'+0,"No error"'
    assert not world.beyond.get("SIM-DAQ")


@pytest.mark.parametrize(
    "command",
    ["FUNC 'RES',(@101)", "TRIG:SOUR ALAR1", "FORM:READ:TIME:TYPE ABS", "MEAS:RES? (@101)"],
)
def test_what_it_has_and_the_twin_has_not_is_on_record(world: World, command: str) -> None:
    twin = SimKeysight34970a(world, "SIM-DAQ")
    assert twin.handle(command.encode()) is None
    assert not (twin.handle(b"SYST:ERR?") or b"+0").startswith(b"+0")
    assert world.beyond["SIM-DAQ"].counts


def test_all_fields_of_a_reading(twin: SimKeysight34970a) -> None:
    twin.handle(b"CONF:VOLT (@101:102);:FORM:READ:UNIT ON;TIME ON;CHAN ON;ALAR ON")
    fields = (twin.handle(b"READ?") or b"").split(b",")
    assert [fields[n] for n in (1, 2, 3, 5, 6)] == [
        b"000000000.044", b"101", b"0", b"000000000.088", b"102"
    ]  # fmt: skip
    assert fields[0].endswith(b" VDC")
    assert twin.handle(b"DATA:POIN?") == b"0"  # READ? stores nothing


def test_timed_sweeps_run_while_nobody_waits(twin: SimKeysight34970a, clock: VirtualClock) -> None:
    twin.handle(b"CONF:VOLT (@101:103);:TRIG:SOUR TIM;TIM 10;COUN 3;:INIT")
    assert twin.handle(b"INIT;:SYST:ERR?") == b'-213,"Init ignored"'
    clock.sleep(10.1)
    assert twin.handle(b"DATA:POIN?") == b"5"
    began = clock.now()
    assert twin.handle(b"*OPC?;:DATA:POIN?") == b"1;9"
    assert clock.now() - began == pytest.approx(20 + 3 * 0.044 - 10.1)
    assert len((twin.handle(b"FETC?") or b"").split(b",")) == 9
    assert (twin.handle(b"R? 9") or b"").startswith(b"#3143")
    assert twin.handle(b"DATA:POIN?") == b"0"


def test_each_bus_trigger_is_a_sweep(twin: SimKeysight34970a, clock: VirtualClock) -> None:
    twin.handle(b"CONF:VOLT (@101:103);:TRIG:SOUR BUS;COUN 2;:INIT")
    clock.sleep(5.0)
    assert twin.handle(b"DATA:POIN?;*TRG;*WAI;:DATA:POIN?") == b"0;3"
    assert twin.handle(b"*OPC?") is None
    assert twin.handle(b"*TRG;*OPC?;:DATA:POIN?") == b"1;6"


def test_a_reading_that_ended_is_of_the_time_before_the_world_changed(
    world: World, twin: SimKeysight34970a, clock: VirtualClock
) -> None:
    zone = world.zone()
    zone.bind("voltage", Constant(3.3))
    twin.sense("ch101", lambda: zone.value("voltage"))
    twin.handle(b"CONF:VOLT (@101);:INIT")
    clock.sleep(1.0)
    zone.bind("voltage", Constant(0.0))
    assert float(twin.handle(b"FETC?") or b"nan") == pytest.approx(3.3, abs=1e-3)


def test_endless_sweeps_keep_the_latest_and_end_with_abort(
    twin: SimKeysight34970a, clock: VirtualClock
) -> None:
    twin.handle(b"CONF:VOLT (@101);:TRIG:SOUR TIM;TIM 1;COUN INF;:INIT")
    clock.sleep(1000.5)
    assert twin.handle(b"*OPC?") is None
    assert twin.handle(b"DATA:POIN?;:ABOR;*OPC?") == b"1001;1"


def test_weeks_of_sweeps_keep_the_latest(twin: SimKeysight34970a, clock: VirtualClock) -> None:
    twin.handle(b"CONF:VOLT (@101:120);:TRIG:SOUR TIM;TIM 1;COUN INF;:INIT")
    clock.sleep(1e7 + 0.95)
    twin.sense("ch101", lambda: 9.0)
    assert twin.handle(b"DATA:POIN?") == b"50000"
    clock.sleep(1.0)
    twin.handle(b"ABOR")
    last = (twin.handle(b"FETC?") or b"").split(b",")[-20]
    assert float(last) == pytest.approx(9.0, abs=1e-3)


# The DAQ970A, and other people's clients.


def test_the_newer_one_is_another_device_with_the_same_words(
    world: World, clock: VirtualClock
) -> None:
    twin = SimKeysightDaq970a(world, "SIM-DAQ")
    twin.sense("ch220", lambda: 5.0)
    daq = KeysightDaq970a(InProcessLine(twin, KeysightDaq970a.LINE, "daq"), clock)
    assert daq.identify().serial == "SIM-DAQ"
    assert daq.read_channels(volts=[220])[220] == pytest.approx(5.0, abs=3e-4)
    with pytest.raises(WrongDevice):
        Keysight34970a(InProcessLine(twin, Keysight34970a.LINE, "daq"), clock).identify()


def test_a_plain_pyvisa_script_scans() -> None:
    import pyvisa  # noqa: PLC0415 - heavy

    twin = SimKeysightDaq970a(World(RealClock(speed=1000.0), seed=1), "SIM-DAQ")
    for channel in (111, 112):
        twin.sense(f"ch{channel}", lambda channel=channel: channel / 100)
    manager = pyvisa.ResourceManager("@py")
    with (
        TcpMount(twin) as mount,
        manager.open_resource(
            f"TCPIP0::127.0.0.1::{mount.port}::SOCKET",
            read_termination="\n",
            write_termination="\n",
        ) as daq,
    ):
        daq.write("*RST")
        daq.write("CONF:VOLT:DC AUTO,DEF,(@111,112)")
        daq.write("ROUT:SCAN (@111,112)")
        assert daq.query_ascii_values("READ?") == pytest.approx([1.11, 1.12], abs=1e-3)
        daq.write("INIT")
        assert daq.query("*OPC?") == "1"
        assert daq.query("R?").startswith("#231+1.1")
        assert daq.query("SYST:ERR?") == '+0,"No error"'
    manager.close()
