"""Which driver of Linux has which of our twins."""

from dataclasses import dataclass

LINUX = "Linux 6.12"


@dataclass(frozen=True, slots=True)
class Part:
    """A twin by its name in the catalog, its address, and the kernel's module and name for it."""

    twin: str
    address: int
    module: str
    device: str

    @property
    def witness(self) -> str:
        """Return what device.toml calls the driver."""
        return f"{LINUX}, {self.module}"


PARTS = (
    Part("bmp280", 0x76, "bmp280", "bmp280"),
    Part("bme280", 0x76, "bmp280", "bme280"),
    Part("bmp390", 0x77, "bmp280", "bmp380"),
    Part("dps310", 0x77, "dps310", "dps310"),
    Part("spl06", 0x77, "dps310", "dps310"),
    Part("mpl3115a2", 0x60, "mpl3115", "mpl3115"),
    Part("hp206c", 0x76, "hp206c", "hp206c"),
    Part("lps22hh", 0x5C, "st_pressure", "lps22hh"),
    Part("lis2dh12", 0x19, "st_accel", "lis2dh12_accel"),
    Part("sc7a20", 0x19, "st_accel", "sc7a20"),
    Part("msa301", 0x26, "da280", "da280"),
    Part("lis3mdl", 0x1C, "st_magn", "lis3mdl"),
    Part("lsm6dso", 0x6A, "st_lsm6dsx", "lsm6dso"),
    Part("asm330lhh", 0x6A, "st_lsm6dsx", "asm330lhh"),
    Part("sht3x", 0x44, "sht3x", "sht3x"),
    Part("sht4x", 0x44, "sht4x", "sht4x"),
)
