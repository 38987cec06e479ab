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

    @property
    def on_i2c(self) -> str:
        """Return the module that has it on I2C: drivers that know several buses have one each."""
        return f"{self.module}_i2c" if self.module in SEVERAL_BUSES else self.module


SEVERAL_BUSES = {
    "adxl355", "bmp280", "hts221", "ms5611", "st_accel", "st_lsm6dsx", "st_magn", "st_pressure",
}  # fmt: skip
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
    Part("gxht30", 0x44, "sht3x", "sht3x"),
    Part("sht4x", 0x44, "sht4x", "sht4x"),
    # Debian leaves these out: .ci/kernel builds them of its source.
    Part("ms5611", 0x77, "ms5611", "ms5611"),
    Part("adxl355", 0x1D, "adxl355", "adxl355"),
    Part("tmp117", 0x48, "tmp117", "tmp117"),
    Part("hts221", 0x5F, "hts221", "hts221"),
    Part("shtc3", 0x70, "shtc1", "shtc3"),
    Part("aht20", 0x38, "aht10", "aht20"),
)
