"""What clips are asked of one scene, what of them is there, and their records; no rendering."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...core.errors import InputError
from ...files.cache import content_key
from ..pairs.plan import WarpPair
from ..scene_job import SceneJob
from .plan import CLIP_KINDS, WarpClip, name_clips


class ClipJob(SceneJob):
    """What clips are asked of one scene, and which of them are there."""

    things = "clips"

    @property
    def clips(self) -> list[WarpClip]:
        """The clips that are asked for."""
        return [clip for clip in self.pairs if isinstance(clip, WarpClip)]

    def check(self, scene: Path) -> None:
        """Raise where the frames do not make one clip."""
        assert self.options.clips is not None
        if not self.pairs:
            raise InputError(
                f"{scene}: found {len(self.photos)} frames, need {self.options.clips.frames} for a "
                "clip; add photos or ask for shorter clips"
            )

    def left_over(self) -> int:
        """Frames at the end that make no clip."""
        return len(self.photos) - sum(len(clip.targets) for clip in self.clips)

    def sha256(self, pair: WarpPair) -> dict[str, str]:
        """Hashes of what a clip is made from by role, all targets together.

        Raises:
            InputError: A file cannot be read.
        """
        assert isinstance(pair, WarpClip)
        hashes = super().sha256(pair)
        masks, cameras = self.source.mask_files, self.source.camera_keys
        photos = [self.photos[index] for index in pair.targets]
        hashes["targets"] = content_key(
            photos=[self.photo_key(photo) for photo in photos],
            masks=[self.photo_key(masks[photo]) if photo in masks else "" for photo in photos],
            cameras=[cameras.get(photo, "") for photo in photos],
        )
        return hashes

    def _named(
        self, photos: Sequence[Path], reference_and_target: Sequence[tuple[int, int]]
    ) -> Sequence[WarpPair]:
        assert self.options.clips is not None
        return name_clips(photos, self.options.clips.frames)

    def _wanted_kinds(self) -> tuple[str, ...]:
        return CLIP_KINDS
