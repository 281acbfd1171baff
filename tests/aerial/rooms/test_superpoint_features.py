"""SuperPoint and LightGlue with small random weights: what transformers finds and matches."""

import sys

import numpy as np
import pycolmap
import pytest
import torch

from aerial_megadepth.localization.scene_features import FeatureModels, make_features
from tests.builders import a_photo
from warpset.core.errors import InputError
from warpset.stereo.features import FeatureImage, write_image
from warpset.stereo.sfm import image_name

transformers = pytest.importorskip("transformers")

SIZE_WH = (160, 120)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model as transformers saves it, which keeps every match that is mutual."""
    torch.manual_seed(0)
    detector = transformers.SuperPointConfig(
        encoder_hidden_sizes=[8, 8, 16, 16],
        decoder_hidden_size=16,
        descriptor_decoder_dim=16,
        keypoint_threshold=0.0,
        initializer_range=0.15,
    )
    config = transformers.LightGlueConfig(
        keypoint_detector_config=detector.to_dict(),
        descriptor_dim=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        filter_threshold=0.0,
        initializer_range=0.15,
        depth_confidence=-1.0,
        width_confidence=-1.0,
    )
    model = transformers.LightGlueForKeypointMatching(config).eval()
    place = tmp_path_factory.mktemp("superpoint")
    model.save_pretrained(place)
    return place


def pixels(rgb) -> torch.Tensor:
    grey = rgb.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32) / 255
    return torch.from_numpy(grey)[None]


@pytest.mark.slow
def test_features_and_matches_are_those_of_transformers(folder):
    ours = make_features("superpoint", FeatureModels(superpoint=str(folder)))
    theirs = transformers.LightGlueForKeypointMatching.from_pretrained(folder).eval()
    photos = [a_photo(SIZE_WH, 1)] * 2
    with torch.inference_mode():
        expected = theirs(torch.stack([pixels(photo) for photo in photos])[None])
    found = [ours.extract(photo) for photo in photos]
    pairs = ours.match_pair(found, [SIZE_WH] * 2)
    partner = expected.matches.reshape(2, -1)[0].numpy()
    their_xy = expected.keypoints[0].numpy() * SIZE_WH + 0.5
    their_pairs = {
        (*their_xy[0, one].round(3).tolist(), *their_xy[1, other].round(3).tolist())
        for one, other in enumerate(partner)
        if other >= 0
    }
    our_pairs = {
        (*found[0].xy[one].round(3).tolist(), *found[1].xy[other].round(3).tolist())
        for one, other in pairs.tolist()
    }
    assert len(their_pairs) >= 8
    assert our_pairs == their_pairs


def test_features_of_a_larger_photo_lie_in_its_own_pixels(folder, monkeypatch):
    from aerial_megadepth.localization import superpoint_features

    monkeypatch.setattr(superpoint_features, "MAX_SIDE_PX", 64)
    ours = make_features("superpoint", FeatureModels(superpoint=str(folder)))
    xy = ours.extract(a_photo((190, 100), 3)).xy
    assert xy[:, 0].max() > 150 and xy[:, 1].max() > 70
    assert (xy >= 0).all() and (xy <= [190, 100]).all()


def test_they_fill_the_database(folder, tmp_path, monkeypatch):
    ours = make_features("superpoint", FeatureModels(superpoint=str(folder)))
    camera = pycolmap.Camera(model="SIMPLE_PINHOLE", width=160, height=120, params=[150.0, 80, 60])
    names = [image_name(n, n) for n in range(2)]
    for name in names:
        write_image(a_photo(SIZE_WH, 1), tmp_path / "images", name)
    database = tmp_path / "features.db"
    ours.find([FeatureImage(name, camera) for name in names], tmp_path / "images", database)
    # COLMAP throws away fewer matches than it needs for a geometry, and random weights find few
    monkeypatch.setattr(pycolmap, "verify_matches", lambda *_: None)
    ours.match([(names[0], names[1])], database)
    found = ours.extract(a_photo(SIZE_WH, 1))
    with pycolmap.Database.open(database) as opened:
        one, other = (opened.read_image_with_name(name).image_id for name in names)
        np.testing.assert_array_equal(opened.read_keypoints(one)[:, :2], found.xy)
        matches = opened.read_matches(one, other)
    np.testing.assert_array_equal(matches, ours.match_pair([found] * 2, [SIZE_WH] * 2))
    assert len(matches) >= 8


def test_a_model_that_is_not_there_is_one_line(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="found no SuperPoint with LightGlue") as error:
        make_features("superpoint", FeatureModels(superpoint=str(tmp_path)))
    assert "\n" not in str(error.value)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError, match="transformers is not installed"):
        make_features("superpoint", FeatureModels(superpoint=str(tmp_path)))
