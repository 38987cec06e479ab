"""The image that a BMI270 runs: 8192 bytes of Bosch's, given by the user as a file.

It is not part of sensorbench. Bosch publishes it (boschsensortec/BMI270_SensorAPI, bmi270.c, array
bmi270_config_file); Linux has it as firmware.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from sensorbench.core.errors import InputError

IMAGE_BYTES = 8192
VARIABLE = "SENSORBENCH_BMI270_IMAGE"
FIRMWARE = Path("/lib/firmware/bmi270-init-data.fw")

_ARRAY = re.compile(rb"bmi270_config_file\s*(?:\[\w*\])?\s*=\s*[\[{]([^\]}]*)[\]}]")
_BYTE = re.compile(rb"0[xX]([0-9a-fA-F]{1,2})")
_WHERE = (
    f"Set {VARIABLE} to a file with it: {IMAGE_BYTES} bytes, or a source file with the array "
    "bmi270_config_file, as Bosch's bmi270.c (github.com/boschsensortec/BMI270_SensorAPI)"
)


def load_image(name: str | None, *, simulated: bool = False) -> bytes:
    """Return the image that the file of that name holds.

    Without a name it is the file that SENSORBENCH_BMI270_IMAGE names, or the firmware of this
    Linux; for a `simulated` part, which does not look at it, zeros where there is neither. Raises
    InputError where there is none, or no image in it.
    """
    name = name or os.environ.get(VARIABLE) or (str(FIRMWARE) if FIRMWARE.is_file() else "")
    if not name and simulated:
        return bytes(IMAGE_BYTES)
    if not name:
        raise InputError.one("BMI270", "", f"it samples only with Bosch's image. {_WHERE}")
    try:
        data = Path(name).read_bytes()
    except OSError as error:
        raise InputError.one(name, "", f"can't be read: {error.strerror}. {_WHERE}") from error
    return image_of(data, name)


def image_of(data: bytes, name: str) -> bytes:
    """Return the image that a file holds: as it is, or as an array in C or Python.

    >>> source = b"const uint8_t bmi270_config_file[] = {" + b"0xc8, " * 8192 + b"};"
    >>> image_of(source, "bmi270.c") == b"\\xc8" * 8192
    True
    """
    if len(data) == IMAGE_BYTES:
        return data
    array = _ARRAY.search(data)
    found = bytes(int(byte, 16) for byte in _BYTE.findall(array[1])) if array else b""
    if len(found) != IMAGE_BYTES:
        what = f"an array of {len(found)} bytes" if array else f"{len(data)} bytes without an array"
        raise InputError.one(name, "", f"holds {what}, the image has {IMAGE_BYTES}. {_WHERE}")
    return found
