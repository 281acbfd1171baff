"""The ComfyUI nodes as ComfyUI sees them: sockets and tooltips; the work is done elsewhere.

Namely in `comfy_nodes/`, imported when a node first runs: the pack loads at once, and a library
that is missing takes down the node that needs it, not the pack.
"""

from __future__ import annotations

from typing import Any

from . import folders
from .sockets import (
    confidence,
    device,
    fading,
    model,
    model_3d,
    ply_file,
    ply_path,
    prefix,
    upsampling,
    weights,
    work,
)
from .widgets import (
    ALL_VIEWS,
    BY_PATH,
    ExportWidgets,
    InferenceWidgets,
    PairWidgets,
    PathWidgets,
    RenderWidgets,
    Sockets,
    choice,
    link,
    moves,
    number,
    switch,
    text,
)

folders.add_weights_folder()
folders.bring_example_photos()

MAX_IMAGES = 20
FURTHER_REFERENCES = ("reference_2", "reference_3", "reference_4")


class LoadModel:
    """Weights -> the network, which other nodes share."""

    CATEGORY = "VGGT"
    DESCRIPTION = "Reads a network once; ComfyUI moves it between devices and frees it."
    FUNCTION = "load"
    RETURN_TYPES = ("VGGT_MODEL",)
    RETURN_NAMES = ("model",)

    @classmethod
    def INPUT_TYPES(cls) -> Sockets:
        """What ComfyUI asks every node class for."""
        default = InferenceWidgets
        return {"required": {"weights": weights(default.weights), "device": device(default.device)}}

    @classmethod
    def IS_CHANGED(cls, weights: str | None = InferenceWidgets.weights, **_: object) -> str:
        """Run again when the weights are others."""
        return folders.weights_file_fingerprint(weights)

    def load(self, weights: str, device: str) -> tuple[Any, ...]:
        """Run the node."""
        return (work("network.models").managed_network(weights, device),)


class VGGTModelInference:
    """Images of one place -> Gaussian splats, cameras, depth."""

    CATEGORY = "VGGT"
    DESCRIPTION = (
        "Predicts cameras and depth of up to 20 images (every image of a batch counts) and writes "
        "the points as Gaussian splats into the output folder."
    )
    FUNCTION = "infer"
    OUTPUT_NODE = True
    OUTPUTS = (
        ("ply_path", "STRING", "Path of the Gaussian splat PLY."),
        ("extrinsics", "EXTRINSICS", "First camera from world, 3x4: x right, y down, z forward."),
        ("intrinsics", "INTRINSICS", "First camera's 3x3 matrix, pixel centres at +0.5."),
        ("cameras", "VGGT_CAMERAS", "All cameras, for Render Warp."),
        ("depth", "IMAGE", "Nearest depth / depth: 1 is nearest, 0 unknown."),
        ("confidence", "MASK", "1 - 1 / confidence, 0 where depth is unknown."),
        ("points", "VGGT_POINTS", "The points, for Render Warp."),
        ("splats", "FILE_3D_PLY", "The PLY, for PreviewGaussianSplat and SaveGaussianSplat."),
        ("model_file", "STRING", "The PLY relative to the output folder, for Preview3D."),
        ("camera_info", "LOAD3D_CAMERA", "The first camera, for Preview3D to look through."),
    )
    RETURN_NAMES, RETURN_TYPES, OUTPUT_TOOLTIPS = zip(*OUTPUTS, strict=True)

    @classmethod
    def INPUT_TYPES(cls) -> Sockets:
        """What ComfyUI asks every node class for."""
        default = InferenceWidgets
        return {
            "required": {"device": device(default.device)},
            "optional": {
                **{f"image_{count}": link("IMAGE") for count in range(1, MAX_IMAGES + 1)},
                "depth_conf_threshold": confidence(default.depth_conf_threshold),
                "gaussian_scale_multiplier": number(
                    default.gaussian_scale_multiplier,
                    (0.001, 10.0),
                    "Size of the splats: 0.1 makes a standard deviation of half the width that a "
                    "pixel sees there, which closes surfaces without blurring them.",
                    step=0.01,
                ),
                "preprocess_mode": choice(
                    ["crop", "pad_white", "pad_black", "tile"],
                    default.preprocess_mode,
                    "crop: 518 wide, what is higher than 518 cut off; pad: long side 518, padded "
                    "to a square; tile: 518 wide, any height.",
                ),
                "mask_black_bg": switch(default.mask_black_bg, "Drop R + G + B below 16."),
                "mask_white_bg": switch(default.mask_white_bg, "Drop R, G and B all above 240."),
                "mask_sky": switch(default.mask_sky, "Drop what a small network takes for sky."),
                "boundary_threshold": number(
                    default.boundary_threshold, (0, 1000), "Drop so many pixels at the borders."
                ),
                "max_depth": number(
                    default.max_depth,
                    (-1.0, 1e6),
                    "Drop what is farther along the camera's axis; -1 drops nothing.",
                    step=0.1,
                ),
                "upsample_depth": upsampling(default.upsample_depth),
                "weights": weights(default.weights),
                "model": model(),
                "masks": link("MASK", "A mask an image, as Load Image gives: 1 makes no points."),
                "filename_prefix": prefix(),
            },
        }

    @classmethod
    def IS_CHANGED(cls, weights: str | None = InferenceWidgets.weights, **_: object) -> str:
        """Run again when the weights are others."""
        return folders.weights_fingerprint(weights)

    def infer(self, model: Any = None, masks: Any = None, **inputs: Any) -> dict[str, Any]:
        """Run the node; images count in the order of their numbers."""
        numbered = (inputs.pop(f"image_{count}", None) for count in range(1, MAX_IMAGES + 1))
        images = [image for image in numbered if image is not None]
        return work("inference").infer(images, InferenceWidgets(**inputs), model, masks)


