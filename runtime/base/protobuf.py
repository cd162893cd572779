"""Reads the fields of a protobuf message from its bytes.

Source: the encoding page of the Protocol Buffers documentation: varints, wire types 0, 1, 2 and 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5
_LONGEST_VARINT = 10


class Field(NamedTuple):
    """One field of a message.

    number: the field's number in its message type.
    value: a whole number or bytes; None for a number of fixed size (4 or 8 bytes), which is skipped.
    """

    number: int
    value: int | memoryview | None


def fields(message: memoryview) -> Iterator[Field]:
    """The fields of a message in order; ValueError, with the reason, if the bytes are not a message."""
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        number, wire_type = key >> 3, key & 7
        if number == 0:
            raise ValueError("a field with the number 0")
        if wire_type == _VARINT:
            value, at = _varint(message, at)
            yield Field(number, value)
            continue
        if wire_type == _BYTES:
            size, at = _varint(message, at)
        elif wire_type in (_FIXED_64, _FIXED_32):
            size = 8 if wire_type == _FIXED_64 else 4
        else:
            raise ValueError(f"wire type {wire_type}")
        if size > end - at:
            raise ValueError("a field that is longer than what is left")
        yield Field(number, message[at : at + size] if wire_type == _BYTES else None)
        at += size


def numbers(value: int | memoryview | None, most: int) -> list[int]:
    """The whole numbers of a repeated field: one number, or up to `most` numbers packed into bytes.

    ValueError if there are more than `most`, or if the bytes are broken.
    """
    if isinstance(value, int):
        return [value]
    message, found, at = part(value), [], 0
    while at < len(message):
        if len(found) == most:
            raise ValueError(f"more than {most} numbers")
        number, at = _varint(message, at)
        found.append(number)
    return found


def text(value: int | memoryview | None, longest: int) -> str:
    """The text of a field; ValueError if it is not UTF-8, is longer than `longest` bytes or cannot be printed."""
    content = part(value)
    if len(content) > longest:
        raise ValueError(f"a name of {len(content):,} characters")
    found = bytes(content).decode("utf-8")
    if not found.isprintable():
        raise ValueError(f"{found[:40]!a}, which cannot be printed")
    return found


def part(value: int | memoryview | None) -> memoryview:
    """The bytes of a field; ValueError if the value is a number."""
    if not isinstance(value, memoryview):
        raise ValueError("a number in place of a part")
    return value


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """The whole number, 0 or more, that begins at the index `at`, and the index of the byte after it."""
    value = 0
    for count in range(_LONGEST_VARINT):
        if at + count >= len(message):
            raise ValueError("a number without an end")
        byte = message[at + count]
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value & (2**64 - 1), at + count + 1
    raise ValueError("a number of more than 10 bytes")
