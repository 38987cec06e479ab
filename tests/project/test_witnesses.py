"""Who is said to have proved a twin did: the package is there in the tests, and one runs it."""

import tomllib
from pathlib import Path

import pytest

from sensorbench.core.catalog import devices

from ..kernel.parts import PARTS

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
TESTS = {
    requirement.partition(">=")[0].strip()
    for requirement in (
        *PROJECT["project"]["dependencies"],
        *EXTRAS["test"],
        *EXTRAS["others"],
    )
}
WITNESSES = {
    (device.name, witness.who)
    for device in devices().values()
    for witness in device.proved_by
    if witness.what == "third-party driver"
}
ORIGINS = ("adafruit-circuitpython-", "micropython-", "sensirion-i2c-", "sparkfun-qwiic-")


@pytest.mark.parametrize(("device", "who"), sorted(WITNESSES))
def test_a_witness_is_installed_for_the_tests(device: str, who: str) -> None:
    assert who in TESTS, f"{device} is said to be proved by {who}, which no test installs"


def test_every_driver_that_the_tests_install_is_named_as_a_witness() -> None:
    drivers = {name for name in TESTS if name.startswith(ORIGINS)}
    assert drivers <= {who for _, who in WITNESSES}


def test_the_kernel_s_drivers_that_the_tests_use_are_the_witnesses() -> None:
    named = {
        (device.name, witness.who)
        for device in devices().values()
        for witness in device.proved_by
        if witness.what == "kernel driver"
    }
    assert named == {(part.twin, part.witness) for part in PARTS}
