"""Which frame's camera Depth Anything 3 takes for the world; knows class tokens and no images."""

from collections.abc import Callable

import torch
from torch import Tensor

FEWEST_FRAMES = 3
"""Of fewer frames the first is the reference."""

TINY = 1e-8


def first(class_tokens: Tensor) -> Tensor:
    """The first frame of each scene: (B,) indices for class tokens (B, S, C)."""
    return torch.zeros(len(class_tokens), dtype=torch.long)


def middle(class_tokens: Tensor) -> Tensor:
    """The middle frame of each scene, as is good for videos; see `first`."""
    frames = class_tokens.shape[1]
    return first(class_tokens) + (frames // 2 if frames >= FEWEST_FRAMES else 0)


def saddle_balanced(class_tokens: Tensor) -> Tensor:
    """The most average frame of each scene; see `first`.

    Average in likeness to the others, in the token's length and in the variance of its direction,
    each brought to 0..1 over the frames. All in float32: the last of them spans a tiny range.
    """
    frames = class_tokens.shape[1]
    if frames < FEWEST_FRAMES:
        return first(class_tokens)
    tokens = class_tokens.float()
    length = tokens.norm(dim=-1)
    direction = tokens / length[..., None]
    likeness = (direction @ direction.transpose(1, 2)).sum(dim=-1) - 1
    scores = (likeness / (frames - 1), length, direction.var(dim=-1))
    away = torch.stack([(_spread(score) - 0.5).abs() for score in scores]).sum(dim=0)
    return torch.from_numpy(
        away.cpu().numpy().argmin(axis=1)
    )  # the first of equals, as torch's not


def _spread(scores: Tensor) -> Tensor:
    """Scores (B, S) from 0 to 1 in each scene."""
    minimum, maximum = scores.amin(dim=1, keepdim=True), scores.amax(dim=1, keepdim=True)
    return (scores - minimum) / (maximum - minimum + TINY)


REFERENCE_VIEWS: dict[str, Callable[[Tensor], Tensor]] = {
    "saddle_balanced": saddle_balanced,
    "first": first,
    "middle": middle,
}
"""Upstream's names; its `saddle_sim_range` is decided by rounding and left out."""
