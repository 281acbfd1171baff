"""Where a model's weights are and how they get into the network; knows neither photos nor scenes.

`locate` answers cheaply what a model is (revision, licence), `load` builds the network. Memory
stays at the weights themselves: the network is built without storage, only the tensors it has are
read, from a memory-mapped file, each straight to its device and precision.
"""

import contextlib
import errno
import hashlib
import json
import pickle
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import HfApi, constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HFValidationError,
    RepositoryNotFoundError,
)
from safetensors import safe_open
from torch import Tensor, nn

from .checkpoint import Checkpoint, ModelError, Shapes
from .network import NetworkConfig, SceneNetwork
from .registry import NETWORKS, VGGT_1B, Network

WEIGHT_SUFFIXES = frozenset({".safetensors", ".pt"})
WEIGHT_NAMES = tuple(
    dict.fromkeys(name for network in NETWORKS for name in network.format.file_names)
)
CONFIG_NAME = "config.json"
HUB_TIMEOUT_S = 8.0
READ_BYTES = 1 << 24
MAX_CONFIG_BYTES = 1 << 20
MAX_NAME_SHOWN = 80


@dataclass(frozen=True)
class ModelFiles:
    """A model found.

    Attributes:
        model: The model as the user named it.
        network: Whose weights they are.
        path: The weights; None while they are on the Hub only.
        hub_file: The weights' name in the Hub's repository; None for a local model.
        commit: Hash of the Hub's commit; None for a local model.
    """

    model: str
    network: Network
    path: Path | None
    hub_file: str | None = None
    commit: str | None = None

    @cached_property
    def revision(self) -> str:
        """The Hub's commit, or `local-` and a fingerprint of the file, which is read for it."""
        if self.commit is not None:
            return self.commit
        assert self.path is not None, "is local"
        return fingerprint(self.path)

    @cached_property
    def has_weak_cameras(self) -> bool:
        """Whether depth is far better on cameras that are given, see `NetworkConfig`.

        Raises:
            ModelError: The file cannot be read.
        """
        if self.path is None:
            return self.model in self.network.weak_cameras
        return _config(_open_checkpoint(self.path), self.network).has_weak_cameras

    @property
    def licence(self) -> str:
        """What the weights, and what is made with them, may be used for, as far as known."""
        return self.network.licence_of(self.model)


def locate(model: str) -> ModelFiles:
    """Find a model: a local file or folder, or a Hub id; no weights are loaded or downloaded.

    A copy in the Hub's cache is taken as it is, without asking the network.

    Raises:
        ModelError: There is no such file, it cannot be read, or the Hub has it not or cannot be
            reached.
    """
    path = Path(model).expanduser()
    if path.exists():
        weights = _weights_in(path) if path.is_dir() else path
        if not weights.is_file():
            raise ModelError(f"{weights}: is no file, need one of weights")
        return ModelFiles(model, _network_in(weights), weights)
    if path.suffix in WEIGHT_SUFFIXES or path.is_absolute() or model.count("/") != 1:
        raise ModelError(f"{model}: no such file or folder, and no Hub id (owner/name)")
    return _in_hub_cache(model) or _on_hub(model)


def fingerprint(path: Path) -> str:
    """Identify a local file by the SHA-256 of its content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(READ_BYTES):
            digest.update(block)
    return f"local-{digest.hexdigest()}"


def load(
    files: ModelFiles,
    device: torch.device,
    precision: str = "auto",
    given_cameras: bool = False,
    **shape: Any,
) -> SceneNetwork:
    """Build the network of a located model on a device; downloads the weights where needed.

    Args:
        files: What `locate` found.
        device: Where the network shall run.
        precision: One of `choices.PRECISIONS`; see `aggregator_dtype`.
        given_cameras: Whether cameras will be given; what reads them is built where there is one.
        shape: What of the network's configuration shall be another than the file's.

    Raises:
        ModelError: The download failed, or the file is not a checkpoint of this network.
    """
    checkpoint = _open_checkpoint(files.path or _download(files))
    _check_network(checkpoint, files.network)
    form = files.network.format
    if given_cameras and form.reads_cameras(checkpoint):
        shape["takes_cameras"] = True
    network = _empty_network(checkpoint, files.network, shape)
    _check_names(checkpoint, form.shapes(network), files.network)
    dtypes = storage_dtypes(network, aggregator_dtype(precision, device))
    tensors = {
        name: form.read(checkpoint, name).to(device=device, dtype=dtype)
        for name, dtype in dtypes.items()
    }
    network.load_state_dict(tensors, assign=True)
    return network.requires_grad_(False).eval()


def aggregator_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Precision of the aggregator's linear and convolution layers; all else is float32.

    `auto` is bfloat16 where the processor computes it fast (on CUDA float16 below compute
    capability 8), float32 elsewhere.
    """
    if precision == "fp32":
        return torch.float32
    if precision == "bf16":
        return torch.bfloat16
    if device.type == "cuda":
        capability = torch.cuda.get_device_capability(device)
        return torch.bfloat16 if capability >= (8, 0) else torch.float16
    return torch.bfloat16 if device.type == "cpu" and _cpu_has_fast_bf16() else torch.float32


