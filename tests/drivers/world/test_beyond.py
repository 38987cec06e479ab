"""What a twin was asked for beyond its model is on record, in the twin and in the world."""

from sensorbench.core.clock import VirtualClock
from sensorbench.world.beyond import Beyond
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
