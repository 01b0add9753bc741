"""What a device profile says: where each quantity lies on a device and how it decodes.

A register is an integer already: `x 0.1` is exp -1 and the integer is kept as it came.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.quantity import Quantity


class RegisterTable(StrEnum):
    """The four Modbus tables; each is read by exactly one function."""

    COIL = "coil"
    DISCRETE = "discrete"
    HOLDING = "holding"
    INPUT = "input"

    @property
    def function(self) -> int:
        """The Modbus function that reads this table (1 to 4)."""
        return _FUNCTIONS[self]

    @property
    def is_bits(self) -> bool:
        """Whether entries are single bits rather than 16-bit registers."""
        return self.function <= 2


_FUNCTIONS: Final = {
    RegisterTable.COIL: 1,
    RegisterTable.DISCRETE: 2,
    RegisterTable.HOLDING: 3,
    RegisterTable.INPUT: 4,
}


class Decoder(StrEnum):
    """How registers become a number; `_lw` is low word first."""

    U16 = "u16"
    S16 = "s16"
    U32 = "u32"
    S32 = "s32"
    F32 = "f32"
    U32_LW = "u32_lw"
    S32_LW = "s32_lw"
    F32_LW = "f32_lw"
    BIT = "bit"
    OFFSET10000 = "offset10000"
    """From 10000 up the value is negative: 10105 is -105."""

    @property
    def words(self) -> int:
        """How many registers (or bits) one value takes."""
        return 2 if "32" in self.value else 1

    @property
    def is_float(self) -> bool:
        """Whether the device sends a float, which is rounded once."""
        return self in {Decoder.F32, Decoder.F32_LW}

    @property
    def is_low_word_first(self) -> bool:
        """Whether the first register holds the low half."""
        return self.value.endswith("_lw")


class PointClass(StrEnum):
    """Whether a device's points prove storage conditions or only describe equipment."""

    COMPLIANCE = "compliance"
    EQUIPMENT = "equipment"


@dataclass(frozen=True, slots=True, kw_only=True)
class PointSpec:
    """One quantity on a device. `low`, `high` bound the sensor's range at `exp`, inclusive."""

    name: str
    quantity: Quantity
    unit: str
    table: RegisterTable
    address: int
    """0-based PDU address."""
    decoder: Decoder
    exp: int
    error_values: frozenset[int] = frozenset()
    """Raw unsigned register values by which the device says that its sensor has failed."""
    low: int | None = None
    high: int | None = None
    bit: int = 0
    """For `bit` in a 16-bit register: which one, 0 the lowest."""

    @property
    def words(self) -> int:
        """How many registers (or bits) to read."""
        return self.decoder.words

    @property
    def source(self) -> str:
        """The place as it stands in the point table: `holding:0x0001`."""
        place = f"{self.table}:0x{self.address:04X}"
        is_bit = self.decoder is Decoder.BIT and not self.table.is_bits
        return f"{place}.{self.bit}" if is_bit else place


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDefaults:
    """How the device talks when it leaves the factory; the configuration may differ."""

    unit: int = 1
    baud: int = 9600
    parity: str = "N"
    stop_bits: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A versioned register map."""

    name: str
    version: int
    title: str
    point_class: PointClass
    link: LinkDefaults
    points: Mapping[str, PointSpec]

    @property
    def ref(self) -> str:
        """`name@version`, as point tables quote it."""
        return f"{self.name}@{self.version}"
