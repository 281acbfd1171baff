"""A scene's pairs made side by side, a thread for each: decoded, rendered, scored, encoded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from tqdm import tqdm

from ...core.errors import InputError
from ...files.writing import writing_to
from ...fleet.stages import map_ahead
from ..outputs import GaussianPly
from ..scene_job import SceneJob
from ..summary import SceneSummary
from ..warping import Warper
from .plan import WarpPair
from .record import PairRecord


class PairMaker:
    """Makes what is missing of a scene's pairs.

    Args:
        job: What to make.
        warper: Of the scene's frames.
        summary: Where to count what becomes of the pairs.
        gaussian_ply: A cloud as the bytes of a Gaussian splat PLY.
    """

    def __init__(
        self, job: SceneJob, warper: Warper, summary: SceneSummary, gaussian_ply: GaussianPly
    ):
        self._job, self._warper, self._summary = job, warper, summary
        self._gaussian_ply = gaussian_ply

    def run(self, workers: int) -> None:
        """Make so many pairs at once; records are written here, in the pairs' order."""
        job, todo = self._job, self._job.todo()
        name, disable = job.folder.path.name, job.options.quiet
        left_out: dict[str, list[str]] = {}
        with ThreadPoolExecutor(workers) as pool:
            made = map_ahead(self._made, todo, pool, ahead=2 * workers)
            bar = tqdm(made, desc=name, unit="pair", total=len(todo), disable=disable)
            try:
                with closing(made):
                    for pair, record in zip(todo, bar, strict=True):
                        if isinstance(record, InputError):
                            left_out.setdefault(str(record), []).append(pair.name)
                        else:
                            self._finish(record)
            finally:
                self._summary.leave_out("pair", left_out)

    def _made(self, pair: WarpPair) -> PairRecord | InputError:
        """The record of a pair whose files are written, or why it is left out."""
        try:
            self._job.sha256(pair)  # first, so that a photo replaced while it is read shows later
            ready = self._warper.prepare_pair(pair)
        except InputError as error:
            return error
        return self._job.write_files(pair, self._warper.render(ready), self._gaussian_ply)

    def _finish(self, record: PairRecord) -> None:
        with writing_to(self._job.folder.path):
            self._job.folder.replace_record(record)
        self._summary.count(record)