class WarpPair:
    """Two images -> the dataset's pair."""

    CATEGORY = "VGGT"
    DESCRIPTION = (
        "Warps the reference, or up to four of them together, into the target's view, as "
        "build_warp_dataset.py does."
    )
    FUNCTION = "warp"
    RETURN_TYPES = ("IMAGE", "IMAGE", "IMAGE", "MASK")
    RETURN_NAMES = ("splats", "target", "reference", "mask")

    @classmethod
    def INPUT_TYPES(cls) -> Sockets:
        """What ComfyUI asks every node class for."""
        default = PairWidgets
        return {
            "required": {
                "reference": link("IMAGE", "Where the points come from."),
                "target": link("IMAGE", "Whose view they are warped into."),
                "device": device(default.device),
            },
            "optional": {
                "sigma": fading(default.sigma),
                "depth_conf_threshold": confidence(default.depth_conf_threshold),
                "upsample_depth": upsampling(default.upsample_depth),
                "weights": weights(default.weights),
                "fill": switch(default.fill, "Fill the holes, or leave them black."),
                "model": model(),
                **dict.fromkeys(FURTHER_REFERENCES, link("IMAGE", "Warped with the reference.")),
            },
        }

    @classmethod
    def IS_CHANGED(cls, weights: str | None = PairWidgets.weights, **_: object) -> str:
        """Run again when the weights are others."""
        return folders.weights_fingerprint(weights)

    def warp(
        self, reference: Any, target: Any, model: Any = None, **inputs: Any
    ) -> tuple[Any, ...]:
        """Run the node; further references count in the order of their numbers."""
        further = (inputs.pop(name, None) for name in FURTHER_REFERENCES)
        references = [reference, *(image for image in further if image is not None)]
        return work("views").warp_pair(references, target, PairWidgets(**inputs), model)


