"""Depth files of renderers and reconstructions: channels, far planes, sizes that lie."""

import os

import numpy as np
import OpenEXR
import pytest

from tests.recordings.format_builders import colmap_map
from warpset.core.errors import InputError
from warpset.files.depth_files import MAX_PIXELS, read_depth

DEPTH = np.array([[0.5, 1.5, 2.5], [3.5, 65.0, 4.5]], np.float32)


def put_exr(path, **channels):
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with OpenEXR.File(header, {name.replace("__", "."): d for name, d in channels.items()}) as file:
        file.write(str(path))


@pytest.mark.parametrize("channel", ["Z", "V", "Y", "depth", "ViewLayer__Depth__Z", "Depth__V"])
def test_each_name_of_a_depth_channel_is_read(tmp_path, channel):
    put_exr(tmp_path / "d.exr", **{channel: DEPTH})
    np.testing.assert_array_equal(read_depth(tmp_path / "d.exr"), DEPTH)


def test_the_depth_pass_is_found_among_blenders_others(tmp_path):
    others = ("ViewLayer__Combined__R", "ViewLayer__Normal__Z", "ViewLayer__UV__V")
    passes = dict.fromkeys(others, -DEPTH)
    put_exr(tmp_path / "d.exr", **passes, ViewLayer__Depth__Z=DEPTH)
    np.testing.assert_array_equal(read_depth(tmp_path / "d.exr"), DEPTH)


def test_of_several_depth_passes_none_is_guessed(tmp_path):
    put_exr(tmp_path / "d.exr", A__Depth__Z=DEPTH, B__Depth__Z=DEPTH)
    with pytest.raises(InputError, match="several channels of depth"):
        read_depth(tmp_path / "d.exr")


def test_depth_from_the_far_plane_on_is_unknown(tmp_path):
    depth = np.array([[1e10, 1e9, 9e8, 65504.0, 65503.0]], np.float32)
    put_exr(tmp_path / "d.exr", Z=depth)
    np.testing.assert_allclose(read_depth(tmp_path / "d.exr"), [[0, 0, 9e8, 0, 65503]])


def test_colmaps_dense_map_is_read_row_by_row(tmp_path):
    colmap_map(tmp_path / "0.jpg.geometric.bin", DEPTH)
    np.testing.assert_array_equal(read_depth(tmp_path / "0.jpg.geometric.bin"), DEPTH)


@pytest.mark.parametrize("head", [b"99999999&9999999&1&", b"3&2&3&", b"3&", b""])
def test_a_dense_map_that_announces_another_size_is_refused(tmp_path, head):
    (tmp_path / "d.bin").write_bytes(head + DEPTH.tobytes())
    with pytest.raises(InputError, match="d.bin: depth cannot be read"):
        read_depth(tmp_path / "d.bin")


def test_a_sparse_array_of_many_gigabytes_is_refused_before_it_is_read(tmp_path):
    np.lib.format.open_memmap(tmp_path / "d.npy", "w+", np.float32, (MAX_PIXELS // 1000 + 1, 1000))
    with pytest.raises(InputError, match="more than any depth map"):
        read_depth(tmp_path / "d.npy")


def test_text_is_no_depth(tmp_path):
    np.save(tmp_path / "d.npy", np.array([["a", "b"]]))
    with pytest.raises(InputError, match="need one channel of depth"):
        read_depth(tmp_path / "d.npy")


def test_a_few_values_of_megabytes_each_are_refused_before_they_are_read(tmp_path):
    np.lib.format.open_memmap(tmp_path / "d.npy", "w+", "S4000000", (1, 5000))
    with pytest.raises(InputError, match="more than any depth map"):
        read_depth(tmp_path / "d.npy")


@pytest.mark.parametrize("extension", ["png", "exr", "npy", "npz", "h5", "tif", "bin"])
def test_a_pipe_is_no_depth_and_nobody_waits_for_it(tmp_path, extension):
    os.mkfifo(tmp_path / f"d.{extension}")
    with pytest.raises(InputError, match="depth cannot be read .*no regular file"):
        read_depth(tmp_path / f"d.{extension}")


@pytest.mark.parametrize("extension", ["png", "tif", "bin"])
def test_a_sparse_file_of_many_gigabytes_is_refused_before_it_is_read(tmp_path, extension):
    colmap_map(tmp_path / f"d.{extension}", DEPTH)
    with (tmp_path / f"d.{extension}").open("r+b") as file:
        file.truncate(19 * 2**30)
    with pytest.raises(InputError, match="depth cannot be read .*more than"):
        read_depth(tmp_path / f"d.{extension}")
