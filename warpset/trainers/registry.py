"""The trainers that pairs can be laid out for: one file of `layouts/`, one line here."""

from __future__ import annotations

from .layouts import aitoolkit, difix, hf, modelscope, musubi, simpletuner, webdataset

TRAINERS = {
    trainer.name: trainer
    for trainer in (
        modelscope.TRAINER,
        aitoolkit.TRAINER,
        musubi.TRAINER,
        simpletuner.TRAINER,
        difix.TRAINER,
        hf.TRAINER,
        webdataset.TRAINER,
    )
}
"""Trainers by the name of their layout."""
