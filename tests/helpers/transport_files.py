"""Transport streams of two programmes, of which PyAV can write but one."""

import struct
from pathlib import Path

_PACKET, _MOVED = 188, 0x100
_TABLE = 0x1000
"""Packet identifier (PID) of the table of a programme, as FFmpeg writes it."""


def merged(path: Path, first: Path, second: Path) -> Path:
    """Write both transport streams as programmes 1 and 2 of one."""
    ones = [p for p in _packets(first) if _pid(p) not in (0, 17)]
    twos = [_moved(p) for p in _packets(second) if _pid(p) not in (0, 17)]
    steps = sorted(
        [(i / len(ones), 0, i) for i in range(len(ones))]
        + [(i / len(twos), 1, i) for i in range(len(twos))]
    )
    mixed = [(ones, twos)[which][index] for _, which, index in steps]
    path.write_bytes(_programmes() + b"".join(bytes(each) for each in mixed))
    return path


def _packets(path: Path) -> list[bytearray]:
    data = path.read_bytes()
    return [bytearray(data[i : i + _PACKET]) for i in range(0, len(data), _PACKET)]


def _pid(packet: bytearray) -> int:
    return (packet[1] & 31) << 8 | packet[2]


def _programmes() -> bytes:
    """A packet with the list of both programmes."""
    table = bytes([0, 0xB0, 17, 0, 1, 0xC1, 0, 0])
    table += struct.pack(">HHHH", 1, 0xE000 | _TABLE, 2, 0xE000 | _TABLE + _MOVED)
    packet = bytes([0x47, 0x40, 0, 0x10, 0]) + table + _checksum(table)
    return packet.ljust(_PACKET, b"\xff")


def _moved(packet: bytearray) -> bytearray:
    """The packet with higher PIDs, those in the table of its programme too."""
    pid = _pid(packet) + _MOVED
    if _pid(packet) == _TABLE:
        table = packet[5:]
        table = table[: 3 + ((table[1] & 15) << 8 | table[2]) - 4]
        table[3:5] = b"\0\2"
        _move(table, 8)
        at = 12 + ((table[10] & 15) << 8 | table[11])
        while at < len(table):
            _move(table, at + 1)
            at += 5 + ((table[at + 3] & 15) << 8 | table[at + 4])
        whole = bytes(packet[:5]) + bytes(table) + _checksum(bytes(table))
        packet = bytearray(whole.ljust(_PACKET, b"\xff"))
    packet[1] = packet[1] & 0xE0 | pid >> 8
    packet[2] = pid & 255
    return packet


def _move(table: bytearray, at: int) -> None:
    pid = ((table[at] & 31) << 8 | table[at + 1]) + _MOVED
    table[at : at + 2] = struct.pack(">H", 0xE000 | pid)


def _checksum(data: bytes) -> bytes:
    """The checksum of a table (CRC-32/MPEG-2)."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return struct.pack(">I", value)
