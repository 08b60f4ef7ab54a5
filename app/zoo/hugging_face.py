"""Models of the Hugging Face Hub by name (“hf:microsoft/resnet-18”), through the hub's own library, if it is there.

Only weights and their JSON files are fetched: safetensors, or else pickles, which are read without running anything.
No code of a repository is fetched. What the hub's cache has already is used.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import re
import socket
import threading
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.core.errors import ModelError

PREFIX = "hf:"
_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_SAFE = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?")
_PICKLED = re.compile(r"pytorch_model(-\d{5}-of-\d{5})?\.bin(\.index\.json)?")
_PATIENCE = 4.0  # seconds for the hub's first answer
_FACTS = ("config.json", "preprocessor_config.json")


def is_hub_name(reference: str) -> bool:
    """Whether it names a model of the hub and no file: “hf:owner/name”, perhaps with “@revision”."""
    return reference.startswith(PREFIX)


def _split(reference: str) -> tuple[str, str | None]:
    """OWNER/NAME, and the revision where one is named."""
    name, _, revision = reference.removeprefix(PREFIX).partition("@")
    return name, revision or None


def name_on_hub(reference: str) -> str:
    """The last part of the name, to call the model by: “resnet-18”."""
    return _split(reference)[0].rpartition("/")[2]


def hub_reference(text: str) -> str:
    """What people type or paste, as a reference: “microsoft/resnet-18”, or its address in a browser."""
    text = text.strip().removeprefix(PREFIX)
    text = re.sub(r"^(https?://)?(www\.)?(huggingface\.co|hf\.co)/", "", text)
    text = re.sub(r"/(tree|blob)/([^/]+).*$", r"@\2", text).rstrip("/")
    return PREFIX + text.removesuffix("@main")


def check_name(reference: str) -> None:
    """Nothing where it can be a model's name.

    Raises:
        ModelError: where it cannot.
    """
    if not _NAME.fullmatch(_split(reference)[0]):
        raise ModelError(f"“{reference}” is not the name of a model.", f"Write {PREFIX}OWNER/NAME or …@REVISION.")


def check_reachable(reference: str) -> None:
    """Nothing where the hub answers a knock, or what was fetched before will do: a few seconds at most, no torch.

    Raises:
        ModelError: where there is no way to the hub.
    """
    address = urlsplit(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    if address.scheme in urllib.request.getproxies() or os.environ.get("HF_HUB_OFFLINE"):
        return  # the proxy, or the hub's own library, says what is wrong
    port = address.port or (443 if address.scheme == "https" else 80)
    try:
        _within(_PATIENCE, lambda: socket.create_connection((address.hostname or "", port), timeout=_PATIENCE).close())
    except OSError as error:
        if importlib.util.find_spec("huggingface_hub") is None or _cached(*_split(reference)) is not None:
            return
        raise _unreachable(error) from error


def fetch(reference: str, *, on_progress: Callable[[float], None] | None = None) -> Path:
    """Fetch a model's weights and JSON files; the folder that they are in.

    The address of the hub, its token, and whether to stay offline are the hub library's own settings (HF_ENDPOINT,
    HF_TOKEN, HF_HUB_OFFLINE). Without a connection, what the hub's cache has is given.

    Args:
        reference: “hf:owner/name”, perhaps with “@revision”.
        on_progress: Told the share that is here, 0 to 1.

    Raises:
        ModelError: where the library is missing, the hub cannot be reached, or it has no such model or no weights.
    """
    check_name(reference)
    name, revision = _split(reference)
    try:
        import huggingface_hub  # noqa: F401 - whether it is there
        from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError
    except ImportError as error:
        raise ModelError(
            "Models of the Hugging Face Hub need the package huggingface_hub, which is not installed.",
            f"Install it (pip install huggingface_hub); or download the files of {name} and give their folder.",
        ) from error
    try:
        return _fetch(name, revision, on_progress or (lambda _share: None))
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
        cached = _cached(name, revision)
        if cached is not None:
            return cached
        raise _unreachable(error) from error


def _unreachable(error: Exception) -> ModelError:
    first = (str(error).splitlines() or [""])[0][:120] or type(error).__name__
    return ModelError(
        f"The Hugging Face Hub cannot be reached ({first}).",
        "Everything on this machine works without it; a folder with the model's files does, too.",
    )


def _fetch(name: str, revision: str | None, on_progress: Callable[[float], None]) -> Path:
    import huggingface_hub

    endpoint = os.environ.get("HF_ENDPOINT")
    api = huggingface_hub.HfApi(endpoint=endpoint)
    # This question is asked once; the hub's other ones are repeated for half a minute where there is no connection.
    info = _within(_PATIENCE, lambda: api.model_info(name, revision=revision, timeout=_PATIENCE, files_metadata=True))
    sizes = {one.rfilename: one.size or 0 for one in info.siblings or ()}
    weights = [file for file in sizes if _SAFE.fullmatch(file)] or [file for file in sizes if _PICKLED.fullmatch(file)]
    if not weights:
        raise ModelError(
            f"{name} on the hub has no weights of PyTorch.",
            "Choose a model with model.safetensors or pytorch_model.bin.",
        )
    wanted = [*(file for file in _FACTS if file in sizes), *weights]
    total, before = max(1, sum(sizes[file] for file in wanted)), 0
    folder = Path()
    for file in wanted:
        folder = Path(
            huggingface_hub.hf_hub_download(
                name,
                file,
                revision=revision,
                endpoint=endpoint,
                **_watched(partial(_tell, on_progress, before, total)),
            )
        ).parent
        before += sizes[file]
        on_progress(min(1.0, before / total))
    return folder


def _tell(on_progress: Callable[[float], None], before: int, total: int, come: int) -> None:
    on_progress(min(1.0, (before + come) / total))


def _watched(told: Callable[[int], None]) -> dict[str, Any]:
    """How to hear of the bytes that come, where the hub's version tells."""
    import huggingface_hub

    if "tqdm_class" not in inspect.signature(huggingface_hub.hf_hub_download).parameters:
        return {}

    bar: Any = import_module("huggingface_hub.utils").tqdm

    class Told(bar):  # type: ignore[misc]
        """A progress bar that draws nothing."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            self.come = int(options.get("initial") or 0)
            super().__init__(*arguments, **{**options, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            self.come += int(n or 0)
            told(self.come)
            return None

    return {"tqdm_class": Told}


def _cached(name: str, revision: str | None) -> Path | None:
    """The folder of what was fetched before; None where that holds no weights."""
    import huggingface_hub

    try:
        folder = Path(huggingface_hub.snapshot_download(name, revision=revision, local_files_only=True))
    except (OSError, ValueError):  # LocalEntryNotFoundError is both
        return None
    return (
        folder if any(_SAFE.fullmatch(one.name) or _PICKLED.fullmatch(one.name) for one in folder.iterdir()) else None
    )


def _within(seconds: float, work: Callable[[], Any]) -> Any:
    """What `work` gives; a TimeoutError where it takes longer, as looking up a name can do whatever is agreed on."""
    outcome: Future[Any] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except Exception as error:  # noqa: BLE001 - whoever waits hears of it, whatever it is
            outcome.set_exception(error)

    threading.Thread(target=run, name="ask-hub", daemon=True).start()
    try:
        return outcome.result(timeout=seconds)
    except FutureTimeout as error:
        raise TimeoutError(f"no answer within {seconds:g} s") from error