def storage_dtypes(network: SceneNetwork, half: torch.dtype) -> dict[str, torch.dtype]:
    """Dtype in which each parameter and buffer is stored, by name."""
    halved = {
        f"aggregator.{module}.{parameter}"
        for module, layer in network.aggregator.named_modules()
        if isinstance(layer, nn.Linear | nn.Conv2d)
        for parameter, _ in layer.named_parameters(recurse=False)
    }
    return {name: half if name in halved else torch.float32 for name in network.state_dict()}


def _cpu_has_fast_bf16() -> bool:
    # torch 2.10 does not say what the processor can do
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def _weights_in(folder: Path) -> Path:
    return folder / _weights_name((path.name for path in folder.iterdir()), str(folder))


def _weights_name(names: Iterable[str], where: str) -> str:
    """A known name, else the only file of weights there is."""
    candidates = sorted(name for name in names if Path(name).suffix in WEIGHT_SUFFIXES)
    known = [name for name in WEIGHT_NAMES if name in candidates]
    if known or len(candidates) == 1:
        return (known or candidates)[0]
    raise ModelError(
        f"{where}: found {len(candidates)} files of weights, need one, or one of "
        f"{', '.join(WEIGHT_NAMES)}"
    )


def cached_weights(model: str) -> Path | None:
    """The weights of a Hub id in the Hub's cache, whose network is not asked; None without.

    Raises:
        ModelError: It is no Hub id.
    """
    try:
        cached = [try_to_load_from_cache(model, name) for name in WEIGHT_NAMES]
    except HFValidationError as error:
        raise ModelError(f"{model}: no such file or folder, and no Hub id") from error
    return next((Path(path) for path in cached if isinstance(path, str)), None)


def _in_hub_cache(model: str) -> ModelFiles | None:
    found = cached_weights(model)
    if found is None:
        return None
    return ModelFiles(model, _network_in(found), found, found.name, found.parent.name)


def _on_hub(model: str) -> ModelFiles:
    info = _ask_hub(model, lambda: HfApi().model_info(model, timeout=HUB_TIMEOUT_S))
    name = _weights_name((sibling.rfilename for sibling in info.siblings or ()), model)
    return ModelFiles(model, _network_expected(model, name), None, name, str(info.sha))


def _download(files: ModelFiles) -> Path:
    """Fetch the main revision into the Hub's cache, where `locate` finds it from then on."""

    def fetch() -> str:
        with contextlib.suppress(EntryNotFoundError):
            hf_hub_download(files.model, CONFIG_NAME, etag_timeout=HUB_TIMEOUT_S)
        return hf_hub_download(files.model, str(files.hub_file), etag_timeout=HUB_TIMEOUT_S)

    return Path(_ask_hub(files.model, fetch))


def _ask_hub(model: str, question: Callable[[], Any]) -> Any:
    """Put a question to the Hub; every refusal becomes one line."""
    page = f"https://huggingface.co/{model}"
    try:
        return question()
    except GatedRepoError as error:
        advice = f"access is granted on request; ask for it at {page}, then run `hf auth login`"
        raise ModelError(f"{model}: {advice}") from error
    except RepositoryNotFoundError as error:
        advice = "the Hub knows no such model, or shows it only after `hf auth login`"
        raise ModelError(f"{model}: {advice}; check the name") from error
    except Exception as error:  # the network's exceptions differ from client version to version
        raise ModelError(f"{model}: {_cause(error)}") from error


def _cause(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"no space left in {constants.HF_HUB_CACHE}; free some, or set HF_HOME"
    remedy = "unset HF_HUB_OFFLINE" if constants.HF_HUB_OFFLINE else "go online once"
    reason = f"the Hub cannot be reached ({type(error).__name__})"
    return f"{reason}, and its cache has no copy; {remedy}"


def _network_expected(model: str, hub_file: str) -> Network:
    """Whose weights a model on the Hub ought to be, before they are downloaded."""
    of_id = [network for network in NETWORKS if model in network.licences]
    of_file = [network for network in NETWORKS if hub_file in network.format.file_names]
    return [*of_id, *of_file, VGGT_1B][0]


def _open_checkpoint(path: Path) -> Checkpoint:
    try:
        return _open_safetensors(path) if path.suffix == ".safetensors" else _open_pickle(path)
    except pickle.UnpicklingError as error:
        refusal = "holds more than tensors and is not run"
        raise ModelError(f"{path}: {refusal}; convert it to .safetensors") from error
    except Exception as error:  # what readers raise on damaged files is of any kind
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{path}: cannot be read as weights ({reason}); fetch it again") from error


def _open_safetensors(path: Path) -> Checkpoint:
    file = safe_open(path, framework="pt")
    shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}
    return Checkpoint(path, shapes, file.get_tensor)