class RenderWarp:
    """Points and a camera -> the image without holes, and where the holes were."""

    CATEGORY = "VGGT"
    DESCRIPTION = "Renders points into a camera's view and fills the holes."
    FUNCTION = "render"
    RETURN_TYPES = ("IMAGE", "MASK")
    RETURN_NAMES = ("image", "hole")

    @classmethod
    def INPUT_TYPES(cls) -> Sockets:
        """What ComfyUI asks every node class for."""
        default = RenderWidgets
        size = "Pixels; 0 takes the camera's own."
        spacing = "Diameter of a point in world units; 0 takes the pixels that they come from."
        return {
            "required": {"points": link("VGGT_POINTS"), "cameras": link("VGGT_CAMERAS")},
            "optional": {
                "view": number(
                    default.view, (ALL_VIEWS, 10000), "Which of the cameras, from 0; -1: all."
                ),
                "width": number(default.width, (0, 16384), size),
                "height": number(default.height, (0, 16384), size),
                "sigma": fading(default.sigma),
                "s0": number(default.s0, (0.0, 1000.0), spacing, step=0.001),
                **moves(),
            },
        }

    def render(self, points: Any, cameras: Any, **widgets: Any) -> tuple[Any, ...]:
        """Run the node."""
        return work("views").render_warp(points, cameras, RenderWidgets(**widgets))


class CameraPath:
    """A camera -> a path that starts there."""

    CATEGORY = "VGGT"
    DESCRIPTION = "Makes the cameras of a path; the first is the photo's own. For Render Warp."
    FUNCTION = "path"
    RETURN_TYPES = ("VGGT_CAMERAS",)
    RETURN_NAMES = ("cameras",)

    @classmethod
    def INPUT_TYPES(cls) -> Sockets:
        """What ComfyUI asks every node class for."""
        default = PathWidgets
        kinds = ["orbit", "dolly", "pan", "crane", "spiral", "turntable"]
        angle = "Degrees of orbit, pan and turntable; 0 takes the path's own."
        distance = "Of dolly, crane and spiral, as a share of the depth; 0 takes the path's own."
        return {
            "required": {"points": link("VGGT_POINTS"), "cameras": link("VGGT_CAMERAS")},
            "optional": {
                "path": choice(kinds, default.path, "Shortened where things are too near."),
                "frames": number(default.frames, (1, 1000), "Number of cameras."),
                "view": number(default.view, (0, 10000), "The camera to start from, from 0."),
                "angle": number(default.angle, (-360.0, 360.0), angle, step=1.0),
                "distance": number(default.distance, (-10.0, 10.0), distance, step=0.01),
            },
        }

    def path(self, points: Any, cameras: Any, **widgets: Any) -> tuple[Any, ...]:
        """Run the node."""
        return work("cameras").camera_path(points, cameras, PathWidgets(**widgets))


class CameraFromViewer:
    """A camera of ComfyUI's 3D viewer, or cameras of a file."""

    CATEGORY = "VGGT"
    DESCRIPTION = "Takes the camera of Load 3D or Preview 3D, or cameras and keyframes of a file."
    FUNCTION = "take"
    RETURN_TYPES = ("VGGT_CAMERAS",)
    RETURN_NAMES = ("cameras",)

    @classmethod
    def INPUT_TYPES(cls) -> Sockets:
        """What ComfyUI asks every node class for."""
        file = "cameras.json, keyframes, transforms.json or pairs.jsonl, instead of camera_info."
        return {
            "required": {"cameras_file": text("", file)},
            "optional": {
                "camera_info": link("LOAD3D_CAMERA", "What the 3D viewer looks through."),
                "like": link("VGGT_CAMERAS", "Size and field of view where the source has none."),
                "frames": number(24, (1, 1000), "Cameras between keyframes."),
            },
        }

    @classmethod
    def IS_CHANGED(cls, cameras_file: str | None = None, **_: object) -> str | float:
        """Run again when the file is another."""
        return folders.file_fingerprint(cameras_file)

    def take(
        self, cameras_file: str, camera_info: Any = None, like: Any = None, frames: int = 24
    ) -> tuple[Any, ...]:
        """Run the node."""
        return work("cameras").camera_from_viewer(camera_info, cameras_file, like, frames)


