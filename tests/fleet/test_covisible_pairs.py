"""Covisible pairs of several references over shards and Ray, of recorded depth and a network's."""

import shutil
from dataclasses import asdict

import numpy as np
import pytest
import torch

from build_warp_dataset import main
from tests.builders import TINY_VGGT, a_scene, a_tiny_vggt, tree
from tests.fleet.fleet_builders import flags, needs_ray, shard, start

SCENES = ("attic", "garden", "hall", "kitchen")
"""One for each of four shards."""


@pytest.fixture
def scenes(tmp_path):
    for name in SCENES:
        a_scene(tmp_path / "in" / name)


@pytest.fixture(params=["recorded", "network"])
def asked(request, tmp_path, scenes) -> tuple[str, ...]:
    """Flags for covisible pairs of two references each; depth as recorded or a tiny network's."""
    covisible = ("--pairing", "covisible", "--references", "2", "--covisibility")
    if request.param == "recorded":
        return *covisible, "0.3:0.99"
    weights = tmp_path / "tiny.pt"
    torch.save({"config": asdict(TINY_VGGT), "state_dict": a_tiny_vggt().state_dict()}, weights)
    network = ("--geometry", "vggt", "--model", str(weights), "--device", "cpu", "--nocache")
    poor = ("--window", "4", "--min-coverage", "0", "--min-psnr", "0")  # its weights are random
    return *covisible, "0.01:1", *network, *poor


only_recorded = pytest.mark.parametrize("asked", ["recorded"], indirect=True)


def test_four_shards_in_any_order_are_one_run(tmp_path, asked):
    assert main(flags(tmp_path, "plain", *asked, "--quiet")) == 0
    for index in (3, 1, 0, 2):
        assert main(flags(tmp_path, "out", *asked, "--quiet", *shard(index))) == 0
    assert main(flags(tmp_path, "out", "--merge-shards")) == 0
    pairs = tree(tmp_path / "plain")
    assert len(pairs) == len(SCENES) * (6 * 4 + 1) and tree(tmp_path / "out") == pairs


@only_recorded
def test_shards_in_another_order_make_what_is_missing(tmp_path, asked):
    assert main(flags(tmp_path, "plain", *asked, "--quiet")) == 0
    shutil.copytree(tmp_path / "plain", tmp_path / "out")
    for path in sorted((tmp_path / "out").glob("*/*.jpg"))[::5]:
        path.unlink()
    for index in (1, 0, 2, 3):
        assert main(flags(tmp_path, "out", *asked, "--quiet", *shard(index))) == 0
    assert main(flags(tmp_path, "out", "--merge-shards")) == 0
    assert tree(tmp_path / "out") == tree(tmp_path / "plain")


@only_recorded
def test_plans_of_four_shards_add_up_to_that_of_one_run(tmp_path, asked, capsys):
    def planned(*more) -> list[int]:
        """Pairs in all, then by expected holes."""
        assert main(flags(tmp_path, "out", *asked, "--plan", *more)) == 0
        head, *bands = capsys.readouterr().err.splitlines()[-12:]
        assert " pairs would be made, 0 problems" in head
        return [int(head.split()[1]), *(int(band.split("%")[1].split()[0]) for band in bands)]

    whole, shards = planned(), [planned(*shard(index)) for index in (2, 0, 3, 1)]
    assert whole[0] == 6 * len(SCENES) and np.sum(shards, axis=0).tolist() == whole
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_ray_workers_write_what_one_plain_run_writes(tmp_path, asked):
    needs_ray()
    assert main(flags(tmp_path, "plain", *asked, "--quiet")) == 0
    process = start(tmp_path, "out", *asked, "--quiet", "--ray", "--cpus-per-worker", "1")
    _, error = process.communicate()
    assert process.returncode == 0, error
    assert tree(tmp_path / "out") == tree(tmp_path / "plain")
