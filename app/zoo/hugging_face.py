"""Models of the Hugging Face Hub by name (“hf:microsoft/resnet-18”), through the hub's own library, if it is there.

Only weights and their JSON files are fetched: safetensors, or else pickles, which are read without running anything.
No code of a repository is fetched. What the hub's cache has already is used.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from app.core.errors import ModelError

PREFIX = "hf:"
_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_SAFE = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?")
_PICKLED = re.compile(r"pytorch_model(-\d{5}-of-\d{5})?\.bin(\.index\.json)?")
_FACTS = ("config.json", "preprocessor_config.json")


def is_hub_name(reference: str) -> bool:
    """Whether it names a model of the hub and no file: “hf:owner/name”, perhaps with “@revision”."""
    return reference.startswith(PREFIX)


def name_on_hub(reference: str) -> str:
    """The last part of the name, to call the model by: “resnet-18”."""
    return reference.removeprefix(PREFIX).partition("@")[0].rpartition("/")[2]


def fetch(reference: str) -> Path:
    """Fetch a model's weights and JSON files; the folder that they are in.

    The address of the hub, its token, and whether to stay offline are the hub library's own settings (HF_ENDPOINT,
    HF_TOKEN, HF_HUB_OFFLINE).

    Raises:
        ModelError: where the library is missing, the hub cannot be reached, or it has no such model or no weights.
    """
    name, _, revision = reference.removeprefix(PREFIX).partition("@")
    if not _NAME.fullmatch(name):
        raise ModelError(f"“{reference}” is not the name of a model.", f"Write {PREFIX}OWNER/NAME or …@REVISION.")
    try:
        import huggingface_hub
        from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError
    except ImportError as error:
        raise ModelError(
            "Models of the Hugging Face Hub need the package huggingface_hub, which is not installed.",
            f"Install it (pip install huggingface_hub); or download the files of {name} and give their folder.",
        ) from error
    endpoint = os.environ.get("HF_ENDPOINT")
    try:
        files = huggingface_hub.HfApi(endpoint=endpoint).list_repo_files(name, revision=revision or None)
        weights = [file for file in files if _SAFE.fullmatch(file)] or [
            file for file in files if _PICKLED.fullmatch(file)
        ]
        if not weights:
            raise ModelError(
                f"{name} on the hub has no weights of PyTorch.",
                "Choose a model with model.safetensors or pytorch_model.bin.",
            )
        wanted = [*weights, *(file for file in _FACTS if file in files)]
        folder = huggingface_hub.snapshot_download(
            name, revision=revision or None, allow_patterns=wanted, endpoint=endpoint
        )
    except RevisionNotFoundError as error:
        raise ModelError(f"{name} on the hub has no revision “{revision}”.", "Check it on the model's page.") from error
    except RepositoryNotFoundError as error:
        what = f"The hub has no model {name}, or it is private."
        raise ModelError(what, "Check the name; for a private one, set HF_TOKEN.") from error
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", "no answer")
        raise ModelError(f"The hub refused {name} ({status}).", "Try again later; or give a local folder.") from error
    except ModelError:
        raise
    except Exception as error:  # whatever HTTP library the hub's versions use: its errors have no common base
        first = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise ModelError(
            f"The Hugging Face Hub cannot be reached ({first}).",
            "Everything on this machine works without it; a folder with the model's files does, too.",
        ) from error
    return Path(folder)
