"""The table of outputs: what is written under which name, and what each file holds."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from plyfile import PlyData

from tests.building.test_scores import a_warp
from warpset.building.outputs import ON_REQUEST, OUTPUT_NAMED, OUTPUTS, TRIPLET, Encoding
from warpset.building.pairs.plan import WarpPair

HOLE = np.zeros((48, 64), bool)
HOLE[:, :16] = True
PAIR = WarpPair("7", 0, 1)


def encoded(kind: str, picture_format="png", with_confidence=False) -> bytes:
    warp = a_warp(HOLE)
    trusted = warp.cloud._replace(confidence=np.array([2, 4], np.float32))
    warp = replace(warp, cloud=trusted)
    encoding = Encoding(picture_format, with_confidence, lambda cloud: b"%d" % len(cloud.rgb))
    return OUTPUT_NAMED[kind].encode(warp, encoding)


def test_every_pair_has_the_triplet_in_the_format_asked_for():
    assert [PAIR.file_name(kind, "jpg") for kind in TRIPLET] == [
        "7_splats.jpg",
        "7_target.jpg",
        "7_reference.jpg",
    ]
    np.testing.assert_array_equal(Image.open(io.BytesIO(encoded("target"))), a_warp(HOLE).target)
    assert Image.open(io.BytesIO(encoded("splats", "jpeg"))).format == "JPEG"


def test_no_two_kinds_share_a_file_or_a_flag():
    names = [PAIR.file_name(kind.name, "png") for kind in OUTPUTS]
    flags = [kind.flag for kind in ON_REQUEST]
    assert len(set(names)) == len(OUTPUTS) and len(set(flags)) == len(ON_REQUEST)
    assert all(kind.help for kind in ON_REQUEST)


def test_the_mask_is_white_where_the_hole_is():
    mask = np.asarray(Image.open(io.BytesIO(encoded("mask"))))
    np.testing.assert_array_equal(mask == 255, HOLE)


@pytest.mark.parametrize("with_confidence", [False, True])
def test_a_point_cloud_holds_confidence_where_that_is_saved(with_confidence):
    vertices = PlyData.read(io.BytesIO(encoded("ply", with_confidence=with_confidence)))["vertex"]
    assert vertices.count == 2
    assert ("confidence" in {prop.name for prop in vertices.properties}) == with_confidence


def test_gaussians_are_written_by_who_was_handed_in():
    assert encoded("gaussians") == b"2"
