"""Holes as png and npz files whose bytes depend on the hole alone.

Libraries compress alike in size but not byte by byte: zlib, its successors and their releases differ. A data set names its hole files by
SHA-256, so they are packed here, by the one thing that holes consist of, runs of equal bytes. Every reader of png and npz reads them.
"""

import struct
import zlib
from functools import cache

import numpy as np
from jaxtyping import Bool, UInt8

from inpaintdiff.errors import VideoWriteError

# First length of every length code of deflate from 257 on, and how many more bits it has (RFC 1951, section 3.2.5).
_LENGTHS = tuple(
    (code, base, extra)
    for code, (base, extra) in enumerate(
        [(n, 0) for n in range(3, 11)]
        + [((4 + k) * 2**e + 3, e) for e in range(1, 6) for k in range(4)]
        + [(258, 0)],
        start=257,
    )
)  # fmt: skip
_LONGEST = 258
_SHORTEST = 3
# Sizes in a zip archive have 32 bits (there is an extension for more), and the archive is made in memory.
_MOST = 2**31
# 1 January 1980, the first day that zip knows.
_ZIP_DATE = 0x21


def png_bytes(picture: Bool[np.ndarray, "h w"]) -> bytes:
    """A greyscale png of 8 bits, white where the hole is."""
    grey = picture.astype(np.uint8) * np.uint8(255)
    rows = np.empty((grey.shape[0], grey.shape[1] + 1), dtype=np.uint8)
    rows[:, 0] = 2  # filter "up": every row as its difference to the one above, modulo 256
    rows[:, 1:] = np.diff(grey, axis=0, prepend=np.uint8(0))
    packed = b"\x78\x01" + deflate(rows.reshape(-1)) + struct.pack(">I", zlib.adler32(rows.data))
    header = struct.pack(">IIBBBBB", picture.shape[1], picture.shape[0], 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", packed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def npz_bytes(hole: Bool[np.ndarray, "t h w"]) -> bytes:
    """An npz archive of one array of bool called `hole`.

    Raises:
        VideoWriteError: more than 2^31 pixels.
    """
    if hole.size > _MOST:
        raise VideoWriteError(
            f"an .npz is written for up to {_MOST} pixels of all frames, these are {hole.size}; give .mkv, or a folder."
        )
    described = f"{{'descr': '|b1', 'fortran_order': False, 'shape': {tuple(hole.shape)}, }}"
    head = described.ljust((10 + len(described)) // 64 * 64 + 64 - 11) + "\n"
    start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode("ascii")
    raw = np.concatenate([np.frombuffer(start, dtype=np.uint8), np.ascontiguousarray(hole).reshape(-1).view(np.uint8)])
    packed, name = deflate(raw), b"hole.npy"
    # version, flags, method (deflate), time, date, checksum, sizes, lengths of the name and of what follows it
    facts = struct.pack(
        "<HHHHHIIIHH", 20, 0, 8, 0, _ZIP_DATE, zlib.crc32(raw.data), len(packed), raw.size, len(name), 0
    )
    local = b"PK\x03\x04" + facts + name + packed
    entry = b"PK\x01\x02" + struct.pack("<H", 20) + facts + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    return local + entry + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(entry), len(local), 0)


def deflate(data: UInt8[np.ndarray, " n"]) -> bytes:
    """A deflate stream (RFC 1951) of one block with the fixed code, which knows runs of equal bytes only."""
    starts = np.flatnonzero(np.diff(data, prepend=data[:1] ^ 1)).tolist()
    lengths = np.diff(np.append(starts, data.size)).tolist()
    runs = map(_run, data[starts].tolist(), lengths)
    bits = "110" + "".join(runs) + "0000000"  # last block, fixed code; end of the block
    return int(bits[::-1], 2).to_bytes(-(-len(bits) // 8), "little")


def _run(byte: int, length: int) -> str:
    """One byte so many times: itself, and then what lies one byte back, as long as that pays."""
    many, rest = divmod(length - 1, _LONGEST)
    return _literal(byte) + _back(_LONGEST) * many + (_literal(byte) * rest if rest < _SHORTEST else _back(rest))


@cache
def _literal(byte: int) -> str:
    return f"{0x30 + byte:08b}" if byte < 144 else f"{0x190 + byte - 144:09b}"


@cache
def _back(length: int) -> str:
    """So many bytes from distance 1, whose code is 0: the length's code, highest bit first, and its further bits, lowest first."""
    code, base, extra = next(found for found in reversed(_LENGTHS) if found[1] <= length)
    prefix = f"{code - 256:07b}" if code < 280 else f"{0xC0 + code - 280:08b}"
    return prefix + f"{length - base:0{extra}b}"[::-1] * (extra > 0) + "00000"
