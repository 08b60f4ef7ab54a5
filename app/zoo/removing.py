"""Deletes models from this machine. No torch: the window does it."""

from __future__ import annotations

import shutil
from pathlib import Path

from app import paths
from app.core.errors import ModelError
from app.zoo.card import Card
from app.zoo.download import delete_download


def remove_model(card: Card) -> None:
    """Delete a model of the user's from the library, or the weights of a downloaded one.

    Raises:
        ModelError: for a bundled model, or where it cannot be deleted.
    """
    if card.kind == "published":
        delete_download(card)
        return
    if card.kind != "mine":
        raise ModelError(f"{card.id} comes with the program, so it stays.")
    remove_folder(card.folder)


def remove_folder(folder: Path) -> None:
    """Delete a model's folder from the user's library, whatever its card says; nothing where it is gone already.

    Raises:
        ModelError: where it is not in the library, or cannot be deleted.
    """
    if folder.parent != paths.user_models():
        raise ModelError(f"{folder} is not a model of your library, so it stays.")
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ModelError(f"{folder} cannot be deleted ({error.strerror or error}).", "Close what uses it.") from error
