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
)  # fmt: skip
