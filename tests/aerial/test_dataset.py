"""The PyTorch data set: pairs, more views, one size, masks, metric depth."""

import time

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from aerial_megadepth import preprocess_aerialmegadepth
from aerial_megadepth.dataset import AerialMegaDepth
from aerial_megadepth.pairs.pairs_file import PAIRS_NAME, ScenePairs, write_pairs
from aerial_megadepth.pairs.samples import Samples
from aerial_megadepth.scenes.trusted_depth import TrustedDepth
from tests.aerial.chain_builders import a_localized_scene, row_of_shots
from warpset.core.errors import InputError


@pytest.fixture(scope="module")
def processed(tmp_path_factory):
    root = tmp_path_factory.mktemp("processed")
    a_localized_scene(root / "data")
    flags = ["--megadepth_aerial_dir", str(root / "data"), "--output_dir", str(root / "out")]
    assert preprocess_aerialmegadepth.main([*flags, "--quiet", "--min_score", "0.4"]) == 0
    return root / "out"


def test_a_pair_has_pictures_metric_depth_and_cameras(processed):
    pairs = AerialMegaDepth(processed, size_wh=None)
    views = pairs[0]
    assert [view["instance"] for view in views] == ["0.jpg", "1.jpg"]
    for view, shot in zip(views, row_of_shots(), strict=False):
        assert view["is_metric_scale"] is True and view["label"] == "0001"
        assert view["img"].shape == (3, 80, 120) and view["img"].dtype == torch.float32
        assert 0 <= view["img"].min() and view["img"].max() <= 1
        np.testing.assert_array_equal(view["depthmap"].numpy(), shot.depth)
        np.testing.assert_allclose(
            view["camera_pose"].numpy(), shot.camera.world_from_cam, atol=1e-6
        )
        assert view["camera_intrinsics"][0, 2] == 60 - 0.5


def test_points_of_both_views_lie_on_one_surface(processed):
    """Carried from one view into the other with K for whole-number centres, depths agree."""
    one, other = AerialMegaDepth(processed, size_wh=(96, 96))[0]
    height, width = one["depthmap"].shape
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    pixels = torch.stack([columns, rows, torch.ones_like(rows)], -1).float()
    rays = pixels @ torch.linalg.inv(one["camera_intrinsics"]).T
    cam = rays * one["depthmap"][..., None]
    world = cam @ one["camera_pose"][:3, :3].T + one["camera_pose"][:3, 3]
    there = (world - other["camera_pose"][:3, 3]) @ other["camera_pose"][:3, :3]
    at = there @ other["camera_intrinsics"].T
    x, y = (at[..., :2] / at[..., 2:]).round().long().unbind(-1)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    found = other["depthmap"][y[inside], x[inside]]
    error = (found / there[..., 2][inside] - 1).abs()
    assert inside.float().mean() > 0.5 and error.median() < 0.002


def test_views_come_in_one_size_and_make_batches(processed):
    pairs = AerialMegaDepth(processed, size_wh=(64, 48))
    batch = next(iter(DataLoader(pairs, batch_size=2, num_workers=0)))
    assert len(batch) == 2
    assert batch[0]["img"].shape == (2, 3, 48, 64)
    assert batch[1]["depthmap"].shape == batch[1]["valid_mask"].shape == (2, 48, 64)


def test_more_views_join_the_pair_by_overlap(processed):
    samples = AerialMegaDepth(processed, views=4)
    assert all(len(set(sample.images)) == 4 for sample in samples.samples)
    assert set(samples.samples[0].images) == {"0.jpg", "1.jpg", "2.jpg", "3.jpg"}
    assert len(samples[0]) == 4
    with pytest.raises(InputError, match="found no 9 views"):
        AerialMegaDepth(processed, views=9)


@pytest.mark.parametrize("name", ["0.jpg.png", "0.png"])
def test_masks_of_sky_take_its_depth_away(processed, tmp_path, name):
    (tmp_path / "0001").mkdir()
    classes = np.zeros((80, 120), np.uint8)
    classes[:40] = 2
    Image.fromarray(classes).save(tmp_path / "0001" / name)
    one, other = AerialMegaDepth(processed, size_wh=None, trusted=TrustedDepth(tmp_path))[0]
    assert not one["valid_mask"][:40].any() and one["valid_mask"][40:].all()
    assert other["valid_mask"].all()


def test_masks_that_are_not_there_are_said(processed, tmp_path):
    with pytest.raises(InputError, match="nowhere: found no such folder"):
        AerialMegaDepth(processed, trusted=TrustedDepth(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"found no mask of any image, need 0001/0.jpg.png"):
        AerialMegaDepth(processed, trusted=TrustedDepth(tmp_path))


def test_low_scores_are_left_out_and_nothing_left_is_said(processed):
    every = AerialMegaDepth(processed)
    best = max(sample.score for sample in every.samples)
    assert 0 < len(AerialMegaDepth(processed, min_score=best)) < len(every)
    with pytest.raises(InputError, match="lower min_score"):
        AerialMegaDepth(processed, min_score=2.0)
    with pytest.raises(InputError, match="need at least 2"):
        AerialMegaDepth(processed, views=1)
    with pytest.raises(InputError, match="found no such file of pairs"):
        AerialMegaDepth(processed / "nowhere")


def test_depth_beyond_a_percentile_is_unknown_as_in_aerialmegadepths_loader(processed):
    every = AerialMegaDepth(processed, size_wh=None)[0][0]["depthmap"].numpy()
    clipped = AerialMegaDepth(processed, size_wh=None, trusted=TrustedDepth(percentile=98))[0][0][
        "depthmap"
    ].numpy()
    expected = every.copy()
    expected[expected > np.percentile(every, 98)] = 0
    np.testing.assert_array_equal(clipped, expected)
    assert 0 < (clipped == 0).sum() < 0.021 * clipped.size


def test_a_million_pairs_open_in_a_few_seconds_and_keep_arrays(tmp_path):
    rng = np.random.default_rng(0)
    scenes = {}
    for n in range(100):
        pairs = np.sort(rng.integers(0, 1000, (10_000, 2)), axis=1)
        scores = rng.random(10_000, np.float32)
        scenes[f"{n:04d}"] = ScenePairs([f"{m}.jpg" for m in range(1000)], pairs, scores)
    write_pairs(tmp_path / PAIRS_NAME, scenes)
    start = time.process_time()
    data = AerialMegaDepth(tmp_path)
    assert time.process_time() - start < 5 and len(data) == 1_000_000
    listed = scenes["0057"]
    sample = data.samples[57 * 10_000 + 3]
    assert sample.images == tuple(listed.images[n] for n in listed.pairs[3].tolist())
    assert (sample.scene, sample.score) == ("0057", pytest.approx(float(listed.scores[3])))


def test_more_views_are_those_that_one_by_one_overlap_most():
    pairs = np.array([[0, 1], [0, 2], [1, 2], [2, 3], [1, 3]])
    listed = ScenePairs(list("abcd"), pairs, np.array([0.9, 0.3, 0.4, 0.8, 0.1], np.float32))
    grown = [sample.images for sample in Samples({"s": listed}, 3, 0.0)]
    assert grown == [tuple("abc"), tuple("acb"), tuple("bca"), tuple("cdb"), tuple("bdc")]
    alone = ScenePairs(list("abcd"), pairs[:1], np.array([0.9], np.float32))
    assert len(Samples({"s": alone}, 3, 0.0)) == 0 and len(Samples({"s": alone}, 2, 0.0)) == 1
    assert len(Samples({"s": listed}, 2, 0.35)) == 3
