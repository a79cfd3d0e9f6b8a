"""Reads a corpus by docs/corpus-format.md alone: `reader.py CORPUS < HASHES` prints the class of each, "-" or "?"."""

import struct
import sys


def crc32c(octets, table=[]):
    if not table:
        for n in range(256):
            for _ in range(8):
                n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
            table.append(n)
    crc = 0xFFFFFFFF
    for octet in octets:
        crc = crc >> 8 ^ table[(crc ^ octet) & 255]
    return crc ^ 0xFFFFFFFF


file = open(sys.argv[1], "rb").read()
first = file[:4096]
assert first[:8] == b"PWPAGES\0" and crc32c(first[:4092]) == struct.unpack("<I", first[4092:])[0]
version, kind, key_bits, pages = struct.unpack("<HBBI", first[8:16])
tail_entries, gap_count = struct.unpack("<QQ", first[40:56])
assert version == 1
tail = file[(pages + 1) * 4096 :]
assert len(tail) == 12 * tail_entries + 8 * gap_count and crc32c(tail) == struct.unpack("<I", first[88:92])[0]
overflow = {}
for at in range(0, 12 * tail_entries, 12):
    page, rest = struct.unpack("<IQ", tail[at : at + 12])
    overflow[page, rest >> 4] = rest & 15
checked = set()
gaps = [struct.unpack("<II", tail[at : at + 8]) for at in range(12 * tail_entries, len(tail), 8)]


def look(hash):
    prefix = int.from_bytes(bytes.fromhex(hash)[:8], "big")
    if any(begin <= prefix >> 44 < end for begin, end in gaps):
        return "?"
    number, low = divmod(prefix * pages, 2**64)
    place = low >> (58 - key_bits)
    group, key = divmod(place, 2**key_bits)
    page = file[(number + 1) * 4096 : (number + 2) * 4096]
    if number not in checked:
        assert crc32c(struct.pack("<I", number) + page[4:]) == struct.unpack("<I", page[:4])[0]
        checked.add(number)
    ends = (0,) + struct.unpack("<64H", page[12:140])
    counts = 140 + (ends[64] * key_bits + 7) // 8
    for i in range(ends[group], ends[group + 1]):
        at, shift = divmod(i * key_bits, 8)
        if int.from_bytes(page[140 + at : 145 + at], "little") >> shift & (2**key_bits - 1) == key:
            return page[counts + i // 2] >> (i % 2 * 4) & 15
    return overflow.get((number, place), "-")


for line in sys.stdin:
    print(look(line.strip()))
