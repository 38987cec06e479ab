"""The command line as a user types it: what it prints, what it leaves, how it exits."""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import serial
from pymeasure.instruments.keysight import KeysightE36312A
from pyvisa import ResourceManager

from sensorbench.run.execute import Outcome


def sensorbench(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sensorbench.app.main", *arguments],
        capture_output=True, text=True, cwd=cwd, check=False,
    )  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    assert sensorbench("init", str(tmp_path / "bench")).returncode == 0
    return tmp_path / "bench"


@pytest.mark.slow
def test_a_new_workspace_is_in_order_and_runs(workspace: Path) -> None:
    assert sensorbench("check", cwd=workspace).stdout.startswith("all files are in order")
    plan = sensorbench(
        "check", "calibration/pressure_temperature", "--lot", "first", "--json", cwd=workspace
    )
    assert json.loads(plan.stdout)["readings"] == 105
    run = sensorbench("run", "calibration/pressure_temperature", "--lot", "first", cwd=workspace)
    assert run.returncode == 0, run.stderr
    assert "PASS: 2 of 2 units passed" in run.stdout
    (found,) = json.loads(sensorbench("runs", "--json", cwd=workspace).stdout)
    assert found["verdict"] == "PASS"
    shown = sensorbench("show", found["run"], cwd=workspace)
    assert "SIMULATED - NOT A MEASUREMENT" in shown.stdout
    assert "26000001" in shown.stdout
    verified = sensorbench("verify", found["run"], cwd=workspace)
    assert verified.returncode == 0
    assert verified.stdout.splitlines()[0].endswith("values are SIMULATED")
    # Calibrated parts stay calibrated: the next run finds them so.
    htol = sensorbench("run", "aec_q100/b1_htol", "--lot", "first", "--json", cwd=workspace)
    assert htol.returncode == 0, htol.stderr
    assert json.loads(htol.stdout)["verdict"] == "PASS"


def test_help_says_that_a_phase_s_own_place_wins(workspace: Path) -> None:
    for command in ("check", "run"):
        told = " ".join(sensorbench(command, "--help", cwd=workspace).stdout.split())
        assert "The place of every phase that names none itself." in told


def test_init_never_writes_into_a_folder_that_holds_something(workspace: Path) -> None:
    before = sorted(path.name for path in workspace.parent.iterdir())
    again = sensorbench("init", str(workspace))
    assert again.returncode == 2
    assert "is not empty; give a new folder" in again.stderr
    assert sorted(path.name for path in workspace.parent.iterdir()) == before


