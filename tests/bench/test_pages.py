"""The pages of devices say what this version's twins understand, and keep what people wrote."""

import sys
from pathlib import Path

import pytest

from sensorbench.app.commands import device_pages
from sensorbench.app.failure import BAD_INPUT
from sensorbench.app.main import main
from sensorbench.core.catalog import Device, devices, left_out
from sensorbench.core.errors import Problem
from sensorbench.core.plugins import OURS
from sensorbench.instruments.keysight_e36312a.twin import SimKeysightE36312a
from sensorbench.protocols.scpi_device import scpi
from sensorbench.testing import pages
from sensorbench.testing.cases import case_of
from sensorbench.testing.conformity import applies_to
from sensorbench.testing.instruments import INSTRUMENT_CHECKS
from sensorbench.testing.pages import BEGIN, END, generated, renewed, write_pages
from sensorbench.testing.sensors import SENSOR_CHECKS
from sensorbench.testing.understood import commands_of, is_noted, known_to

PAGES = Path(__file__).parents[2] / "docs" / "devices"
OUR_DEVICES = [device for device in devices().values() if device.origin == OURS]


@pytest.mark.parametrize("device", OUR_DEVICES, ids=lambda device: device.name)
def test_the_page_of_each_device_is_up_to_date(device: Device) -> None:
    page = (PAGES / f"{device.name}.md").read_text(encoding="utf-8")
    if renewed(page, device) != page:
        pytest.fail(f"run: sensorbench devices --pages {PAGES}")


@pytest.fixture
def one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be one device: finding out what each twin understands takes a while."""
    monkeypatch.setattr(pages, "devices", lambda: {"bmp280": devices()["bmp280"]})


@pytest.mark.usefixtures("one")
def test_what_people_wrote_stays_before_and_after(tmp_path: Path) -> None:
    page = tmp_path / "bmp280.md"
    write_pages(tmp_path)
    fresh = page.read_text()
    page.write_text(f"# Mine\n\nby hand\n\n{BEGIN}\nold\n{END}\n\n## After\n")
    write_pages(tmp_path)
    renewed_page = page.read_text()
    assert renewed_page.startswith(f"# Mine\n\nby hand\n\n{BEGIN}\n")
    assert renewed_page.endswith(f"{END}\n\n## After\n")
    assert "old" not in renewed_page
    assert fresh.partition(BEGIN)[2].strip() in renewed_page


@pytest.mark.usefixtures("one")
def test_a_device_that_is_left_out_is_told_and_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    problem = Problem("sht9x/device.toml", "links", "'i3c' is not allowed; the device is left out")
    monkeypatch.setattr(device_pages, "left_out", lambda: (problem,))
    monkeypatch.setattr(sys, "argv", ["sensorbench", "devices", "--pages", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == BAD_INPUT
    assert str(problem) in capsys.readouterr().err


def test_every_device_of_ours_can_be_used() -> None:
    assert left_out() == ()


def test_a_page_without_a_generated_part_gets_one_at_its_end(tmp_path: Path) -> None:
    page = renewed("# SBP1\n\n## Registers\n", devices()["sbp1"])
    assert page.startswith("# SBP1\n\n## Registers\n\n" + BEGIN)


def test_a_command_that_a_twin_learns_makes_its_page_old(monkeypatch: pytest.MonkeyPatch) -> None:
    def learnt(_: SimKeysightE36312a) -> str:
        return "42"

    before = renewed("", devices()["keysight_e36312a"])
    answered = scpi(":SYSTem:ANSWer?")(learnt)
    monkeypatch.setattr(SimKeysightE36312a, "_answered", answered, raising=False)
    after = renewed("", devices()["keysight_e36312a"])
    assert set(after.splitlines()) - set(before.splitlines()) == {":SYSTem:ANSWer?"}


@pytest.mark.parametrize(
    ("name", "readable", "writable"),
    [
        ("bmp280", {*range(0x88, 0xA2), 0xD0, 0xE0, *range(0xF3, 0xFD)}, {0xE0, 0xF4, 0xF5}),
        # Bit 7 of a register's number is its own matter: one counts up with it.
        (
            "lis3mdl",
            {*range(0x05, 0x0B), 0x0F, *range(0x20, 0x25), *range(0x27, 0x34)},
            {*range(0x05, 0x0B), *range(0x20, 0x25)},
        ),
        ("tmp117", {*range(9), 0x0F}, {1, 2, 3, 4, 7}),
    ],
)
def test_registers_are_found_by_trying_them(
    name: str, readable: set[int], writable: set[int]
) -> None:
    known = known_to(case_of(devices()[name]))
    assert (set(known.readable), set(known.writable)) == (readable, writable)


def test_a_register_that_takes_its_time_is_found_too() -> None:
    assert known_to(case_of(devices()["cht8305"])).readable == (0, 1, 2, 3, 4, 0xFE, 0xFF)


def test_commands_are_found_by_trying_them() -> None:
    known = known_to(case_of(devices()["sht4x"]))
    assert known.commands == (0x89, 0x94, 0xE0, 0xF6, 0xFD)
    assert known.noted == (0x15, 0x1E, 0x24, 0x2F, 0x32, 0x39)


@pytest.mark.parametrize("name", [n for n, device in devices().items() if commands_of(device)])
def test_a_twin_models_what_it_says_that_it_understands(name: str) -> None:
    case = case_of(devices()[name])
    assert not [sent for sent in commands_of(case.device) if is_noted(case, sent)]


@pytest.mark.usefixtures("one")
def test_the_command_says_what_it_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["sensorbench", "devices", "--pages", str(tmp_path)])
    for expected in ("bmp280.md", "every page is up to date"):
        with pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code
        assert expected in capsys.readouterr().out


def test_the_table_of_conformance_has_every_device_and_check() -> None:
    page = (PAGES / "conformance.md").read_text(encoding="utf-8")
    rows = {line.split("](")[0][3:]: line for line in page.splitlines() if line.startswith("| [")}
    assert set(rows) == {device.name for device in OUR_DEVICES}, "run make_conformance_table.py"
    for device in OUR_DEVICES:
        checks = SENSOR_CHECKS if device.kind == "sensor" else INSTRUMENT_CHECKS
        cells = [cell.strip() for cell in rows[device.name].split("|")[2:-1]]
        expected = ["ok" if applies_to(check, case_of(device)) else "-" for check in checks]
        assert cells == expected, f"{device.name}: run tools/make_conformance_table.py"


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("keysight_e36312a", ("CURR <number>,(@<n>)", "OUTP? (@<n>)", "MEAS:VOLT? (@<n>)")),
        ("binder_mb2", ("writes registers 4428 to 4429", "reads register 4754")),
        ("weiss_votsch", ("14001\\xb61\\xb61\\xb61",)),
    ],
)
def test_the_page_of_an_instrument_lists_what_its_driver_sends(
    name: str, sent: tuple[str, ...]
) -> None:
    page = generated(devices()[name])
    _, _, told = page.partition("What it sends, noted while all of this was done with its twin:")
    lines = told.partition("## Its simulated twin")[0].splitlines()
    assert set(sent) <= set(lines)
    assert len(lines) == len(set(lines)) + lines.count("") + lines.count("```") - 2
