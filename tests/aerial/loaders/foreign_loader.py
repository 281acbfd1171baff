"""Reads a layout by the loader of a clone; says how many samples came and how well depth agrees.

python foreign_loader.py LOADER CLONE FOLDER [SCENE ...]
"""

import contextlib
import json
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from unittest import mock

import numpy as np

BESIDE_THE_READING = ("loguru", "matplotlib", "seaborn", "kornia", "rerun", "uniception")
"""What loaders import for drawing, logging and networks; stood in for where it is missing."""


class StandIns(MetaPathFinder, Loader):
    """Modules that hold anything, for packages that are not installed."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in BESIDE_THE_READING:
            return ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        module = ModuleType(spec.name)
        module.__dict__["__getattr__"] = lambda _name: mock.MagicMock()
        return module

    def exec_module(self, module):
        pass


def depth_error(depth, K, other_from_one, other_depth, other_K) -> float:
    """Median of |found / expected - 1| of a view's depth in another view, whole-number centres."""
    rows, columns = np.nonzero(depth > 0)
    rays = np.stack([columns, rows, np.ones_like(rows)], -1) @ np.linalg.inv(K).T
    xyz = rays * depth[rows, columns][:, None] @ other_from_one[:3, :3].T + other_from_one[:3, 3]
    xyz = xyz[xyz[:, 2] > 0]
    x, y = np.rint((xyz @ other_K.T)[:, :2] / xyz[:, 2:]).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < other_depth.shape[1]) & (y < other_depth.shape[0])
    found, expected = other_depth[y[inside], x[inside]], xyz[inside, 2]
    return float(np.median(np.abs(found[found > 0] / expected[found > 0] - 1)))


def arrays(*tensors):
    return [np.asarray(tensor, np.float64) for tensor in tensors]


def loftr(folder, scenes):
    from src.datasets.megadepth import MegaDepthDataset
    from torch.utils.data import DataLoader

    sizes = {"img_resize": 640, "df": 8, "img_padding": True, "depth_padding": True}
    for scene in scenes:
        path = str(folder / "scene_info" / f"{scene}.npz")
        data = MegaDepthDataset(str(folder), path, "train", 0.0, **sizes)
        assert sum(len(batch["pair_id"]) for batch in DataLoader(data, batch_size=2)) == len(data)
        for index in range(len(data)):
            sample = data[index]
            yield depth_error(
                *arrays(*(sample[name] for name in ("depth0", "K0", "T_0to1", "depth1", "K1")))
            )


def d2net(folder, scenes):
    from lib.dataset import MegaDepthDataset

    (folder / "scenes.txt").write_text("".join(f"{scene}\n" for scene in scenes))
    data = MegaDepthDataset(
        str(folder / "scenes.txt"),
        str(folder / "scene_info"),
        str(folder),
        min_overlap_ratio=0.3,
        image_size=128,
    )
    data.build_dataset()
    for index in range(len(data)):
        found = data[index]
        cropped = []
        for side in "12":
            K = found[f"intrinsics{side}"].numpy().astype(np.float64)
            K[:2, 2] -= np.asarray(found[f"bbox{side}"])[::-1]
            cropped += [np.asarray(found[f"depth{side}"], np.float64), K]
        pose1, pose2 = arrays(found["pose1"], found["pose2"])
        one, K1, other, K2 = cropped
        yield depth_error(one, K1, pose2 @ np.linalg.inv(pose1), other, K2)


def glue_factory(folder, scenes):
    from gluefactory.datasets.megadepth import MegaDepth

    conf = {
        "data_dir": str(folder),
        "depth_subpath": "",
        "info_dir": "scene_info/",
        "train_split": list(scenes),
        "train_num_per_scene": None,
        "min_overlap": 0.3,
        "batch_size": 1,
        "num_workers": 0,
    }
    data = MegaDepth(conf).get_dataset("train")
    for index in range(len(data)):
        sample = data[index]
        one, other = sample["view0"], sample["view1"]
        K0, K1 = (np.asarray(view["camera"].calibration_matrix()) for view in (one, other))
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = arrays(sample["T_0to1"].R, sample["T_0to1"].t)
        depths = arrays(one["depth"], other["depth"])
        yield depth_error(depths[0], K0, pose, depths[1], K1)


def dust3r(folder, scenes):
    from data_generation.misc.megadepth_aerial import MegaDepthAerial

    data = MegaDepthAerial(
        split=None, ROOT=str(folder), split_file="pairs.npz", resolution=(64, 48), aug_crop=0
    )
    assert list(data.all_scenes) == list(scenes)
    for index in range(len(data)):
        yield _views_error(data[index])


def map_anything(folder, scenes):
    """Its AerialMegaDepthWAI asks for a mask that it did not load; its MegaDepthWAI loads it."""
    from mapanything.datasets.wai.megadepth import MegaDepthWAI

    lists = folder / "lists" / "train"
    lists.mkdir(parents=True, exist_ok=True)
    np.save(lists / "megadepth_scene_list_train.npy", list(scenes))
    data = MegaDepthWAI(
        ROOT=str(folder),
        dataset_metadata_dir=str(folder / "lists"),
        split="train",
        resolution=(64, 48),
        num_views=2,
        covisibility_thres=0.25,
        transform="imgnorm",
        data_norm_type="identity",
    )
    for index in range(len(data)):
        yield _views_error(data[index])


def _views_error(views):
    one, other = views
    pose = np.linalg.inv(other["camera_pose"]) @ one["camera_pose"]
    depths = [np.asarray(view["depthmap"], np.float64).squeeze() for view in views]
    Ks = arrays(*(view["camera_intrinsics"] for view in views))
    return depth_error(depths[0], Ks[0], pose, depths[1], Ks[1])


LOADERS = {
    "loftr": loftr,
    "d2net": d2net,
    "glue_factory": glue_factory,
    "dust3r": dust3r,
    "map_anything": map_anything,
}

if __name__ == "__main__":
    name, clone, folder, *scenes = sys.argv[1:]
    sys.path.insert(0, clone)
    sys.meta_path.append(StandIns())
    with contextlib.redirect_stdout(sys.stderr):
        errors = list(LOADERS[name](Path(folder), scenes))
    told = {"samples": len(errors), "median": float(np.median(errors)), "worst": max(errors)}
    sys.stdout.write(json.dumps(told))
