"""Prediction: poses decoded, windows joined, memory bounded; a stand-in answers exact geometry."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.builders import a_camera, a_photo, a_rotation, a_tiny_vggt
from tests.vggt.da3.da3_builders import a_tiny_da3
from vggt.poses import decode_poses, encode_poses, in_first_frame
from vggt.predict import (
    GivenCamera,
    PhotoWithCamera,
    Prediction,
    VGGTPredictor,
    joined,
    largest_window,
    predict_scene,
)
from vggt.preprocess import preprocess

SHAPE_HW = (60, 80)


def true_frame(index: int) -> Prediction:
    """A walk with turns before rough surfaces."""
    turned = (0.02 * index, 0.1 * np.sin(index), 0.01 * index)
    camera = a_camera((80, 60), 70.0, turned=turned, at=(0.3 * index, 0.1 * np.cos(index) - 0.1, 0))
    rng = np.random.default_rng(index)
    depth = (3 + rng.uniform(0, 2, SHAPE_HW)).astype(np.float32)
    confidence = rng.uniform(1, 5, SHAPE_HW).astype(np.float32)
    return Prediction(depth, confidence, camera.K, camera.K, camera.cam_from_world)


class WindowedTruth:
    """Answers the truth under a random similarity per call; a photo's first pixel is its index."""

    def __init__(self, noise=0.0, most=100, lack_of_memory=None):
        self.lack_of_memory = lack_of_memory or torch.OutOfMemoryError("no memory")
        self.rng, self.noise, self.most = np.random.default_rng(7), noise, most
        self.windows, self.most_at_once = [], 0

    def __call__(self, photos):
        if len(photos) > self.most:
            raise self.lack_of_memory
        indices = [int(photo[0, 0, 0]) for photo in photos]
        self.windows.append(indices)
        scale = 1.0 if not self.windows[1:] else self.rng.uniform(0.2, 5)
        similarity = np.eye(4)
        if self.windows[1:]:
            similarity[:3, :3] = a_rotation(*self.rng.normal(size=3))
            similarity[:3, 3] = self.rng.normal(size=3)
        return [self._seen(true_frame(index), scale, similarity) for index in indices]

    def _seen(self, frame, scale, similarity):
        pose = frame.cam_from_world.copy()
        pose[:3, 3] *= scale
        noise = 1 + self.noise * self.rng.normal(size=SHAPE_HW)
        return Prediction(
            (frame.depth * scale * noise).astype(np.float32),
            frame.confidence,
            frame.K,
            frame.photo_K,
            pose @ similarity,
        )


def predict(predictor, read, count, window, on_window=lambda frames: None):
    return predict_scene(predictor, read, count, window, on_window)


def numbered_photo(index):
    return np.full((*SHAPE_HW, 3), index, np.uint8)


@pytest.mark.parametrize("window", [0, 2, 3, 8, 100])
@pytest.mark.parametrize("count", [1, 2, 3, 8, 21])
def test_joined_windows_equal_the_truth(count, window):
    predictor = WindowedTruth()
    frames = list(predict(predictor, numbered_photo, count, window))
    assert len(frames) == count
    for index, frame in enumerate(frames):
        truth = true_frame(index)
        np.testing.assert_allclose(frame.depth, truth.depth, rtol=1e-4)
        np.testing.assert_allclose(frame.cam_from_world, truth.cam_from_world, atol=1e-4)


@pytest.mark.parametrize("window", [2, 5])
def test_neighbours_always_share_a_window_and_windows_one_frame(window):
    predictor = WindowedTruth()
    list(predict(predictor, numbered_photo, 17, window))
    for index in range(16):
        assert any({index, index + 1} <= set(window) for window in predictor.windows)
    assert all(
        a[-1] == b[0] for a, b in zip(predictor.windows, predictor.windows[1:], strict=False)
    )


def test_windows_that_crop_their_shared_photo_differently_are_joined_by_its_middle():
    truth = true_frame(3)
    cropped = replace(
        truth, depth=5 * truth.depth[7:-7, 14:-14], confidence=truth.confidence[7:-7, 14:-14]
    )
    (frame,) = joined([cropped], truth)
    np.testing.assert_allclose(frame.depth, truth.depth[7:-7, 14:-14], rtol=1e-5)


def test_with_noisy_depth_the_scale_drifts_by_less_than_two_per_cent_over_twenty_windows():
    predictor = WindowedTruth(noise=0.05)
    frames = list(predict(predictor, numbered_photo, 21, 2))
    assert len(predictor.windows) == 20
    truth = true_frame(20)
    assert np.median(frames[20].depth / truth.depth) == pytest.approx(1, abs=0.02)