def test_bad_input_lists_every_problem_and_exits_with_2_and_leaves_nothing(
    workspace: Path,
) -> None:
    station = workspace / "station.toml"
    text = station.read_text()
    text = text.replace('high = "130 degC"', 'high = "130 K/min"').replace(
        "[bench.supply]", "[benches.supply]"
    )
    station.write_text(text)
    (workspace / "parts" / "sbp1.toml").unlink()
    run = sensorbench("run", "calibration/none", "--lot", "first", cwd=workspace)
    assert run.returncode == 2
    assert run.stderr.startswith("4 problems:")
    for expected in (
        "calibration/none",
        "benches: unknown key; did you mean bench?",
        "unit 'K/min' is not a temperature",
        "parts/sbp1.toml: is not there",
    ):
        assert expected in run.stderr
    assert "Traceback" not in run.stderr
    assert not (workspace / "evidence").exists()
    check = sensorbench("check", cwd=workspace)
    assert check.returncode == 2
    assert "benches: unknown key" in check.stderr
    station.write_text(text.replace("[benches.supply]", "[bench.supply]"))
    run = sensorbench("run", "calibration/none", "--lot", "first", cwd=workspace)
    assert run.stderr.startswith("3 problems:")
    assert "unit 'K/min' is not a temperature" in run.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "nothing"], "has no runs"),
        (["verify", "nothing"], "has no runs"),
        (["report", "nothing", "--format", "docx"], "allowed: html, pdf"),
        (["check", "aec_q100/b1_htol"], "write both a PROFILE and --lot LOT"),
        (["profiles", "show", "nothing"], "is not in the library"),
        (["simulate", "nowhere"], "station.toml: is not in nowhere"),
        (["demo", ".", "--units", "0"], "write 1 to 256"),
        (["demo", "."], "neither empty nor a demonstration"),
        (["run", "x"], "is not in the library"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_what_is_allowed(
    workspace: Path, arguments: list[str], message: str
) -> None:
    done = sensorbench(*arguments, cwd=workspace)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_lists_are_printed_for_people_and_for_programs(workspace: Path) -> None:
    known = json.loads(sensorbench("devices", "--json").stdout)
    assert {"sbp1", "bmp280", "bme280", "ms5611", "tmp117", "espec_p300", "druck_pace5000",
            "keysight_e36312a", "keysight_34461a"} <= {d["name"] for d in known}  # fmt: skip
    assert "aec_q100/b1_htol" in sensorbench("profiles").stdout
    shown = sensorbench("profiles", "show", "aec_q100/b1_htol").stdout
    assert "{temperature = 125 degC}" in shown
    assert "hours = 1000 h" in shown
    scanned = sensorbench("devices", "--scan", "--json", cwd=workspace)
    found = {(row["where"], row["what"]) for row in json.loads(scanned.stdout)}
    assert ("bus0", "0x48 answers") in found
    known = {row["in_station_toml"] for row in json.loads(scanned.stdout)}
    assert "thermometer" in known


def test_a_scan_and_a_reading_say_the_same_of_parts_without_supply(workspace: Path) -> None:
    scanned = sensorbench("devices", "--scan", cwd=workspace)
    assert "0x28 answers" not in scanned.stdout
    silent = "no answer of socket A1 (0x28), socket A2 (0x28). In its socket, and powered?"
    assert silent in scanned.stdout
    assert "has no supply" in sensorbench("read", "A1", cwd=workspace).stdout


def test_a_scan_of_a_workspace_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for folder in ("nowhere", "."):
        refused = sensorbench("devices", "--scan", "-w", str(tmp_path / folder))
        assert refused.returncode == 2
        assert "station.toml: is not in" in refused.stderr
    assert sensorbench("devices", "--scan", cwd=tmp_path).returncode == 0


@pytest.mark.slow
def test_read_says_what_parts_give_and_powers_them_only_when_told(workspace: Path) -> None:
    unpowered = sensorbench("read", "A1", cwd=workspace)
    assert unpowered.returncode == 3
    assert "has no supply" in unpowered.stdout
    assert "--power" in unpowered.stderr
    powered = sensorbench("read", "sbp1", "--power", "-n", "2", "--format", "csv", cwd=workspace)
    assert powered.returncode == 0, powered.stderr
    assert [row.split(",")[1] for row in powered.stdout.splitlines()[1:]] == ["A1", "A2"] * 2
    assert "SIMULATED" in powered.stderr
    unknown = sensorbench("read", "A9", cwd=workspace)
    assert unknown.returncode == 2
    assert "is neither a socket (A1, A2) nor a part (sbp1)" in unknown.stderr


def test_a_scan_shows_the_hardware_of_a_station_whose_lots_are_not_in_order(tmp_path: Path) -> None:
    (tmp_path / "lots").mkdir()
    (tmp_path / "lots" / "bad.toml").write_text("[lot]\n")
    (tmp_path / "station.toml").write_text(
        '[station]\nname = "b"\n[bus.own]\nkind = "linux"\ndevice = "/dev/i2c-nowhere"\n'
    )
    scanned = sensorbench("devices", "--scan", "--json", cwd=tmp_path)
    assert scanned.returncode == 0, scanned.stderr
    rows = {row["where"]: row["what"] for row in json.loads(scanned.stdout)}
    assert "can't be opened" in rows["/dev/i2c-nowhere"]


def test_a_scan_refuses_what_is_no_multiplexer(workspace: Path) -> None:
    for text in ("0x70", "/dev/i2c-1:0x28", "bus0:seventy"):
        refused = sensorbench("devices", "--scan", "--multiplexer", text, cwd=workspace)
        assert refused.returncode == 2
        assert "such as /dev/i2c-1:0x70" in refused.stderr


def test_a_damaged_run_exits_with_1_and_is_named(run_copy: Path) -> None:
    data = bytearray((run_copy / "samples" / "units-0.seg").read_bytes())
    data[1000] ^= 1
    (run_copy / "samples" / "units-0.seg").write_bytes(data)
    verified = sensorbench("verify", str(run_copy))
    assert verified.returncode == 1
    assert "damage: samples/units-0.seg: frame at byte" in verified.stdout
    as_json = json.loads(sensorbench("verify", "--json", str(run_copy)).stdout)
    assert as_json[0]["whole"] is False


def test_a_run_with_a_thousand_faults_is_told_on_one_screen(run_copy: Path) -> None:
    for number in range(1000):
        (run_copy / "derived" / f"{number}.json").write_text("{}")
    verified = sensorbench("verify", str(run_copy))
    assert verified.returncode == 1
    assert len(verified.stdout.splitlines()) < 25
    assert "and 980 more findings; --json lists all of them" in verified.stdout
    as_json = json.loads(sensorbench("verify", "--json", str(run_copy)).stdout)
    assert len(as_json[0]["findings"]) == 1000


def test_a_new_workspace_keeps_git_from_changing_evidence(workspace: Path) -> None:
    assert "evidence/** -text" in (workspace / ".gitattributes").read_text().splitlines()


def test_show_and_runs_are_only_as_good_as_the_evidence(run_copy: Path) -> None:
    """Edited to look measured and healthy: it stays simulated, and is not known any more."""
    manifest = (run_copy / "run.json").read_bytes()
    (run_copy / "run.json").write_bytes(manifest.replace(b"simulated", b"hardware"))
    shown = sensorbench("show", str(run_copy))
    assert shown.returncode == 1
    assert shown.stdout.startswith("SIMULATED - NOT A MEASUREMENT")
    assert f"{run_copy.name}: INVALID" in shown.stdout
    assert "damage: journal.jsonl" in shown.stdout


def listed(run: Path) -> dict[str, Any]:
    """Return what `runs` says of a run that stands alone in a workspace."""
    evidence = run.parent / "bench" / "evidence"
    if not evidence.exists():
        shutil.copytree(run, evidence / run.name)
    (found,) = json.loads(sensorbench("runs", "--json", "-w", str(evidence.parent)).stdout)
    assert isinstance(found, dict)
    return found


def test_runs_shows_the_verdict_that_was_sealed_and_none_that_was_edited(run_copy: Path) -> None:
    results = (run_copy / "derived" / "results.json").read_bytes()
    assert listed(run_copy)["verdict"] == "FAIL"
    there = run_copy.parent / "bench" / "evidence" / run_copy.name
    better = results.replace(b'"verdict":"FAIL"}', b'"verdict":"PASS"}')
    assert better != results
    (there / "derived" / "results.json").write_bytes(better)
    assert listed(run_copy)["verdict"] == "INVALID"
    (there / "derived" / "results.json").write_bytes(results)
    assert listed(run_copy)["verdict"] == "FAIL"
    with (there / "samples" / "units-0.seg").open("ab") as file:
        file.write(b"x")
    assert listed(run_copy)["verdict"] == "INVALID"


def test_a_thousand_runs_are_listed_without_reading_them_all(run_copy: Path) -> None:
    evidence = run_copy.parent / "bench" / "evidence"
    for number in range(1000):
        shutil.copytree(run_copy, evidence / f"copy{number}", copy_function=os.link)
    begun = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = sensorbench("runs", "-w", str(evidence.parent))
    took_s = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - begun
    assert len(done.stdout.splitlines()) == 1001
    assert took_s < 3.0  # half a second alone; a machine that does other things may take longer


def test_runs_outside_a_workspace_says_so(tmp_path: Path) -> None:
    done = sensorbench("runs", cwd=tmp_path)
    assert done.returncode == 2
    assert "is no workspace" in done.stderr


@pytest.mark.parametrize(
    "damage",
    [
        lambda run: (run / "run.json").write_text("[]"),
        lambda run: (run / "run.json").write_text("[" * 200_000),
        lambda run: ((run / "seal.json").unlink(), (run / "seal.json").mkdir()),
        lambda run: (run / "derived" / "results.json").write_text("[" * 200_000),
        lambda run: (run / "journal.jsonl").write_bytes(b""),
        lambda run: (run / "samples" / "units-0.seg").write_bytes(b""),
    ],
)
def test_no_damage_whatever_ends_in_a_traceback(run_copy: Path, damage: Any) -> None:
    damage(run_copy)
    for command in ("verify", "show"):
        done = sensorbench(command, str(run_copy))
        assert done.returncode in {1, 2}
        assert "Traceback" not in done.stderr
        assert "damage" in done.stdout + done.stderr or "not a readable run" in done.stderr


def test_a_run_is_verified_from_its_own_folder(run_copy: Path) -> None:
    assert sensorbench("verify", ".", cwd=run_copy).returncode == 0


def test_init_fills_the_empty_folder_one_stands_in(tmp_path: Path) -> None:
    assert sensorbench("init", ".", cwd=tmp_path).returncode == 0
    assert sensorbench("check", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("lots/first.toml", '"26000001"', '"ABC"', "is no serial number of a sbp1"),
        ("lots/first.toml", '"26000001"', '" 26000001"', "has no spaces at its ends"),
        ("parts/sbp1.toml", "[range.supply]",
         "[settings.slow]\noversampling = 33\n[range.supply]", "can't be 33"),
        ("parts/sbp1.toml", "[range.supply]",
         "[settings.slow]\nnope = 1\n[range.supply]", "oversampling"),
        ("station.toml", "seed = 1", 'seed = 1\nfault = [{ device = "9", kind = "absent" }]',
         "no lot has a unit 9"),
        ("station.toml", "2099-12-31", "2020-12-31", "calibration was due on 2020-12-31"),
        ("station.toml", "seed = 1", 'seed = 1\nambient = { temperature = "-400 degC" }',
         "-273.15"),
        ("station.toml", "address = 0x48", "address = 0x70", "the address of the multiplexer 0x70"),
    ],
)  # fmt: skip
def test_check_alone_finds_what_would_stop_a_run(
    workspace: Path, file: str, old: str, new: str, message: str
) -> None:
    text = (workspace / file).read_text()
    assert old in text
    (workspace / file).write_text(text.replace(old, new))
    checked = sensorbench("check", cwd=workspace)
    assert checked.returncode == 2
    assert message in checked.stderr
    assert "Traceback" not in checked.stderr


