"""Which pairs are good enough: bounds on their scores; no pixels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Quality:
    """Bounds outside which a pair is rejected; None for no bound."""

    min_coverage: float | None = None
    max_coverage: float | None = None
    min_psnr: float | None = None

    def rejection(self, coverage: float | None, psnr: float | None) -> str | None:
        """Why scores are not good enough, or None where they are; a score of None never is."""
        if _below(coverage, self.min_coverage):
            return f"coverage {coverage} is below {self.min_coverage}"
        if self.max_coverage is not None and (coverage is None or coverage > self.max_coverage):
            return f"coverage {coverage} is above {self.max_coverage}"
        if _below(psnr, self.min_psnr):
            return f"PSNR {psnr} is below {self.min_psnr}"
        return None


def _below(score: float | None, bound: float | None) -> bool:
    return bound is not None and (score is None or score < bound)
