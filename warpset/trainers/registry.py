"""The trainers that pairs can be laid out for: one file of `layouts/`, one line here."""

from __future__ import annotations

from .layouts import (
    aitoolkit,
    diffsynth_video,
    diffusion_pipe,
    difix,
    hf,
    modelscope,
    musubi,
    musubi_video,
    onetrainer,
    pairs_zip,
    sd_scripts,
    simpletuner,
    webdataset,
)

TRAINERS = {
    trainer.name: trainer
    for trainer in (
        modelscope.TRAINER,
        aitoolkit.TRAINER,
        musubi.TRAINER,
        simpletuner.TRAINER,
        difix.TRAINER,
        diffusion_pipe.TRAINER,
        onetrainer.TRAINER,
        sd_scripts.TRAINER,
        pairs_zip.TRAINER,
        hf.TRAINER,
        webdataset.TRAINER,
    )
}
"""Trainers by the name of their layout."""

CLIP_TRAINERS = {
    trainer.name: trainer for trainer in (diffsynth_video.TRAINER, musubi_video.TRAINER)
}
"""Trainers that take clips instead of pairs."""
