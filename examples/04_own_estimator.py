"""Pairs from an estimator of your own: a wall 3 units away, and a camera that steps to the right.

uv run python examples/04_own_estimator.py examples/scenes/room own-pairs
"""

import sys
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from build_warp_dataset import make_backends
from estimators.options import ComputeOptions
from warpset import BuildOptions, Camera, build_scene
from warpset.building.scenes import SceneInput
from warpset.building.summary import SceneSummary
from warpset.core.cameras import intrinsics
from warpset.core.geometry import DepthMap, FrameGeometry, PosedPhoto, SceneGeometry
from warpset.files.photos import upright_size


class WallEstimator:
    revision, may_leave_out, takes_recorded_cameras = "wall-1", False, False

    def estimate(self, scene: SceneInput) -> SceneGeometry:
        frames = []
        for index, path in enumerate(scene.photos):
            width, height = upright_size(path)
            cam_from_world = np.eye(4) - 0.1 * index * np.eye(4, k=3)
            K = intrinsics(0.8 * width, 0.8 * width, width / 2, height / 2)
            camera = Camera(K, cam_from_world, (width, height))
            wall = partial(DepthMap, np.full((height, width), 3.0, np.float32), None, camera)
            frames.append(FrameGeometry(PosedPhoto(path, camera), load_depth=wall))
        return SceneGeometry(tuple(frames), source="wall", revision=self.revision)


if __name__ == "__main__":
    backends = make_backends(ComputeOptions(), cache_dir=Path(".cache"))
    own = backends._replace(make_estimator={"wall": WallEstimator})
    scene, output, summary = Path(sys.argv[1]), Path(sys.argv[2]), SceneSummary()
    build_scene(scene, output, BuildOptions(geometry="wall"), own, summary)
    print(summary.describe(output))
