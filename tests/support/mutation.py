"""Makes broken files out of good ones. The same good files and the same number always give the same broken file."""

from __future__ import annotations

import random
from collections.abc import Callable

# Texts that make some programs fail.
TEXTS = [
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r\n", b"\x07", b"\x1b[2J", "\u202etxt".encode(), b"\xc3\x28",
    b"nan", b"inf", b"-inf", b".nan", b".inf", b"1e999", b"-1e999", b"1e-999", b"-0", b"0x" + b"F" * 5000, b"9" * 400,
    b"-1", b"4294967296", b"18446744073709551616", b"0.0000001", b"1/0", b"0/0", b"null", b"true", b"{}", b"[]", b"''",
    b"[" * 400, b"{a: " * 300, b"(" * 50, b"&a [*a]", b"*a", b"<<: {a: 1}", b"!!python/object:os.system", b"!!binary x",
    b"!!timestamp 0", b"2001-13-45", b"1:61:99", b"? ", b"- ", b": ", b"%YAML 9.9\n", b"--- ", b"...", b"\t",
    b"\n" * 300, b"A" * 20_000, b"~", b"../../etc/passwd", b"/dev/zero", b"%s%n", b"\xed\xa0\x80",
]  # fmt: skip
NUMBERS = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**53, 2**63 - 1, 2**64 - 1]


def _flip(content: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def _cut(content: bytearray, chance: random.Random) -> None:
    del content[chance.randrange(len(content)) :]


def _drop(content: bytearray, chance: random.Random) -> None:
    first = chance.randrange(len(content))
    del content[first : first + chance.choice((1, 2, 16, 300))]


def _repeat(content: bytearray, chance: random.Random) -> None:
    first = chance.randrange(len(content))
    piece = content[first : first + chance.choice((1, 4, 60, 400))]
    content[first:first] = piece * chance.choice((1, 3, 50))


def _text(content: bytearray, chance: random.Random) -> None:
    first = chance.randrange(len(content) + 1)
    content[first : first + chance.choice((0, 0, 1, 3, 8))] = chance.choice(TEXTS)


def _number(content: bytearray, chance: random.Random) -> None:
    size, order = chance.choice((1, 2, 3, 4, 8)), chance.choice(("big", "little"))
    number = chance.choice(NUMBERS) & (1 << 8 * size) - 1
    first = chance.randrange(len(content))
    content[first : first + size] = number.to_bytes(size, order)


def _digits(content: bytearray, chance: random.Random) -> None:
    places = [at for at, byte in enumerate(content[:4000]) if 0x30 <= byte <= 0x39]
    if not places:
        return
    first = last = chance.choice(places)
    while last < len(content) and (0x30 <= content[last] <= 0x39 or content[last] == 0x2E):
        last += 1
    content[first:last] = chance.choice(TEXTS)


def _swap(content: bytearray, chance: random.Random) -> None:
    size = chance.choice((1, 4, 30))
    a, b = (chance.randrange(len(content)) for _ in range(2))
    first, second = content[a : a + size], content[b : b + size]
    content[a : a + size], content[b : b + size] = second, first


def _recode(content: bytearray, chance: random.Random) -> None:
    text = content.decode("latin-1")
    content[:] = text.encode(chance.choice(("utf-16", "utf-32", "utf-8", "utf-7")))


def _noise(content: bytearray, chance: random.Random) -> None:
    first = chance.randrange(len(content))
    size = chance.choice((4, 64, 1000))
    content[first : first + size] = chance.randbytes(size)


_WAYS: list[Callable[[bytearray, random.Random], None]] = [
    _flip, _flip, _flip, _cut, _drop, _repeat, _text, _text, _number, _number, _digits, _digits, _swap, _noise,
]  # fmt: skip


def mutated(seeds: list[bytes], number: int, *, head: int | None = None) -> bytes:
    """Make a broken file out of one or two good files; returns its content.

    seeds: contents of good files to choose from.
    number: the broken file's number.
    head: if given, half of the broken files are broken only in their first `head` bytes.
    """
    chance = random.Random(number)
    content = bytearray(chance.choice(seeds))
    rest = bytearray()
    if head is not None and chance.random() < 0.5:
        content, rest = content[:head], content[head:]
    if chance.random() < 0.1:
        other = chance.choice(seeds)
        content[chance.randrange(len(content)) :] = other[chance.randrange(len(other)) :]
    for _ in range(chance.choice((1, 1, 1, 1, 1, 2, 3, 6))):
        if content:
            chance.choice(_WAYS)(content, chance)
    if content and chance.random() < 0.02:
        _recode(content, chance)
    return bytes(content + rest)
