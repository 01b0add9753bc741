"""The kernel's GPIO interface: our numbers against its header, our reader against a pipe."""

import asyncio
import errno
import os
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from domain.quantity import Quantity
from edge.digital.config import Bias, DigitalConfig
from edge.digital.gpio import (
    EVENT_BYTES,
    FLAG_ACTIVE_LOW,
    FLAG_EDGES,
    FLAG_INPUT,
    GET_LINE_IOCTL,
    GET_VALUES_IOCTL,
    REQUEST,
    VALUES,
    GpioInput,
    line_request,
)
from edge.errors import UnreachableError
from tests.support.engines import engine

DOOR = DigitalConfig(name="door", channel=3, quantity=Quantity.DOOR, line=17)

HEADER = """
#include <stdio.h>
#include <string.h>
#include <linux/gpio.h>
int main(void) {
    struct gpio_v2_line_request request;
    int edges = GPIO_V2_LINE_FLAG_EDGE_RISING | GPIO_V2_LINE_FLAG_EDGE_FALLING;
    printf("%zu %zu %zu ", sizeof request, sizeof(struct gpio_v2_line_values),
           sizeof(struct gpio_v2_line_event));
    printf("%lu %lu %d %d %d\\n", (unsigned long)GPIO_V2_GET_LINE_IOCTL,
           (unsigned long)GPIO_V2_LINE_GET_VALUES_IOCTL, GPIO_V2_LINE_FLAG_ACTIVE_LOW,
           GPIO_V2_LINE_FLAG_INPUT, edges);
    if (fread(&request, sizeof request, 1, stdin) != 1) return 1;
    printf("%u %s %llu %u %u %d\\n", request.offsets[0], request.consumer,
           (unsigned long long)request.config.flags, request.config.num_attrs,
           request.num_lines, request.fd);
    return 0;
}
"""


@pytest.mark.engine
def test_structures_and_numbers_are_those_of_the_kernels_header(tmp_path: Path) -> None:
    (tmp_path / "gpio.c").write_text(HEADER)
    program = tmp_path / "gpio"
    compiled = [engine("cc"), "-o", str(program), str(tmp_path / "gpio.c")]
    subprocess.run(compiled, check=True)
    asked = line_request(replace(DOOR, bias=Bias.PULL_UP, active_low=True))
    run = subprocess.run([str(program)], input=asked, capture_output=True, check=True)
    numbers, read = run.stdout.decode().splitlines()
    sizes = (REQUEST.size, VALUES.size, EVENT_BYTES, GET_LINE_IOCTL, GET_VALUES_IOCTL)
    expected = (*sizes, FLAG_ACTIVE_LOW, FLAG_INPUT, FLAG_EDGES)
    assert numbers == " ".join(map(str, expected))
    flags = FLAG_ACTIVE_LOW | FLAG_INPUT | FLAG_EDGES | 1 << 8
    assert read == f"17 coldwarden {flags} 0 1 -1"


class Kernel:
    """Answers the two ioctls; `events` is where it writes edges."""

    def __init__(self) -> None:
        self.line, self.events = os.pipe()
        self.active = True
        self.failing = False

    def ioctl(self, _fd: int, number: int, buffer: bytearray) -> int:
        if self.failing:
            raise OSError(errno.ENODEV, "no such device")
        if number == GET_LINE_IOCTL:
            buffer[-4:] = struct.pack("=i", self.line)
        else:
            assert number == GET_VALUES_IOCTL
            buffer[:8] = struct.pack("=Q", int(self.active))
        return 0


async def test_a_line_is_looked_at_and_tells_when_it_moved(tmp_path: Path) -> None:
    chip = tmp_path / "gpiochip0"
    chip.touch()
    kernel = Kernel()
    line = GpioInput(replace(DOOR, chip=str(chip)), kernel.ioctl)
    assert line.level()
    kernel.active = False
    os.write(kernel.events, bytes(EVENT_BYTES * 2))
    await asyncio.wait_for(line.changed(), 10)
    assert not line.level()
    os.close(kernel.events)
    await asyncio.wait_for(line.changed(), 10)
    kernel.failing = True
    with pytest.raises(UnreachableError, match="door"):
        line.level()
    line.close()


async def test_no_chip_and_a_file_that_is_none_are_unreachable(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    for chip in (plain, tmp_path / "absent"):
        with pytest.raises(UnreachableError, match=str(chip)):
            GpioInput(replace(DOOR, chip=str(chip)))
