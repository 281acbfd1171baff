"""Localized scenes as LoFTR, D2-Net and glue-factory train on MegaDepth: views, depth, one npz.

A scene is `<scene>/<scene>.npz`, `<scene>/images/` and its depth, `<scene>/<image>.h5`, where
glue-factory looks for it; all npz lie in `scene_info/` as well, where all three look for them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from warpset.core.cameras import project
from warpset.core.covisibility import covisibility, small_view
from warpset.core.errors import InputError
from warpset.core.geometry import DepthMap, FrameGeometry, resample_depth
from warpset.core.natural_order import sorted_naturally
from warpset.files.writing import write_atomically

from .localization.localized_scene import pinhole_file, read_sparse, write_depth_file
from .localization.localized_step import (
    LocalizedStep,
    add_min_score,
    add_trust_flags,
    localized_parser,
    localized_places,
    read_trust,
    run_localized,
    summed_up,
)
from .pairs.scene_info import InfoView, write_scene_info
from .pairs.scene_pairs import MIN_SCORE

if TYPE_CHECKING:
    import pycolmap

INFOS = "scene_info"
IMAGES = "images"


@dataclass(frozen=True, kw_only=True)
class SceneInfoExport(LocalizedStep):
    """The step; paths in its npz are relative to the folder of the result.

    Attributes:
        min_score: See `covisible_pairs`.
    """

    min_score: float = MIN_SCORE

    name = "export_scene_info"

    def options(self) -> Mapping[str, object]:
        """See `SceneStep.options`."""
        return {"min_score": self.min_score, **self.trusted.options()}

    def finish(self) -> None:
        """Put the npz of all scenes into one folder."""
        for path in sorted_naturally(self.output_dir.glob("*/*.npz")):
            if path.stem == path.parent.name and not path.parent.name.startswith("."):
                (self.output_dir / INFOS).mkdir(exist_ok=True)
                write_atomically(self.output_dir / INFOS / path.name, path.read_bytes())

    def make(self, scene: str, folder: Path) -> str:
        """See `SceneStep.make`."""
        sparse = read_sparse(self.localized(scene))
        images = {image.name: image for image in sparse.images.values()}
        (folder / IMAGES).mkdir()
        names, listed, views, problems = [], [], [], []
        for frame, depth_map in self.views(scene, self.frames(scene, problems), problems):
            try:
                image, depth_map = self._write(scene, folder, frame, depth_map)
            except InputError as error:
                problems.append(f"{error}; view left out")
                continue
            names.append(frame.name)
            listed.append(_info_view(f"{scene}/{image}", frame, sparse, images[frame.name]))
            views.append(small_view(depth_map))
        if not views:
            return summed_up(scene, "", 0, problems)
        pairs = write_scene_info(
            folder / f"{scene}.npz", listed, covisibility(views), self.min_score
        )
        without_mask = self.trusted.without_mask(scene, names, problems)
        summary = f"{pairs} pairs of {len(names)} views{without_mask}"
        return summed_up(scene, summary, len(names), problems)

    def _write(
        self, scene: str, folder: Path, frame: FrameGeometry, depth_map: DepthMap
    ) -> tuple[str, DepthMap]:
        """Write a view's picture and depth; the picture's path in the folder, and the depth.

        Raises:
            InputError: The picture or its mask cannot be read; nothing is written then.
        """
        name, content = pinhole_file(frame.photo)
        whole = resample_depth(depth_map, frame.photo.camera)
        whole = whole._replace(depth=self.trusted.of(scene, frame.name, whole.depth))
        (folder / IMAGES / name).write_bytes(content)
        write_depth_file(folder / f"{frame.photo.path.stem}.h5", whole.depth)
        return f"{IMAGES}/{name}", whole


def _info_view(
    image_path: str, frame: FrameGeometry, sparse: pycolmap.Reconstruction, image: pycolmap.Image
) -> InfoView:
    """What the scene's file says of a view; points behind it are left out."""
    seen = image.get_observation_points2D()
    keys = np.array([point.point3D_id for point in seen], np.int64)
    xyz_world = np.array([sparse.points3D[key].xyz for key in keys.tolist()]).reshape(-1, 3)
    xy = np.array([point.xy for point in seen], np.float64).reshape(-1, 2)
    before = project(frame.photo.camera, xyz_world)[1] > 0
    scene = image_path.split("/")[0]
    depth_path = f"{scene}/{frame.photo.path.stem}.h5"
    camera = frame.photo.camera
    return InfoView(image_path, depth_path, camera, keys[before], xy[before], xyz_world[before])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the step; 0 = all made, 1 = something could not be, 2 = wrong command line."""
    args = make_parser().parse_args(arguments)
    step = SceneInfoExport(
        **localized_places(args), trusted=read_trust(args), min_score=args.min_score
    )
    return run_localized(step, args)


def make_parser() -> argparse.ArgumentParser:
    """The step's command line."""
    parser = localized_parser(__doc__ or "")
    add_min_score(parser)
    add_trust_flags(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