class LoadPLY:
    """A PLY file -> points, and a file for ComfyUI's viewers."""

    CATEGORY = "VGGT"
    DESCRIPTION = "Loads points (x y z red green blue) or Gaussian splats."
    FUNCTION = "load"
    RETURN_TYPES = ("VGGT_POINTS", "FILE_3D_PLY")
    RETURN_NAMES = ("points", "model_3d")
    OUTPUT_TOOLTIPS = (
        "The points, or the splats' centres, for Render Warp.",
        "Points turned Y-up, for PreviewPointCloud; splats for PreviewGaussianSplat, upright if a "
        "JSON beside them says what is up.",
    )

    @classmethod
    def INPUT_TYPES(cls) -> Sockets:
        """What ComfyUI asks every node class for."""
        return {
            "required": {"ply_path": ply_path()},
            "optional": {"file": ply_file(), "model_3d": model_3d()},
        }

    @classmethod
    def IS_CHANGED(
        cls, ply_path: str | None = None, file: str | None = BY_PATH, **_: object
    ) -> str | float:
        """Run again when the file is another."""
        return folders.file_fingerprint(folders.chosen_ply(ply_path, file))

    def load(self, ply_path: str, file: str = BY_PATH, model_3d: Any = None) -> tuple[Any, ...]:
        """Run the node."""
        return work("ply_files").load(ply_path, file, model_3d)


class SplatsToUSD:
    """A Gaussian splat PLY -> USD for Omniverse and others."""

    CATEGORY = "VGGT"
    DESCRIPTION = "Writes Gaussian splats as OpenUSD or as NVIDIA's NuRec into the output folder."
    FUNCTION = "export"
    OUTPUT_NODE = True
    RETURN_TYPES = ("STRING", "FILE_3D_USDZ")
    RETURN_NAMES = ("usd_path", "model_3d")

    @classmethod
    def INPUT_TYPES(cls) -> Sockets:
        """What ComfyUI asks every node class for."""
        default = ExportWidgets
        kinds = "usdz, usdc: OpenUSD's own splats; nurec: for Isaac Sim and Kit 107 to 110."
        return {
            "required": {"ply_path": ply_path()},
            "optional": {
                "format": choice(["usdz", "usdc", "nurec"], default.format, kinds),
                "up": choice(["z", "y"], default.up, "Up axis of the stage."),
                "metric": switch(default.metric, "The splats are in metres."),
                "filename_prefix": prefix(),
                "input_up": choice(
                    ["auto", "-y", "y", "z", "-z", "x", "-x"],
                    default.input_up,
                    "Up axis of the splats; auto: as the JSON beside them says, else -y.",
                ),
                "model_3d": model_3d(),
            },
        }

    @classmethod
    def IS_CHANGED(cls, ply_path: str | None = None, **_: object) -> str | float:
        """Run again when the file is another, or when what was written is gone."""
        return folders.source_fingerprint(ply_path)

    def export(self, ply_path: str, model_3d: Any = None, **widgets: Any) -> dict[str, Any]:
        """Run the node."""
        return work("ply_files").export_usd(ply_path, ExportWidgets(**widgets), model_3d)


NODE_CLASS_MAPPINGS = {
    "VGGT_Load_Model": LoadModel,
    "VGGT_Model_Inference": VGGTModelInference,
    "VGGT_Warp_Pair": WarpPair,
    "VGGT_Render_Warp": RenderWarp,
    "VGGT_Camera_Path": CameraPath,
    "VGGT_Camera_From_Viewer": CameraFromViewer,
    "VGGT_Load_PLY": LoadPLY,
    "VGGT_Splats_To_USD": SplatsToUSD,
}
NODE_DISPLAY_NAME_MAPPINGS = {
    "VGGT_Load_Model": "Load Model (VGGT)",
    "VGGT_Model_Inference": "VGGT Model Inference",
    "VGGT_Warp_Pair": "Warp Pair",
    "VGGT_Render_Warp": "Render Warp",
    "VGGT_Camera_Path": "Camera Path",
    "VGGT_Camera_From_Viewer": "Camera From Viewer",
    "VGGT_Load_PLY": "Load PLY",
    "VGGT_Splats_To_USD": "Splats to USD",
}
