"""Which pairs a scene's frames make, and what their files are called; no files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import InputError
from ..outputs import OUTPUT_NAMED


@dataclass(frozen=True)
class WarpPair:
    """Which photo is warped into whose view.

    Attributes:
        name: What the pair's files start with.
        reference: Index of the frame that is warped.
        target: Index of the frame whose view it is warped into.
        hole_share: Wanted share of holes where the target itself is warped, out and back, and the
            reference is only shown; None where the reference is warped.
        others: Indices of further frames that are warped with the reference.
    """

    name: str
    reference: int
    target: int
    hole_share: float | None = None
    others: tuple[int, ...] = ()

    @property
    def is_reverse(self) -> bool:
        """Whether the reference comes after the target and is warped."""
        return self.reference > self.target and self.hole_share is None

    @property
    def warped(self) -> int:
        """Index of the frame whose points are rendered."""
        return self.reference if self.hole_share is None else self.target

    def file_name(self, kind: str, extension: str) -> str:
        """Name of one of the pair's files; `extension` is that of the triplet's pictures."""
        return self.name + OUTPUT_NAMED[kind].suffix.format(extension=extension)


def neighbours(count: int, bidirectional: bool) -> list[tuple[int, int]]:
    """(reference, target) indices of neighbouring frames, in frame order."""
    forward = ((index, index + 1) for index in range(count - 1))
    both = (pair for index, other in forward for pair in ((index, other), (other, index)))
    return list(both) if bidirectional else [(r, t) for r, t in both if r < t]


def one_photo_pairs(photos: Sequence[Path], hole_shares: Sequence[float]) -> list[WarpPair]:
    """Pairs of every frame with itself, `<target>_hole<percent>`, for each wanted share of holes.

    The frame before is the reference, after the first the one that follows; a frame that is alone
    is its own.

    Args:
        photos: The scene's frames, in order.
        hole_shares: Wanted shares of holes, 0..1.

    Raises:
        InputError: Two photos would give their pairs one name.
    """
    pairs = [
        WarpPair(f"{name}_hole{100 * share:g}", _beside(index, len(photos)), index, share)
        for index, name in enumerate(frame_names(photos))
        for share in hole_shares
    ]
    _refuse_shared_names(photos, pairs)
    return pairs


def _beside(index: int, count: int) -> int:
    return index - 1 if index else min(1, count - 1)


def name_pairs(
    photos: Sequence[Path], reference_and_target: Iterable[tuple[int, int]]
) -> list[WarpPair]:
    """Pairs of a scene's frames by name, in the order given.

    Between neighbours a pair is named after its target, a reverse pair `<target>_reverse`, but
    for the first frame, which has no forward pair. Others are `<target>_from_<reference>`.

    Args:
        photos: The scene's frames, in order.
        reference_and_target: Indices of the frames that make each pair.

    Raises:
        InputError: Two photos would give their pairs one name.
    """
    names = frame_names(photos)
    pairs = [WarpPair(_pair_name(names, r, t), r, t) for r, t in reference_and_target]
    _refuse_shared_names(photos, pairs)
    return pairs


def _refuse_shared_names(photos: Sequence[Path], pairs: Sequence[WarpPair]) -> None:
    shared = _shared(pair.name for pair in pairs)
    if shared:
        raise InputError(
            f"{photos[0].parent}: two pairs would both be named {min(shared)}; rename a photo"
        )


def _pair_name(frame_names: Sequence[str], reference: int, target: int) -> str:
    if target == reference + 1:
        return frame_names[target]
    if reference == target + 1:
        return f"{frame_names[target]}_reverse" if target else frame_names[0]
    return f"{frame_names[target]}_from_{frame_names[reference]}"


def frame_names(photos: Sequence[Path]) -> list[str]:
    """Stems; where photos share one, with their extension, then with their folder as well."""
    names = [photo.stem for photo in photos]
    for lengthen in (_with_extension, _with_folder):
        shared = _shared(names)
        names = [
            lengthen(photo) if name in shared else name
            for photo, name in zip(photos, names, strict=True)
        ]
    return names


def _with_extension(photo: Path) -> str:
    return f"{photo.stem}_{photo.suffix[1:]}"


def _with_folder(photo: Path) -> str:
    return f"{photo.parent.name}_{_with_extension(photo)}"


def _shared(names: Iterable[str]) -> set[str]:
    return {name for name, count in Counter(names).items() if count > 1}