def test_a_run_with_a_failing_unit_exits_with_1_and_says_why(made_run: Outcome) -> None:
    shown = sensorbench("show", str(made_run.root))
    assert shown.returncode == 1
    assert "FAIL" in shown.stdout
    assert "INVALID" in shown.stdout


@pytest.mark.skipif(os.name != "posix", reason="ptys and SIGINT are POSIX")
@pytest.mark.chaos
def test_simulate_serves_serial_lines_as_ports_of_a_converter_too(tmp_path: Path) -> None:
    assert sensorbench("init", str(tmp_path / "bench")).returncode == 0
    wrong = sensorbench("simulate", str(tmp_path / "bench"), "--serial", "usb")
    assert (wrong.returncode, "allowed: pty, rfc2217" in wrong.stderr) == (2, True)
    process = subprocess.Popen(
        [sys.executable, "-m", "sensorbench.app.main", "simulate", str(tmp_path / "bench"),
         "--serial", "rfc2217", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout
        found = {
            row["name"]: row for row in (json.loads(process.stdout.readline()) for _ in range(4))
        }
        chamber = found["chamber"]
        assert chamber["kind"] == "rfc2217"
        assert chamber["address"] == f"rfc2217://127.0.0.1:{chamber['port']}"
        with serial.serial_for_url(chamber["address"], 9600, timeout=5) as port:
            port.write(b"TYPE?" + chamber["terminator"].encode())
            assert b"P300" in port.read_until(chamber["reply_terminator"].encode())
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()


@pytest.mark.skipif(os.name != "posix", reason="SIGINT is POSIX")
def test_simulate_serves_an_instrument_at_all_its_ports(tmp_path: Path) -> None:
    assert sensorbench("init", str(tmp_path / "bench")).returncode == 0
    station = tmp_path / "bench" / "station.toml"
    text = station.read_text(encoding="utf-8")
    station.write_text(text.replace('"espec_p300"', '"watlow_f4t"'), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "sensorbench.app.main", "simulate", str(tmp_path / "bench"),
         "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout
        found = {
            row["name"]: row for row in (json.loads(process.stdout.readline()) for _ in range(5))
        }
        assert (found["chamber"]["kind"], found["chamber"]["terminator"]) == ("tcp", "")
        commands = found["chamber:scpi"]
        assert commands["terminator"] == "\n"
        with socket.create_connection((commands["host"], commands["port"]), timeout=10) as port:
            port.sendall(b"*IDN?\n")
            assert b'"F4T1' in port.recv(1000)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()


def test_simulate_serves_every_instrument_to_other_programs_until_stopped(tmp_path: Path) -> None:
    assert sensorbench("init", str(tmp_path / "bench")).returncode == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "sensorbench.app.main", "simulate", str(tmp_path / "bench"),
         "--speed", "100", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout
        lines = [json.loads(process.stdout.readline()) for _ in range(4)]
        found = {line["name"]: line for line in lines}
        assert {line["kind"] for line in lines} == {"pty", "tcp", "usb-redir"}
        assert found["psu"]["terminator"] == found["psu"]["reply_terminator"] == "\n"
        ends = found["chamber"]["terminator"].encode()
        with serial.Serial(found["chamber"]["address"], 9600, timeout=2) as port:
            port.write(b"TYPE?" + ends)
            replied = port.read_until(found["chamber"]["reply_terminator"].encode())
            assert b"P300" in replied
            assert replied.endswith(ends)
        host, port_number = found["psu"]["address"].split(":")
        supply = KeysightE36312A(
            f"TCPIP::{host}::{port_number}::SOCKET", visa_library="@py", read_termination="\n",
            write_termination="\n",
        )  # fmt: skip
        supply.ch_1.voltage_setpoint = 2.5
        assert supply.ch_1.voltage_setpoint == pytest.approx(2.5, abs=0.01)
        supply.adapter.close()
        host, port_number = found["pace"]["address"].split(":")
        manager = ResourceManager("@py")
        with manager.open_resource(
            f"TCPIP::{host}::{port_number}::SOCKET", read_termination="\n", write_termination="\n"
        ) as pressure:
            assert "SIM-" in pressure.query("*IDN?")  # type: ignore[attr-defined]
            pressure.write(":CAL:ZERO:AUTO 1")  # type: ignore[attr-defined]
            assert "-113" in pressure.query(":SYST:ERR?")  # type: ignore[attr-defined]
        bus = (found["bus0"]["host"], found["bus0"]["port"])
        with socket.create_connection(bus, timeout=10) as usb_host:
            assert usb_host.recv(1000)[12:23] == b"sensorbench"  # an adapter says hello first
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
        assert process.stderr
        said = process.stderr.read()
        assert "pace was asked for what its twin does not model: :CAL:ZERO:AUTO (1 x)" in said
        assert process.stderr
        assert "Traceback" not in process.stderr.read()
    finally:
        process.kill()
        process.communicate()


@pytest.mark.chaos
@pytest.mark.skipif(os.name != "posix", reason="signals as these are POSIX")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_a_run_in_its_safe_state_with_the_shells_exit_code(
    workspace: Path, name: str
) -> None:
    number = signal.Signals[name]
    process = subprocess.Popen(
        [sys.executable, "-m", "sensorbench.app.main", "run", "calibration/pressure_temperature",
         "--lot", "first", "--real-time"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=workspace,
    )  # fmt: skip
    deadline = time.monotonic() + 20
    while not list(workspace.glob("evidence/*/samples/log.seg")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 128 + number
    assert "Traceback" not in errors
    assert f"stopped by {number.name}" in errors
    assert "the bench is in its safe state" in errors
    verified = sensorbench("verify", "evidence", cwd=workspace)
    assert verified.returncode == 1
    assert "the run was interrupted" in verified.stdout