def test_the_windows_are_told_as_they_are_done():
    told = []
    list(predict(WindowedTruth(), numbered_photo, 10, 4, told.append))
    assert told == [range(0, 4), range(3, 7), range(6, 10)]


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        MemoryError(),
    ],
)
def test_a_window_that_does_not_fit_is_halved_and_nothing_is_lost(caplog, error):
    predictor = WindowedTruth(most=3, lack_of_memory=error)
    frames = list(predict(predictor, numbered_photo, 9, 8))
    assert len(frames) == 9 and max(map(len, predictor.windows)) <= 3
    np.testing.assert_allclose(frames[8].depth, true_frame(8).depth, rtol=1e-4)
    assert "going on with 4" in caplog.text and "going on with 2" in caplog.text


def test_two_frames_that_do_not_fit_are_an_error():
    with pytest.raises(MemoryError, match="two photos do not fit"):
        list(predict(WindowedTruth(most=1), numbered_photo, 4, 0))


def test_other_failures_are_not_taken_for_a_lack_of_memory():
    def broken(photos):
        raise RuntimeError("bug")

    with pytest.raises(RuntimeError, match="bug"):
        list(predict(broken, numbered_photo, 4, 0))


def test_only_the_photos_of_one_window_are_held(monkeypatch):
    held = []

    def read(index):
        held.append(index)
        return numbered_photo(index)

    frames = predict(WindowedTruth(), read, 50, 4)
    next(frames)
    assert held == [0, 1, 2, 3]


def test_an_encoded_pose_is_decoded():
    quaternion = np.array([0.0, np.sin(0.2), 0.0, np.cos(0.2)]) * 3
    encoded = np.concatenate([[1, 2, 3], quaternion, [np.pi / 2, np.pi / 3]])[None]
    K, cam_from_world = decode_poses(encoded, (100, 200))
    np.testing.assert_allclose(cam_from_world[0, :3, :3], a_rotation(y=0.4), atol=1e-12)
    np.testing.assert_allclose(cam_from_world[0, :3, 3], [1, 2, 3])
    focal_x = 100 / np.tan(np.pi / 6)
    np.testing.assert_allclose(K[0], [[focal_x, 0, 100], [0, 50, 50], [0, 0, 1]])


def test_a_field_of_view_of_zero_and_an_empty_quaternion_stay_finite():
    K, cam_from_world = decode_poses(np.zeros((1, 9)), (100, 200))
    assert np.isfinite(K).all() and np.isfinite(cam_from_world).all()


@pytest.fixture(scope="module")
def tiny_model():
    return a_tiny_vggt()


@pytest.mark.parametrize("mode", ["crop", "pad"])
def test_predictions_lie_on_the_photo_without_its_padding(tiny_model, mode):
    photos = [a_photo((64, 48)), a_photo((48, 64), seed=1)]
    predictions = VGGTPredictor(tiny_model, mode)(photos)
    for photo, frame in zip(photos, predictions, strict=True):
        height, width = frame.depth.shape
        to_photo = frame.photo_K @ np.linalg.inv(frame.K)
        corners = np.array([[0, 0, 1], [width, height, 1]]) @ to_photo.T
        x0, y0, x1, y1 = corners[:, :2].ravel()
        assert (x0, x1) == pytest.approx((0, photo.shape[1]))
        assert -1e-9 <= y0 < y1 <= photo.shape[0] + 1e-9
        assert (frame.depth > 0).all() and (frame.confidence >= 1).all()


def test_windows_of_the_whole_scene_fit_a_tiny_model(tiny_model):
    assert largest_window(tiny_model) > 100


def some_given_cameras(count):
    frames = [true_frame(index) for index in range(count)]
    return [GivenCamera(frame.photo_K, frame.cam_from_world) for frame in frames]


def test_given_cameras_reach_a_network_that_takes_them_and_no_other():
    photos = [a_photo((80, 60), seed=index) for index in range(2)]
    network = a_tiny_da3(takes_cameras=True)
    given = some_given_cameras(2)
    views = [PhotoWithCamera(*pair) for pair in zip(photos, given, strict=True)]
    found = VGGTPredictor(network, "upper_bound_resize").with_cameras(views)
    assert (found[0].depth != VGGTPredictor(network, "upper_bound_resize")(photos)[0].depth).any()
    to_model = found[0].K @ np.linalg.inv(found[0].photo_K)
    poses = in_first_frame(np.stack([camera.cam_from_world for camera in given]))
    encoded = encode_poses(np.stack([to_model @ g.K for g in given]), poses, found[0].depth.shape)
    images = [image.rgb for image in preprocess(photos, "upper_bound_resize", 70, 14)]
    stacked = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
    direct = network(stacked, torch.from_numpy(encoded).float()[None])["depth"][0, ..., 0].numpy()
    np.testing.assert_allclose([frame.depth for frame in found], direct, rtol=1e-4)
    other = VGGTPredictor(a_tiny_da3(), "upper_bound_resize")
    np.testing.assert_array_equal(other.with_cameras(views)[0].depth, other(photos)[0].depth)
