"""Step 3: MegaDepth's photos with depth and cameras to views of about 800x600.

Reads MegaDepth as published, writes `<out>/<scene>/<k>/<photo>.{jpg,exr,npz}`. Aerial frames it
does not know.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from warpset.building.command_line import OneLineParser
from warpset.core.errors import InputError
from warpset.core.geometry import DepthMap
from warpset.core.lens import Lens
from warpset.core.natural_order import natural_key
from warpset.files.photos import read_photo
from warpset.recordings.recording import same_aspect

from .megadepth.image_list import ImageList, is_plain_name, read_image_list
from .megadepth.published import MegaDepth, read_cameras, read_megadepth_depth, undistorted_camera
from .scenes.door import run_door, run_listed
from .scenes.scene_list import read_scene_list
from .scenes.scene_process import IncompleteScene
from .scenes.scene_steps import step_parser
from .scenes.view_files import COVERED_PX, JPEG_QUALITY, RgbdView, shrink_view, write_view

PosedLens = tuple[Lens, np.ndarray]


@dataclass(frozen=True)
class PreprocessMegaDepth:
    """The step; its scenes are `<scene>/<k>`, a model each.

    Attributes:
        source: Where MegaDepth lies.
        images: Photos to take by scene and model; None takes every photo of every model.
        output_dir: Where the views go.
        quiet: Show no progress.
    """

    source: MegaDepth
    images: ImageList | None
    output_dir: Path
    quiet: bool = False
    name = "preprocess_megadepth"

    def options(self) -> Mapping[str, object]:
        """Size and quality of the views; the photos listed are among the inputs."""
        return {"covered_px": list(COVERED_PX), "jpeg_quality": JPEG_QUALITY}

    def inputs(self, scene: str) -> Sequence[Path]:
        """The model, and photo and depth of every listed image, else their folders."""
        key = _scene_and_model(scene)
        if self.images is None:
            folders = (self.source.photo(*key, "_").parent, self.source.depth(*key, "_").parent)
            return [self.source.model(*key), *folders]
        if key not in self.images:
            raise InputError("is not in the image list; see --megadepth_image_list")
        files = ((self.source.photo(*key, n), self.source.depth(*key, n)) for n in self.images[key])
        return [self.source.model(*key), *(path for pair in files for path in pair)]

    def output(self, scene: str) -> Path:
        """`<out>/<scene>/<k>`."""
        return self.output_dir.joinpath(*_scene_and_model(scene))

    def make(self, scene: str, folder: Path) -> str:
        """Write a view for every photo that has depth; ordinal depth is no depth.

        Raises:
            InputError: The model cannot be read, or no photo has depth.
            IncompleteScene: Photos are missing, broken or not in the model.
        """
        key = _scene_and_model(scene)
        cameras = read_cameras(self.source.model(*key))
        names = self._every(key, cameras) if self.images is None else self.images[key]
        written, ordinal, problems = 0, 0, []
        for name in tqdm(names, scene, unit="photo", disable=self.quiet, leave=False):
            try:
                view = self._view(key, name, cameras.get(name))
            except InputError as error:
                problems.append(str(error))
                continue
            if view is None:
                ordinal += 1
                continue
            write_view(folder, name, view)
            written += 1
        return _summed_up(written, ordinal, problems)

    def _every(self, key: tuple[str, str], cameras: Mapping[str, PosedLens]) -> list[str]:
        """Names of the photos of a model, and of those with depth that it does not know."""
        photos = self.source.photo(*key, "_").parent.glob("*")
        with_depth = {path.name for path in photos if self.source.depth(*key, path.name).is_file()}
        return sorted(cameras.keys() | with_depth, key=natural_key)

    def _view(self, key: tuple[str, str], name: str, posed: PosedLens | None) -> RgbdView | None:
        if not is_plain_name(name):
            raise InputError(f"{self.source.model(*key)}: refused the photo name {name[:80]!r}")
        photo = self.source.photo(*key, name)
        if posed is None:
            raise InputError(f"{photo}: is not in {self.source.model(*key)}; left out")
        depth = read_megadepth_depth(self.source.depth(*key, name))
        if depth is None:
            return None
        rgb = read_photo(photo)
        size_wh = rgb.shape[1], rgb.shape[0]
        try:
            camera = undistorted_camera(*posed, size_wh)
        except InputError as error:
            raise InputError(f"{photo}: {error}; left out") from error
        if not same_aspect(depth.shape[::-1], size_wh):
            raise InputError(
                f"{photo}: found {size_wh[0]}x{size_wh[1]} pixels, but depth of "
                f"{depth.shape[1]}x{depth.shape[0]}; left out"
            )
        depth_camera = camera.resized((depth.shape[1], depth.shape[0]))
        return shrink_view(rgb, DepthMap(depth, None, depth_camera), camera)


def _scene_and_model(scene: str) -> tuple[str, str]:
    name, _, k = scene.partition("/")
    return name, k


def _summed_up(written: int, ordinal: int, problems: Sequence[str]) -> str:
    if not written:
        others = f", {problems[0]}" if problems else ""
        raise InputError(
            f"found no photo with depth among {ordinal + len(problems)}, {ordinal} of them with "
            f"ordinal depth only{others}"
        )
    summary = f"{written} views, {ordinal} photos with ordinal depth left out"
    if problems:
        raise IncompleteScene(f"{summary}, {len(problems)} with problems", problems)
    return summary


def make_parser() -> OneLineParser:
    """The command line."""
    parser = step_parser("MegaDepth's photos with depth and cameras to views of about 800x600.")
    parser.add_argument(
        "--megadepth_dir",
        type=Path,
        required=True,
        help="folder of MegaDepth_v1_SfM and phoenix, or MegaDepth_v1_SfM itself",
    )
    parser.add_argument(
        "--megadepth_image_list",
        type=Path,
        default=None,
        help="photos to take, .npz or .json; every photo of every model if not given",
    )
    parser.add_argument("--output_dir", type=Path, required=True, help="where the views go")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the step; 0 = all made, 1 = something could not be, 2 = wrong command line."""
    args = make_parser().parse_args(arguments)

    def run() -> int:
        source, listed = MegaDepth.at(args.megadepth_dir), args.megadepth_image_list
        images = read_image_list(listed) if listed is not None else None
        on_disk = source.models()
        models = on_disk if images is None else list(images)
        there = {scene for scene, _ in set(on_disk) & set(models)}
        listing = None
        if images is not None and listed is not None:
            listing = listed, {scene for scene, _ in images}
        scenes = read_scene_list(args.scene_list, there, source.sfm, listing)
        parts = [f"{scene}/{k}" for name in scenes.names for scene, k in models if scene == name]
        step = PreprocessMegaDepth(source, images, args.output_dir, args.quiet or args.workers > 1)
        return run_listed(step, scenes, args, parts=parts, isolated=True)

    return run_door(run, args.quiet)


if __name__ == "__main__":
    sys.exit(main())
