"""Step 4: registers a scene's photos with its aerial frames and gives every view metric depth."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from warpset.building.command_line import number
from warpset.core.errors import InputError

from .localization.dense_depth import AUTO, COLMAP, SWEEP, choose_engine, estimate_metric_depths
from .localization.inputs import (
    aerial_scenes,
    listed_photos,
    read_aerial_frames,
    read_photo_groups,
    scene_paths,
)
from .localization.localized_scene import (
    LOCALIZED,
    REPORT,
    features_folder,
    write_depth,
    write_picture,
    write_sparse,
)
from .localization.registration import MAPPING, POSE, Registrar, Registration
from .localization.report import report_on
from .localization.scene_features import (
    ALIKED,
    LIGHTGLUE_REPOSITORY,
    SIFT,
    SUPERPOINT,
    FeatureModels,
    make_features,
)
from .megadepth.image_list import ImageList, read_image_list
from .scenes.door import run_door, run_listed
from .scenes.scene_list import read_scene_list
from .scenes.scene_process import IncompleteScene
from .scenes.scene_steps import step_parser

WORK = "work"


@dataclass(frozen=True)
class Localization:
    """The step.

    Attributes:
        root: Folder of the aerial scenes.
        megadepth: Folder of the processed photos.
        images: Which photos belong to which scene.
        features: `sift`, `aliked` or `superpoint`.
        models: Where the networks of learned features are.
        how: See `Registrar.register`.
        engine: What estimates depth, see `choose_engine`.
        depth_side: Longest side in pixels of the pictures that are compared for depth.
        quiet: No progress bars.
    """

    root: Path
    megadepth: Path
    images: ImageList
    features: str = SIFT
    models: FeatureModels = field(default_factory=FeatureModels)
    how: str = MAPPING
    engine: str = SWEEP
    depth_side: int = 800
    quiet: bool = False

    name = "do_colmap_localization"

    def options(self) -> Mapping[str, object]:
        """See `SceneStep.options`."""
        named = {"superpoint": self.models.superpoint} if self.features == SUPERPOINT else {}
        return {
            **named,
            "features": self.features,
            "registration": self.how,
            "stereo_engine": self.engine,
            "depth_side": self.depth_side,
        }

    def inputs(self, scene: str) -> Sequence[Path]:
        """See `SceneStep.inputs`.

        Raises:
            InputError: There are no aerial frames, hence no scene to write into.
        """
        paths = scene_paths(self.root, self.megadepth, self.images, scene)
        if not paths.frames.is_file():
            raise InputError(f"{paths.frames}: found no such file; run preprocess_ge first")
        given = self.models.aliked, self.models.lightglue
        aliked = [model for model in given if model is not None and self.features == ALIKED]
        return [*paths.files(), *aliked, *self._superpoint_folder()]

    def _superpoint_folder(self) -> list[Path]:
        folder = Path(self.models.superpoint)
        return [folder] if self.features == SUPERPOINT and folder.is_dir() else []

    def output(self, scene: str) -> Path:
        """See `SceneStep.output`."""
        return features_folder(self.root, scene, self.features)

    def make(self, scene: str, folder: Path) -> str:
        """See `SceneStep.make`."""
        paths = scene_paths(self.root, self.megadepth, self.images, scene)
        problems: list[str] = []
        frames, groups = read_aerial_frames(paths), read_photo_groups(paths, problems)
        features = make_features(self.features, self.models)
        workspace, localized = folder / WORK, folder / LOCALIZED
        workspace.mkdir()
        registration = Registrar(frames, groups, features, workspace).register(self.how)
        write_sparse(localized, registration.posed, registration.model)
        self._write_depths(scene, localized, registration, workspace)
        shutil.rmtree(workspace)
        report = report_on(registration, len(frames), groups, listed_photos(self.images, scene))
        report.write(folder / REPORT)
        if problems:
            raise IncompleteScene(report.summary(), problems)
        return report.summary()

    def _write_depths(
        self, scene: str, localized: Path, registration: Registration, workspace: Path
    ) -> None:
        views = len(registration.posed)
        with tqdm(total=views, desc=f"{scene} depth", unit="view", disable=self.quiet) as bar:

            def write(photo, depth):
                write_picture(localized, photo)
                write_depth(localized, photo, depth)
                bar.update()

            estimate_metric_depths(registration, workspace, self.engine, self.depth_side, write)


def main(arguments: Sequence[str] | None = None) -> int:
    """Localize the scenes that the command line names; returns the exit code."""
    parser = make_parser()
    args = parser.parse_args(arguments)
    _refuse_idle_models(parser, args)

    def run() -> int:
        images = read_image_list(args.megadepth_image_list)
        step = _read_step(args, images)
        make_features(step.features, step.models)
        listed = args.megadepth_image_list, (scene for scene, _ in images)
        found = aerial_scenes(args.root_dir, images)
        scenes = read_scene_list(args.scene_list, found, args.root_dir, listed)
        return run_listed(step, scenes, args, isolated=True)

    return run_door(run, args.quiet)


def _refuse_idle_models(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with code 2 where a model was given for other features than were asked for."""
    needed = {"aliked_model": ALIKED, "lightglue_model": ALIKED, "superpoint_model": SUPERPOINT}
    for name, features in needed.items():
        if getattr(args, name) != parser.get_default(name) and args.features != features:
            parser.error(f"--{name} needs --features {features}")


def _read_step(args: argparse.Namespace, images: ImageList) -> Localization:
    """The step that the command line asks for.

    Raises:
        InputError: COLMAP's patch-match was asked for without CUDA.
    """
    models = FeatureModels(args.aliked_model, args.lightglue_model, args.superpoint_model)
    return Localization(
        root=args.root_dir,
        megadepth=args.megadepth_dir,
        images=images,
        features=args.features,
        models=models,
        how=args.registration,
        engine=choose_engine(args.stereo_engine),
        depth_side=args.depth_side,
        quiet=args.quiet or args.workers > 1,
    )


def make_parser() -> argparse.ArgumentParser:
    """The step's command line."""
    parser = step_parser(__doc__ or "")
    add = parser.add_argument
    add("--root_dir", type=Path, required=True, help="aerial scenes, as preprocess_ge left them")
    add(
        "--megadepth_dir",
        type=Path,
        required=True,
        help="photos, as preprocess_megadepth left them",
    )
    add(
        "--megadepth_image_list",
        type=Path,
        required=True,
        help="which photos belong to which scene (.npz, .json)",
    )
    _add_feature_flags(parser)
    add(
        "--registration",
        choices=(MAPPING, POSE),
        default=MAPPING,
        help="mapping adjusts photos together; pose takes each by itself and is faster",
    )
    add(
        "--stereo-engine",
        choices=(AUTO, SWEEP, COLMAP),
        default=AUTO,
        help="what estimates depth; auto is colmap where pycolmap has CUDA",
    )
    add(
        "--depth_side",
        type=number(int, 64),
        default=Localization.depth_side,
        help="longest side in pixels of the pictures that are compared for depth",
    )
    return parser


def _add_feature_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--features",
        choices=(SIFT, ALIKED, SUPERPOINT),
        default=SIFT,
        help="what images are matched by",
    )
    add("--aliked_model", type=Path, help="COLMAP's aliked-n16rot.onnx, for --features aliked")
    add("--lightglue_model", type=Path, help="COLMAP's aliked-lightglue.onnx, for it")
    add(
        "--superpoint_model",
        default=LIGHTGLUE_REPOSITORY,
        help="SuperPoint with LightGlue on the Hub or in a folder, for --features superpoint",
    )


if __name__ == "__main__":
    sys.exit(main())
