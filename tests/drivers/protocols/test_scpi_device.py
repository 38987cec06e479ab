"""The engine of simulated SCPI instruments: headers, messages, status, errors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.protocols.scpi_device import ScpiDevice, ScpiStatusDevice, scpi
from sensorbench.protocols.scpi_headers import HeaderTree, parse_pattern
from sensorbench.protocols.scpi_parameters import (
    Channels,
    Choice,
    Flag,
    Limit,
    Maybe,
    Number,
    Text,
    bounded,
    nr3,
)
from sensorbench.protocols.scpi_status import ScpiError, event_bit


class Thing(ScpiStatusDevice):
    """A small source with sensors."""

    IDENTITY = "Maker,Thing,{serial},1.0"
    ERROR_CAPACITY = 3

    def __init__(self, *, echo_headers: bool = False) -> None:
        super().__init__("SIM-1", echo_headers=echo_headers)
        self.log: list[object] = []
        self.volts = 0.0

    def reset(self) -> None:
        self.volts = 0.0

    @scpi("[:SOURce]:VOLTage[:LEVel][:IMMediate][:AMPLitude]", Number("V"))
    def _set_voltage(self, volts: float | Limit) -> None:
        if not isinstance(volts, float) or volts > 10:
            raise ScpiError(-222)
        self.volts = volts

    @scpi("[:SOURce]:VOLTage[:LEVel][:IMMediate][:AMPLitude]?")
    def _get_voltage(self) -> str:
        return f"{self.volts:g}"

    @scpi("[:SOURce]:VOLTage:PROTection[:LEVel]?")
    def _get_protection(self) -> str:
        return "11"

    @scpi(":INSTrument:SENSor<4>:FULL?")
    def _full(self, sensor: int) -> str:
        return f"full {sensor}"

    @scpi(":DISPlay:TEXT", Text())
    def _text(self, text: str) -> None:
        self.log.append(text)

    @scpi(":OUTPut", Flag(), Maybe(Channels(3)), bound=("output",))
    @scpi(":ROUTe", Flag(), Maybe(Channels(3)), bound=("route",))
    def _switch(self, what: str, on: bool, channels: tuple[int, ...] | None) -> None:
        self.log.append((what, on, channels))


@pytest.fixture
def thing() -> Thing:
    return Thing()


def ask(thing: ScpiDevice, line: str) -> str | None:
    reply = thing.handle(line.encode())
    return None if reply is None else reply.decode()


def errors(thing: ScpiDevice) -> list[int]:
    codes = []
    while (code := int((ask(thing, "SYST:ERR?") or "").split(",")[0])) != 0:
        codes.append(code)
    return codes


# Headers


@given(st.data())
def test_exactly_the_short_and_the_long_form_of_each_node_are_understood(
    data: st.DataObject,
) -> None:
    nodes = ["[:SOURce]", ":VOLTage", "[:LEVel]", "[:IMMediate]", "[:AMPLitude]"]
    words, legal = [], True
    for node in parse_pattern("".join(nodes)):
        if node.optional and data.draw(st.booleans()):
            continue
        length = data.draw(st.integers(1, len(node.long)))
        legal &= length in {len(node.short), len(node.long)}
        word = node.long[:length]
        words.append("".join(data.draw(st.sampled_from([c, c.lower()])) for c in word))
    thing = Thing()
    thing.volts = 2.5
    colon = data.draw(st.sampled_from(["", ":"]))
    assert ask(thing, f"{colon}{':'.join(words)}?") == ("2.5" if legal else None)
    assert errors(thing) == ([] if legal else [-113])


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("INST:SENS:FULL?", "full 1"),
        ("INST:SENS4:FULL?", "full 4"),
        ("instrument:sensor2:full?", "full 2"),
    ],
)
def test_a_numeric_suffix_defaults_to_one(thing: Thing, line: str, reply: str) -> None:
    assert ask(thing, line) == reply


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("INST:SENS5:FULL?", -114),
        ("INST:SENS0:FULL?", -114),
        ("INST2:SENS:FULL?", -113),
        ("VOLTA 1", -113),
        ("VOLT:LEV:NEXT 1", -113),
        ("INST:SENS?", -113),
        ("*WAI?", -113),
        ("ABCDEFGHIJKLM 1", -112),
        ("VOLT:: 1", -102),
        ("VOLT", -109),
        ("VOLT 1,2", -108),
        ("VOLT? 1", -108),
        ("VOLT 1,", -102),
        ("VOLT 11", -222),
        ("VOLT ON", -104),
        ("VOLT 1 A", -131),
        ("VOLT 1 KKV", -131),
        ("*ESE 1 V", -138),
        ("*ESE 256", -222),
        ("VOLT '1'", -104),
        ("DISP:TEXT hello", -104),
        ("DISP:TEXT 'hello", -151),
        ("OUTP MAYBE", -104),
        ("OUTP 1,(@4)", -222),
        ("OUTP 1,(@)", -104),
        ("OUTP 1,(@1:99999999)", -222),
        ("VOLT 1\u00e9", -101),
        ("VOLT 1E400", -222),
        ("VOLT 1E99999", -123),
        ("VOLT 1E-99999", -123),
        (f"VOLT {'1' * 300}", -124),
    ],
)
def test_what_can_not_be_carried_out_is_refused_by_the_standard_s_code(
    thing: Thing, line: str, code: int
) -> None:
    assert thing.handle(line.encode("latin-1")) is None
    assert errors(thing) == [code]


@pytest.mark.parametrize(
    ("header", "suffix"), [("SOUR:VOLT", 0), ("SOUR2:VOLT", 2), ("SOURCE3:VOLT", 3)]
)
def test_a_channel_that_is_left_out_is_left_to_the_instrument(header: str, suffix: int) -> None:
    tree = HeaderTree[str]()
    tree.add(":SOURce<3?>:VOLTage", "volts")
    found = tree.find(tuple(header.split(":")))
    assert found is not None
    assert found.suffixes == (suffix,)
    for wrong in ("SOUR0", "SOUR4"):
        with pytest.raises(ScpiError, match="-114"):
            tree.find((wrong, "VOLT"))


def test_a_digit_that_is_written_out_belongs_to_the_name() -> None:
    tree = HeaderTree[str]()
    tree.add(":PRESsure0", "whatever controls")
    tree.add(":PRESsure:MODule<2>", "a module")
    for header in ("PRES0", "PRESSURE0"):
        found = tree.find((header,))
        assert found is not None
        assert (found.value, found.suffixes) == ("whatever controls", ())
    assert tree.find(("PRES",)) is None
    assert tree.find(("PRES0", "MOD2")) is None
    assert tree.find(("PRES", "MOD2")) is not None


@pytest.mark.parametrize("pattern", ["VOLT[age", "[:A]:B[:C<2>]", "A::B", ""])
def test_patterns_that_can_not_be_read_are_refused(pattern: str) -> None:
    if pattern:
        with pytest.raises(ValueError, match="can't be read"):
            parse_pattern(pattern)
    else:
        assert parse_pattern(pattern) == ()


def test_two_declarations_of_one_spelling_are_refused() -> None:
    tree: HeaderTree[int] = HeaderTree()
    tree.add("[:SOURce]:VOLTage", 1)
    with pytest.raises(ValueError, match="taken"):
        tree.add(":VOLTage[:LEVel]", 2)


# Messages


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("*OPC?;*IDN?", "1;Maker,Thing,SIM-1,1.0"),
        ("VOLT 1;VOLT?", "1"),
        ("SOUR:VOLT:LEV 2;LEV?;PROT?", "2;11"),
        ("SOUR:VOLT:LEV 3;*OPC?;LEV?", "1;3"),
        ("SOUR:VOLT:LEV 4;:VOLT?;:SYST:VERS?", "4;1999.0"),
        ("VOLT\t5 ; VOLT? ;", "5"),
        ("DISP:TEXT 'a;b, (';:VOLT?", "0"),
        ("", None),
        (" ; ", None),
        ("\r", None),
    ],
)
def test_messages_follow_the_path_rule(thing: Thing, line: str, reply: str | None) -> None:
    assert ask(thing, line) == reply
    assert errors(thing) == []


def test_a_unit_that_can_not_be_read_ends_its_message(thing: Thing) -> None:
    assert ask(thing, "VOLT 1;NONSENSE;VOLT 2") is None
    assert ask(thing, "VOLT?") == "1"


def test_a_unit_that_is_refused_does_not_end_its_message(thing: Thing) -> None:
    assert ask(thing, "VOLT 99;VOLT?") == "0"


def test_a_repeated_message_is_carried_out_again(thing: Thing) -> None:
    for _ in range(3):
        ask(thing, "DISP:TEXT 'x'")
    assert thing.log == ["x"] * 3


def test_lines_without_end_do_not_fill_the_memory(thing: Thing) -> None:
    for number in range(10_000):
        ask(thing, f"VOLT {number / 1000}")
    assert len(thing._programs) <= 4096
    assert ask(thing, "VOLT?") == "9.999"


def test_one_method_serves_several_patterns(thing: Thing) -> None:
    ask(thing, "OUTP ON,(@1,3)")
    ask(thing, "ROUT 0.4,(@1:2)")
    ask(thing, "ROUT 0.6")
    assert thing.log == [("output", True, (1, 3)), ("route", False, (1, 2)), ("route", True, None)]


def test_headers_are_repeated_in_full_short_form_if_the_instrument_does_so() -> None:
    thing = Thing(echo_headers=True)
    assert ask(thing, "VOLT?") == ":SOUR:VOLT:LEV:IMM:AMPL 0"
    assert ask(thing, "inst:sens2:full?") == ":INST:SENS2:FULL full 2"
    assert ask(thing, "*IDN?;*OPC?") == "*IDN Maker,Thing,SIM-1,1.0;*OPC 1"


# Status


def test_the_error_queue_is_first_in_first_out_and_overflows_to_350(thing: Thing) -> None:
    for line in ("VOLTA", "VOLT 99", "VOLT ON", "VOLT", "VOLT 1,2"):
        ask(thing, line)
    assert ask(thing, "SYST:ERR?") == '-113,"Undefined header"'
    assert ask(thing, "SYST:ERR:NEXT?") == '-222,"Data out of range"'
    assert ask(thing, "SYST:ERR?") == '-350,"Queue overflow"'
    assert ask(thing, "SYST:ERR?") == '+0,"No error"'


@pytest.mark.parametrize(
    ("code", "bit"), [(-113, 32), (-222, 16), (-310, 8), (-350, 8), (531, 8), (-410, 4), (-420, 4)]
)
def test_an_error_sets_the_event_bit_of_its_class(thing: Thing, code: int, bit: int) -> None:
    assert event_bit(code) == bit
    ask(thing, "*CLS")
    thing.inject_error(code, "injected")
    assert ask(thing, "*ESR?") == str(bit)
    assert ask(thing, "*ESR?") == "0"
    assert ask(thing, "SYST:ERR?") == f'{code:+d},"injected"'


def test_power_on_is_seen_once(thing: Thing) -> None:
    assert ask(thing, "*ESR?;*ESR?") == "128;0"


def test_the_status_byte_sums_up(thing: Thing) -> None:
    ask(thing, "*CLS;*ESE 32;*SRE 255")
    assert ask(thing, "*SRE?") == "191"  # bit 6 can't be set
    assert ask(thing, "*STB?") == "0"
    assert ask(thing, "*IDN?;*STB?").split(";")[1] == str(16 | 64)
    ask(thing, "NONSENSE")
    assert ask(thing, "*STB?") == str(4 | 32 | 64)
    assert ask(thing, "*STB?") == str(4 | 32 | 64)
    ask(thing, "*SRE 0")
    assert ask(thing, "*STB?") == str(4 | 32)
    ask(thing, "*CLS")
    assert ask(thing, "*STB?") == "0"


def test_cls_clears_events_and_errors_and_rst_only_settings(thing: Thing) -> None:
    ask(thing, "*ESE 60;*SRE 36;VOLT 5;NONSENSE")
    ask(thing, "*RST")
    assert ask(thing, "VOLT?;*ESE?;*SRE?") == "0;60;36"
    assert ask(thing, "*STB?") == str(4 | 32 | 64)
    ask(thing, "*CLS")
    assert ask(thing, "*ESE?;*SRE?;*ESR?;*STB?") == f"60;36;0;{16}"
    assert errors(thing) == []


def test_opc_sets_its_bit_and_its_query_answers_one(thing: Thing) -> None:
    ask(thing, "*CLS;*OPC;*WAI")
    assert ask(thing, "*ESR?;*OPC?;*TST?") == "1;1;0"


def test_events_of_the_scpi_registers_are_latched_until_read(thing: Thing) -> None:
    ask(thing, "*CLS;:STAT:QUES:ENAB 512")
    thing.status.questionable.update(512)
    thing.status.questionable.update(0)
    assert ask(thing, "STAT:QUES:COND?;ENAB?") == "0;512"
    assert ask(thing, "*STB?") == "8"
    assert ask(thing, "STAT:QUES?;QUES:EVEN?") == "512;0"
    ask(thing, "STAT:PRES;OPER:ENAB 3")
    assert ask(thing, "STAT:QUES:ENAB?;:STAT:OPER:ENAB?;COND?;EVEN?") == "0;3;0;0"


# Parameters


@given(
    value=st.floats(-1e6, 1e6),
    style=st.sampled_from(["{:g}", "{:+.6E}", "{:.3f}"]),
    multiplier=st.sampled_from(["", "V", " V", " mV", "UV", "kv", "MAV", "NV", "PV", "GV"]),
)
def test_numbers_are_taken_with_units_and_multipliers(
    value: float, style: str, multiplier: str
) -> None:
    factors = {"": 1.0, "V": 1.0, "MV": 1e-3, "UV": 1e-6, "KV": 1e3}
    factors |= {"MAV": 1e6, "NV": 1e-9, "PV": 1e-12, "GV": 1e9}
    text = style.format(value)
    expected = float(text) * factors[multiplier.strip().upper()]
    assert Number("V").parse(text + multiplier) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("text", ["-0", "-0.0E0", "0E0", "1E-30", "1E-400", "4E-324", "000"])
def test_what_is_no_step_of_any_instrument_is_zero_without_a_sign(text: str) -> None:
    assert nr3(bounded(Number("V").parse(text), 0.0, 25.0, 0.0)) == "+0.00000000E+00"


def test_milli_is_mega_for_hertz_and_ohm() -> None:
    assert Number("OHM").parse("2 MOHM") == 2e6
    assert Number("HZ").parse("1.5MHZ") == 1.5e6
    assert Number("OHM").parse("100 KOHM") == 1e5


@pytest.mark.parametrize("token", ["MIN", "minimum", "MAX", "DEFault"])
def test_limits_are_taken_by_name(token: str) -> None:
    assert Number().parse(token) is Limit(token[:3].upper())


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_strings_survive_either_quote(text: str) -> None:
    for quote in "'\"":
        assert Text().parse(quote + text.replace(quote, quote * 2) + quote) == text


def test_a_choice_knows_its_short_and_long_forms_only() -> None:
    choice = Choice("LINear", "MAXimum")
    assert [choice.parse(word) for word in ("LIN", "linear", "Max")] == ["LIN", "LIN", "MAX"]
    with pytest.raises(ScpiError, match="-224"):
        choice.parse("LINE")
    with pytest.raises(ScpiError, match="-104"):
        choice.parse("1")


@given(st.binary(max_size=60))
def test_no_line_whatever_makes_the_engine_fail(line: bytes) -> None:
    Thing().handle(line)


@given(st.text(st.sampled_from("VOLTSOURINSENS12?:;,*()@'\" .-+eEmV"), max_size=40))
def test_no_nearly_legal_line_makes_the_engine_fail(line: str) -> None:
    Thing().handle(line.encode())


# What can be read and can't be done


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("OUTP ON,(@9);:VOLT?", -222),  # a channel that is not there
        ("*SRE 256;:VOLT?", -222),
        ("VOLT 11;VOLT?", -222),  # found by the handler
    ],
)
def test_after_an_execution_error_the_rest_of_the_message_is_carried_out(
    thing: Thing, line: str, code: int
) -> None:
    thing.volts = 2.5
    assert ask(thing, line) == "2.5"
    assert errors(thing) == [code]


def test_after_a_command_error_the_rest_of_the_message_is_not(thing: Thing) -> None:
    assert ask(thing, "OUTP MAYBE;:VOLT?") is None
    assert errors(thing) == [-104]


@pytest.mark.parametrize("mask", ["#H2F", "#h2f", "#Q57", "#B101111", "47"])
def test_masks_are_written_to_any_base(thing: Thing, mask: str) -> None:
    assert ask(thing, f"STAT:QUES:ENAB {mask};ENAB?;*ESE {mask};*ESE?") == "47;47"
    assert errors(thing) == []


@pytest.mark.parametrize(("mask", "code"), [("#H", -104), ("#B2", -104), ("#HFFFF", -222)])
def test_a_mask_that_can_t_be_is_refused(thing: Thing, mask: str, code: int) -> None:
    ask(thing, f"STAT:QUES:ENAB {mask}")
    assert errors(thing) == [code]


def test_a_voltage_is_no_mask(thing: Thing) -> None:
    ask(thing, "VOLT #H5")
    assert errors(thing) == [-104]


# What an instrument would take


class Stepper(ScpiDevice):
    """A source whose steps nobody modelled."""

    IDENTITY = "Maker,Stepper,{serial},1.0"

    @scpi(":VOLTage", Number("V", beyond=("UP", "DOWN")), Maybe(Choice("NOW", beyond=("LATER",))))
    def _set(self, volts: float | Limit, when: str | None) -> None: ...


class Notes:
    def __init__(self) -> None:
        self.noted: list[str] = []

    def note(self, access: str) -> None:
        self.noted.append(access)


@pytest.mark.parametrize(
    ("sent", "noted", "code"),
    [
        ("VOLT UP", ":VOLT UP", -224), ("volt down,now", ":VOLT DOWN", -224),
        ("VOLT 1,later", ":VOLT LATER", -224),
        ("VOLT SIDEWAYS", None, -104), ("VOLT 1,NEVER", None, -224),
    ],
)  # fmt: skip
def test_a_value_that_the_instrument_would_take_is_on_record(
    sent: str, noted: str | None, code: int
) -> None:
    notes = Notes()
    device = Stepper("1", beyond=notes)
    ask(device, sent)
    assert errors(device) == [code]
    assert notes.noted == ([] if noted is None else [noted])


@pytest.mark.parametrize(("text", "on"), [("1e 0", True), ("1E -3", False), ("4 e1", True)])
def test_a_number_with_blanks_about_its_exponent_is_a_flag_too(text: str, on: bool) -> None:
    assert Flag().parse(text) is on
