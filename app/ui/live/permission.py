"""The permission to use a camera, which macOS wants to be asked for on the main thread before one is opened."""

from __future__ import annotations

import sys
from collections.abc import Callable

from PySide6.QtCore import QCameraPermission, QCoreApplication, QObject, QPermission, Qt


def ask_for_camera(context: QObject, then: Callable[[bool], None]) -> None:
    """Ask the system where it wants to be asked, and tell `then` whether a camera may be opened.

    Only a bundle is asked about: it has the usage text. A program without one gets no permission of its own from macOS;
    there the terminal's counts, and opening the camera shows whether it has one. Elsewhere Qt grants it at once, and a
    camera that is forbidden says so when it is opened.
    """
    application = QCoreApplication.instance()
    permission = QCameraPermission()
    bundled = bool(getattr(sys, "frozen", False))
    if application is None or not bundled:
        then(True)
        return
    status = application.checkPermission(permission)
    if status != Qt.PermissionStatus.Undetermined:
        then(status == Qt.PermissionStatus.Granted)
        return

    def answered(given: QPermission) -> None:
        then(given.status() == Qt.PermissionStatus.Granted)

    application.requestPermission(permission, context, answered)
