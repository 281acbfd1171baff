"""Environments that trainers' own code runs in, and how a script of `loaders/` is run there.

They are apart from ours, because what trainers need does not go with it. Clones are looked for by
their repositories' names in the folder that `TRAINER_CHECKOUTS` names.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.trainers.loaders.facts import SAID

LOADERS = Path(__file__).parent / "loaders"


@dataclass(frozen=True)
class Surroundings:
    """What a loader runs in.

    Attributes:
        packages: What it is installed from.
        clones: Folders of clones that Python looks in.
        python: The version that it was run on.
    """

    packages: Sequence[str]
    clones: Sequence[str] = ()
    python: str = "3.12"


OURS = f"{sys.version_info.major}.{sys.version_info.minor}"


DIFFSYNTH = ("diffsynth>=2.1,<3",)
TORCH = ("torch==2.11.0", "torchvision==0.26.0", "torchaudio==2.11.0")
"""The last torchaudio is built for this torch."""

LIBRARIES = (*TORCH, "transformers==5.5.3", "diffusers==0.39.0", "peft==0.18.1", "accelerate")
AITOOLKIT = (
    *LIBRARIES,
    "albumentations==1.4.15",
    "albucore==0.0.16",
    "controlnet_aux==0.0.10",
    "lycoris-lora==1.8.3",
    "optimum-quanto==0.2.4",
    "pytorch-wavelets==1.3.0",
    "setuptools<81",
    "timm==1.0.22",
    "torchao==0.10.0",
    *"av bitsandbytes einops flatten_json ftfy hf_transfer invisible-watermark kornia".split(),
    *"librosa==0.11.0 lpips matplotlib mutagen omegaconf open_clip_torch".split(),
    *"opencv-python-headless oyaml prodigyopt pydantic python-dotenv python-slugify".split(),
    *"pytorch_fid sentencepiece tensorboard toml torchcodec".split(),
)
SURROUNDINGS = {
    "modelscope": Surroundings(DIFFSYNTH, python=OURS),
    "modelscope clone": Surroundings(DIFFSYNTH, ["DiffSynth-Studio"]),
    "difix": Surroundings(DIFFSYNTH, ["Difix3D/src"], OURS),
    "musubi": Surroundings(
        (*DIFFSYNTH, "diffusers", "voluptuous", "toml", "opencv-python-headless", "av", "ftfy")
        + ("easydict",),
        ["musubi-tuner/src"],
        OURS,
    ),
    "aitoolkit": Surroundings(AITOOLKIT, ["ai-toolkit"]),
    "simpletuner": Surroundings(("simpletuner>=4.8,<5", "transformers>=5.16,<5.21", *TORCH)),
    "diffusion-pipe": Surroundings(
        (*LIBRARIES, "datasets", "imageio[ffmpeg]", "multiprocess", "omegaconf"),
        ["diffusion-pipe"],
    ),
    "onetrainer": Surroundings(
        (*LIBRARIES, "av", "gguf", "omegaconf", "opencv-python-headless", "parse", "psutil")
        + ("scipy", "sentencepiece", "tensorboard", "tqdm"),
        ["OneTrainer", "mgds/src"],
    ),
    "sd-scripts": Surroundings(
        (*TORCH, "transformers==4.54.1", "diffusers==0.32.1", "huggingface-hub==0.34.3")
        + ("accelerate==1.6.0", "einops==0.7.0", "ftfy", "imagesize", "opencv-python-headless")
        + ("rich", "safetensors", "sentencepiece", "toml", "voluptuous"),
        ["sd-scripts"],
    ),
}
"""By layout; versions are those that the clones ask for, where another does not do."""


def run_in(surroundings, script, *arguments):
    """Run a script in an environment of its own; what it says."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not on the path: the loader needs an environment of its own")
    python = python_of(surroundings.python, uv)
    asked = [part for package in surroundings.packages for part in ("--with", package)]
    command = [uv, "run", "--quiet", "--isolated", "--no-project"]
    paths = [clone_of(folder) for folder in surroundings.clones]
    done = subprocess.run(
        [*command, "--python", python, *asked, "python", LOADERS / script]
        + [str(argument) for argument in arguments],
        capture_output=True,
        text=True,
        cwd=paths[0] if paths else None,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths)), "HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (said,) = (line for line in done.stdout.splitlines() if line.startswith(SAID))
    return json.loads(said.removeprefix(SAID))


def python_of(version, uv) -> str:
    """A Python of a version that is there already: uv's, the system's, or one that pyenv keeps."""
    search = [uv, "python", "find", "--quiet", "--no-python-downloads", version]
    found = subprocess.run(search, capture_output=True, text=True)
    if found.returncode == 0:
        return found.stdout.strip()
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    kept = sorted(pyenv.glob(f"versions/{version}.*/bin/python"))
    if not kept:
        pytest.skip(f"found no Python {version}, which the loader needs")
    return str(kept[-1])


def clone_of(folder) -> Path:
    place, repository = os.environ.get("TRAINER_CHECKOUTS"), Path(folder).parts[0]
    if not place or not (Path(place) / folder).is_dir():
        pytest.skip(f"TRAINER_CHECKOUTS names no folder with a clone {repository}")
    return Path(place).resolve() / folder
