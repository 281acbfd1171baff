"""What is said of a scene's pairs once they are there: rejected, of no use, or good; no pixels."""

from __future__ import annotations

from .options import NOT_EMPTY
from .pairs.verdict import (
    all_missed,
    all_rejected,
    hardly_covered,
    hardly_of_use,
    quality_of,
    rejected_by,
    sparse_points,
)
from .scene_job import SceneJob
from .summary import SceneSummary


def judge(job: SceneJob, summary: SceneSummary) -> None:
    """Say which pairs were rejected, and whether the scene's pairs can be of use."""
    folder = job.folder
    records = [folder.records[p.name] for p in job.pairs if p.name in folder.records]
    rejected = [record for record in records if record.rejected]
    if why := all_rejected(records):
        is_empty = all(NOT_EMPTY.rejection(record.scores) for record in records)
        is_problem = is_empty or all_missed(records)  # other bounds are the user's wish
        say = summary.report if is_problem else summary.warn
        say(f"{folder.path}: {why}")
    elif rejected:
        named = "; ".join(f"{record.name}: {record.rejected}" for record in rejected[:3])
        more = ", ..." if len(rejected) > 3 else ""
        line = f"{folder.path}: {len(rejected)} pairs rejected ({named}{more})"
        summary.warn(line)
    if doubt := hardly_covered(records):
        summary.report(f"{folder.path}: {doubt}")
    elif doubt := hardly_of_use(records):
        say = summary.warn if job.options.quality.keeps_poor else summary.report
        say(f"{folder.path}: {doubt}")
    elif hint := sparse_points(records):
        summary.warn(f"{folder.path}: {hint}")
    summary.qualities = quality_of(folder.path.name, records)
    summary.rejected_by = rejected_by(records)
