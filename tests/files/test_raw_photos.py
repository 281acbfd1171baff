"""Raw photos: a DNG is developed, upright, at one brightness, and named where it is damaged."""

import struct

import numpy as np
import pytest

from warpset.core.errors import InputError
from warpset.files.photos import check_photo, read_photo, upright_size

pytest.importorskip("rawpy")

WHITE = 4095
GREEN_CELLS, RED_CELLS, BLUE_CELLS = ((0, 1), (1, 0)), ((0, 0),), ((1, 1),)


def a_mosaic(rgb, size_wh=(96, 64)) -> np.ndarray:
    """(h, w) uint16 of a sensor with an RGGB pattern that sees one colour everywhere."""
    mosaic = np.zeros(size_wh[::-1], np.uint16)
    for value, cells in zip(rgb, (RED_CELLS, GREEN_CELLS, BLUE_CELLS), strict=True):
        for row, column in cells:
            mosaic[row::2, column::2] = round(value * WHITE)
    return mosaic


KINDS = {"B": (1, "B"), "H": (3, "H"), "I": (4, "I"), "R": (5, "ii"), "r": (10, "ii")}
"""TIFF's number of a kind of value, and how one is packed; R and r are ratios."""

XYZ_TO_LINEAR_SRGB = [3.24, -1.54, -0.5, -0.97, 1.88, 0.04, 0.06, -0.2, 1.06]


def dng_tags(size_wh, strip_bytes, orientation):
    """The tags of DNG 1.4 (Adobe's specification) for one strip of uncompressed 16-bit samples."""
    width, height = size_wh
    return {
        254: ("I", [0]),
        256: ("I", [width]),
        257: ("I", [height]),
        258: ("H", [16]),
        259: ("H", [1]),
        262: ("H", [32803]),  # colour filter array
        271: ("s", b"Test\0"),
        272: ("s", b"Camera\0"),
        273: ("I", [8]),
        274: ("H", [orientation]),
        277: ("H", [1]),
        278: ("I", [height]),
        279: ("I", [strip_bytes]),
        33421: ("H", [2, 2]),
        33422: ("B", [0, 1, 1, 2]),
        50706: ("B", [1, 4, 0, 0]),
        50708: ("s", b"Test Camera\0"),
        50714: ("H", [0]),
        50717: ("I", [WHITE]),
        50721: ("r", XYZ_TO_LINEAR_SRGB),
        50728: ("R", [1.0, 1.0, 1.0]),
        50778: ("H", [21]),
    }


def packed(kind, values):
    """A tag's kind in TIFF's numbers, and its values in bytes."""
    if kind == "s":
        return 2, values
    code, layout = KINDS[kind]
    ratios = layout == "ii"
    numbers = [part for value in values for part in (round(10000 * value), 10000)]
    return code, struct.pack("<" + layout * len(values), *(numbers if ratios else values))


def write_dng(path, mosaic, orientation=1):
    """Write a mosaic as DNG."""
    pixels = mosaic.astype("<u2").tobytes()
    tags = dng_tags(mosaic.shape[::-1], len(pixels), orientation)
    offset = 8 + len(pixels)
    entries, extra = b"", b""
    extra_at = offset + 2 + 12 * len(tags) + 4
    for tag, (kind, values) in sorted(tags.items()):
        code, content = packed(kind, values)
        entry = content.ljust(4, b"\0")
        if len(content) > 4:
            entry = struct.pack("<I", extra_at + len(extra))
            extra += content + b"\0" * (len(content) % 2)
        entries += struct.pack("<HHI", tag, code, len(values)) + entry
    head = struct.pack("<2sHI", b"II", 42, offset)
    path.write_bytes(head + pixels + struct.pack("<H", len(tags)) + entries + b"\0" * 4 + extra)
    return path


def test_a_dng_shows_the_colour_that_its_sensor_saw(tmp_path):
    seen = read_photo(write_dng(tmp_path / "a.dng", a_mosaic((0.5, 0.25, 0.125))))
    assert seen.shape == (64, 96, 3) and seen.dtype == np.uint8
    red, green, blue = seen[20:40, 20:60].reshape(-1, 3).mean(axis=0)
    assert red > green > blue > 20


def test_photos_of_one_exposure_stay_of_one_brightness(tmp_path):
    bright, dark = (
        read_photo(write_dng(tmp_path / f"{share}.dng", a_mosaic((share,) * 3)))[32, 48].mean()
        for share in (0.6, 0.3)
    )
    assert bright > dark + 30


def test_a_raw_photo_taken_upright_stands_upright(tmp_path):
    path = write_dng(tmp_path / "a.dng", a_mosaic((0.5, 0.5, 0.5)), orientation=6)
    assert upright_size(path) == check_photo(path) == (64, 96)
    assert read_photo(path).shape == (96, 64, 3)


def test_a_damaged_raw_photo_is_named(tmp_path):
    path = write_dng(tmp_path / "a.dng", a_mosaic((0.5, 0.5, 0.5)))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="a.dng: cannot be read as a photo"):
        read_photo(path)