def _open_pickle(path: Path) -> Checkpoint:
    content = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    if not isinstance(content, dict):
        raise ValueError(f"a {type(content).__name__}, need a dictionary of tensors")
    entries, config = content.get("state_dict", content), content.get("config")
    if not isinstance(entries, dict) or not isinstance(config, dict | None):
        raise ValueError("its state_dict or config is no dictionary")
    tensors = {
        name: value
        for name, value in entries.items()
        if isinstance(name, str) and isinstance(value, Tensor)
    }
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    return Checkpoint(path, shapes, tensors.__getitem__, config)


def _network_in(path: Path) -> Network:
    """Whose weights a file holds; the default where its tensors are nobody's."""
    return _marked(_open_checkpoint(path)) or VGGT_1B


def _marked(checkpoint: Checkpoint) -> Network | None:
    return next((network for network in NETWORKS if network.format.holds(checkpoint)), None)


def _check_network(checkpoint: Checkpoint, expected: Network) -> None:
    """Refuse another network's weights, and variants of the right one's that are of no use."""
    found = _marked(checkpoint) or expected
    if found is not expected:
        raise ModelError(
            f"{checkpoint.path}: found weights of {found.name}, need {expected.name}; "
            "name that file instead"
        )
    expected.format.admit(checkpoint)


def _config(checkpoint: Checkpoint, network: Network) -> NetworkConfig:
    """The checkpoint's own config, else config.json beside it, else the published model's."""
    beside = checkpoint.path.parent / CONFIG_NAME
    known = {field.name for field in fields(network.published)}
    try:
        entries = checkpoint.config
        if entries is None:
            entries = _config_beside(beside)
        stated = {name: entries[name] for name in entries if name in known}
        if "img_size" not in stated:
            stated |= network.format.implied_config(checkpoint)
        return replace(network.published, **stated)
    except (ValueError, TypeError, OSError) as error:
        raise ModelError(f"{beside}: not the configuration of a VGGT ({error})") from error


def _empty_network(checkpoint: Checkpoint, network: Network, shape: dict[str, Any]) -> SceneNetwork:
    """The network of a checkpoint's configuration, without storage."""
    config = replace(_config(checkpoint, network), **shape)
    try:
        with torch.device("meta"):
            return network.build(config)
    except (ValueError, ArithmeticError, LookupError, RuntimeError, AssertionError) as error:
        reason = " ".join(str(error).split())[:MAX_NAME_SHOWN] or type(error).__name__
        raise ModelError(
            f"{checkpoint.path}: its configuration makes no network ({reason}); take another file"
        ) from error


def _config_beside(path: Path) -> dict[str, Any]:
    """What a config.json states; nothing where there is none.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no object of JSON, or too large for one.
    """
    if not path.exists():
        return {}
    if not path.is_file() or path.stat().st_size > MAX_CONFIG_BYTES:
        raise ValueError(f"need a file of at most {MAX_CONFIG_BYTES} bytes")
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("nests too deeply") from None
    if not isinstance(entries, dict):
        raise ValueError(f"a {type(entries).__name__}, need an object")
    return entries


def _check_names(checkpoint: Checkpoint, wanted: Shapes, network: Network) -> None:
    """Name every tensor that is missing, misshapen, or of no known part."""
    found, unread = checkpoint.shapes, network.format.unread
    if not wanted.keys() & found.keys():
        raise ModelError(
            f"{checkpoint.path}: none of its {len(found)} tensors is VGGT's; not this network"
        )
    misshapen = (
        f"{name} is {found[name]}, need {shape}"
        for name, shape in wanted.items()
        if name in found and found[name] != shape
    )
    complaints = [
        *_listed("missing", (name for name in wanted if name not in found)),
        *_listed("misshapen", misshapen),
        *_listed("unexpected", (n for n in found if n not in wanted and not n.startswith(unread))),
    ]
    if complaints:
        advice = f"take another file, or put its {CONFIG_NAME} beside it"
        raise ModelError(f"{checkpoint.path}: {'; '.join(complaints)}; {advice}")


def _listed(what: str, names: Iterable[str]) -> list[str]:
    """How many there are, and the first; a whole network's names fill screens."""
    listed = list(names)
    shown = [name[:MAX_NAME_SHOWN] for name in listed[:3]] + ["..."] * (len(listed) > 3)
    return [f"{len(listed)} {what}: {', '.join(shown)}"] if listed else []
