"""What NuRec's renderer is told, in 3dgrut's words: constants of its format, and the degree."""

from __future__ import annotations

from typing import Any

NUREC_VERSION = "0.2.576"

_PARTICLES: dict[str, Any] = {
    "name": "sh-gaussians",
    "device": "cuda",
    "density_activation": "sigmoid",
    "scale_activation": "exp",
    "rotation_activation": "normalize",
    "precision": 16,
    "particle": {
        "density_kernel_planar": False,
        "density_kernel_degree": 2,
        "density_kernel_density_clamping": True,
        "density_kernel_min_response": 0.0113,
    },
    "transmittance_threshold": 0.0001,
}

_PROJECTION = {
    "n_rolling_shutter_iterations": 5,
    "ut_dim": 3,
    "ut_alpha": 1.0,
    "ut_beta": 2.0,
    "ut_kappa": 0.0,
    "ut_require_all_sigma_points": False,
    "image_margin_factor": 0.1,
    "min_projected_ray_radius": 0.5477225575051661,
}

_CULLING = {
    "rect_bounding": True,
    "tight_opacity_bounding": True,
    "tile_based": True,
    # A scene of unknown scale may lie nearer than any fixed distance.
    "near_clip_distance": 1e-8,
    "far_clip_distance": 3.402823466e38,
}

_RENDERER = {
    "name": "3dgut-nrend",
    "log_level": 3,
    "force_update": False,
    "update_step_train_batch_end": False,
    "per_ray_features": False,
    "global_z_order": True,
    "projection": _PROJECTION,
    "culling": _CULLING,
    "render": {"mode": "kbuffer", "k_buffer_size": 0},
}


def nurec_config(sh_degree: int) -> dict[str, Any]:
    """The payload's configuration for splats whose harmonics end at a degree."""
    particle = _PARTICLES["particle"] | {"radiance_sph_degree": sh_degree}
    return {
        "layers": {"gaussians": _PARTICLES | {"particle": particle}},
        "renderer": _RENDERER,
        "name": "gaussians_primitive",
        "appearance_embedding": {"name": "skip-appearance", "embedding_dim": 0, "device": "cuda"},
        "background": {
            "name": "skip-background",
            "device": "cuda",
            "composite_in_linear_space": False,
        },
    }


RENDER_SETTINGS = {
    "rtx:rendermode": "RaytracedLighting",
    "rtx:directLighting:sampledLighting:samplesPerPixel": 8,
    "rtx:post:histogram:enabled": False,
    "rtx:post:registeredCompositing:invertToneMap": True,
    "rtx:post:registeredCompositing:invertColorCorrection": True,
    "rtx:material:enableRefraction": False,
    "rtx:post:tonemap:op": 2,
    "rtx:raytracing:fractionalCutoutOpacity": False,
    "rtx:matteObject:visibility:secondaryRays": True,
}
