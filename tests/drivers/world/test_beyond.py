"""What a twin was asked for beyond its model is on record, in the twin and in the world."""

from sensorbench.core.clock import VirtualClock
from sensorbench.world.beyond import MOST, Beyond
from sensorbench.world.world import Place, World


def test_a_record_is_as_long_as_there_are_different_accesses() -> None:
    beyond = Beyond("7")
    assert not beyond
    for _ in range(1000):
        beyond.note("unlock the EEPROM")
    beyond.note("therm mode")
    assert list(beyond) == ["unlock the EEPROM", "therm mode"]
    assert beyond.counts == {"unlock the EEPROM": 1000, "therm mode": 1}
    assert "7 beyond its twin's model: unlock the EEPROM (1000 x)" in repr(beyond)


def test_the_world_knows_the_records_of_all_its_devices() -> None:
    world = World(VirtualClock())
    Place(world, "7").beyond.note("heater 0x39")
    world.beyond_of("smu").note("source current")
    assert {device: list(beyond) for device, beyond in world.beyond.items()} == {
        "7": ["heater 0x39"],
        "smu": ["source current"],
    }


def test_what_is_noise_is_told_in_letters_and_does_not_grow_for_ever() -> None:
    """A program that is lost sends anything, for days; a terminal is to survive being told."""
    beyond = Beyond("7")
    beyond.note("\x1b[2J\udc80\0")
    beyond.note("X" * 65536)
    assert list(beyond) == [r"\x1b[2J\udc80\x00", "X" * 78 + " …"]
    for number in range(5000):
        beyond.note(f"FLUX{number}?")
    assert len(beyond) == MOST + 1
    assert sum(beyond.counts.values()) == 5002
