"""Tiny random weights, images, and ways to run the nodes of a loaded pack."""

import importlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from splats import read_splats
from splats.gaussians import SH_C0
from tests.builders import a_photo
from vggt.model import VGGT, VGGTConfig

SIDE = 56
TINY = VGGTConfig(
    img_size=SIDE,
    embed_dim=32,
    depth=4,
    num_heads=2,
    dino_depth=1,
    dino_heads=2,
    camera_trunk_depth=1,
    camera_heads=2,
    dpt_features=8,
    dpt_out_channels=(8, 8, 8, 8),
    dpt_layers=(0, 1, 2, 3),
)
NODES = {
    "VGGT_Load_Model": "Load Model (VGGT)",
    "VGGT_Model_Inference": "VGGT Model Inference",
    "VGGT_Warp_Pair": "Warp Pair",
    "VGGT_Render_Warp": "Render Warp",
    "VGGT_Camera_Path": "Camera Path",
    "VGGT_Camera_From_Viewer": "Camera From Viewer",
    "VGGT_Load_PLY": "Load PLY",
    "VGGT_Splats_To_USD": "Splats to USD",
}
OUTPUTS = (
    "ply_path extrinsics intrinsics cameras depth confidence points splats model_file camera_info"
).split()


CAMERA_ROUNDS = 4
NEAR_IDENTITY = [0, 0, 0, 0, 0, 0, 1, 0.8, 1.0]
"""Pose encoding: translation, quaternion x y z w, vertical and horizontal field of view."""


def tiny_weights(path: Path, seed=0) -> Path:
    """A checkpoint of random weights whose cameras all lie near the origin."""
    torch.manual_seed(seed)
    model = VGGT(TINY)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    last = model.camera_head.pose_branch.fc2
    torch.nn.init.normal_(last.weight, std=0.002)
    last.bias.data = torch.tensor(NEAR_IDENTITY) / CAMERA_ROUNDS
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": model.state_dict(), "config": asdict(TINY)}, path)
    return path


def a_node(pack, key: str) -> Any:
    return pack.NODE_CLASS_MAPPINGS[key]()


def run(pack, key: str, **inputs) -> Any:
    """Run a node as ComfyUI does: in inference mode; only the outputs are answered."""
    node = a_node(pack, key)
    with torch.inference_mode():
        answer = getattr(node, node.FUNCTION)(**inputs)
    return answer["result"] if isinstance(answer, dict) else answer


def infer(pack, **inputs) -> dict[str, Any]:
    widgets = {"device": "cpu", "depth_conf_threshold": 0.0}
    return dict(zip(OUTPUTS, run(pack, "VGGT_Model_Inference", **widgets | inputs), strict=True))


def a_room(pack, name: str) -> Any:
    return importlib.import_module(f".{name}", pack.__name__)


def an_image(size_wh=(SIDE, 42), seed=0, count=1) -> torch.Tensor:
    photos = np.stack([a_photo(size_wh, seed + index) for index in range(count)])
    return torch.from_numpy(photos).float() / 255


def colors_of(ply_path: str) -> np.ndarray:
    return np.rint((0.5 + SH_C0 * read_splats(Path(ply_path)).sh0[:, 0]) * 255)
