"""An export to the Hugging Face Hub, through its own library; a push that was cut off goes on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ...core.errors import InputError
from ...files.stores.address import without_secrets
from ..export_folder import MANIFEST_NAME

REPOSITORY = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")


def push_dataset(folder: Path, repository: str, is_private: bool) -> str:
    """Upload a data set; its address.

    The library commits in batches and leaves out what is there already, so the same call goes on
    where one was cut off (huggingface_hub, "Upload a large folder"). Older versions do so by a call
    of its own.

    Args:
        folder: The export.
        repository: As `owner/name`; made if it is not there.
        is_private: Whether one that is made is shown to its owner alone.

    Raises:
        InputError: The Hub does not take it.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    api: Any = HfApi()
    leave: dict[str, Any] = {"ignore_patterns": [MANIFEST_NAME, ".cache/**"]}
    upload = getattr(api, "upload_large_folder", api.upload_folder)
    try:
        api.create_repo(repository, repo_type="dataset", private=is_private, exist_ok=True)
        upload(repo_id=repository, repo_type="dataset", folder_path=str(folder), **leave)
    except (HfHubHTTPError, OSError, ValueError) as error:
        reason = without_secrets(str(error)) or type(error).__name__
        raise InputError(
            f"{repository}: could not be pushed ({reason}); log in with `hf auth login`, check the "
            "name and the network, then run the same again"
        ) from None
    return f"https://huggingface.co/datasets/{repository}"
