"""The stages that make a scene's pairs: decoding ahead, rendering, encoding behind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from tqdm import tqdm

from ...core.errors import InputError
from ...files.writing import writing_to
from ...fleet.stages import map_ahead
from ..outputs import GaussianPly
from ..scene_job import SceneJob
from ..summary import SceneSummary
from ..warping import PreparedPair, Warper
from .plan import WarpPair
from .record import PairRecord
from .warp import Warp


class PairMaker:
    """The stages of a pair: photos decoded ahead of the renderer, pictures encoded behind it.

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
        self._left_out: dict[str, list[str]] = {}

    def run(self, workers: int) -> None:
        """Make what is missing, with some threads beside the renderer's."""
        job, todo = self._job, self._job.todo()
        name, disable = job.folder.path.name, job.options.quiet
        bar = tqdm(desc=name, unit="pair", total=len(todo), disable=disable)
        with bar, ThreadPoolExecutor(workers) as pool:
            prepared = map_ahead(self._prepare, todo, pool, ahead=workers)
            rendered = self._rendered(prepared)
            try:
                for record in map_ahead(self._write, rendered, pool, ahead=workers):
                    self._finish(record)
                    bar.update()
            finally:
                self._summary.leave_out("pair", self._left_out)

    def _prepare(self, pair: WarpPair) -> tuple[WarpPair, PreparedPair | InputError]:
        try:
            self._job.sha256(pair)  # first, so that a photo replaced while it is read shows later
            return pair, self._warper.prepare_pair(pair)
        except InputError as error:
            return pair, error

    def _rendered(
        self, prepared: Iterable[tuple[WarpPair, PreparedPair | InputError]]
    ) -> Iterator[tuple[WarpPair, Warp]]:
        for pair, ready in prepared:
            if isinstance(ready, InputError):
                self._left_out.setdefault(str(ready), []).append(pair.name)
            else:
                yield pair, self._warper.render(ready)

    def _write(self, pair_and_warp: tuple[WarpPair, Warp]) -> PairRecord:
        return self._job.write_files(*pair_and_warp, self._gaussian_ply)

    def _finish(self, record: PairRecord) -> None:
        with writing_to(self._job.folder.path):
            self._job.folder.replace_record(record)
        self._summary.count(record)
