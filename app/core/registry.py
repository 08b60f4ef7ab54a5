"""How a plug-in makes itself known: one file in the right package, one decorator, nothing else to edit."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Generic, TypeVar

from app.core.errors import ExplorerError

Plugin = TypeVar("Plugin")


class Registry(Generic[Plugin]):
    """The plug-ins of one kind, found by importing every module of their package on first use.

    Args:
        kind: What the plug-ins are, for messages ("explanation", "network family").
        package: The package whose modules register plug-ins.
        error: The error raised for an unknown name.

    Attributes:
        every: All registries whose modules have been imported.
    """

    every: ClassVar[list[Registry[Any]]] = []

    def __init__(self, kind: str, package: str, error: type[ExplorerError] = ExplorerError) -> None:
        self.kind = kind
        self._package = package
        self._error = error
        self._plugins: dict[str, Plugin] = {}
        self._discovered = False
        if package.startswith("app."):  # not those of tests
            Registry.every.append(self)

    def register(self, name: str) -> Callable[[Plugin], Plugin]:
        """Register the decorated plug-in under a name; names are unique."""

        def add(plugin: Plugin) -> Plugin:
            if name in self._plugins:
                raise ValueError(f"two plug-ins of kind {self.kind} are called {name}")
            self._plugins[name] = plugin
            return plugin

        return add

    def names(self) -> tuple[str, ...]:
        """Every name, in alphabetical order."""
        return tuple(sorted(self._all()))

    def items(self) -> Iterator[tuple[str, Plugin]]:
        """Every (name, plug-in), in alphabetical order of the names."""
        plugins = self._all()
        return ((name, plugins[name]) for name in sorted(plugins))

    def get(self, name: str) -> Plugin:
        """The plug-in of that name.

        Raises:
            ExplorerError: of the registry's own kind, listing the names that exist.
        """
        try:
            return self._all()[name]
        except KeyError:
            known = ", ".join(self.names())
            raise self._error(f"There is no {self.kind} called “{name}”.", f"Choose one of: {known}.") from None

    def _all(self) -> dict[str, Plugin]:
        if not self._discovered:
            package = importlib.import_module(self._package)
            for module in pkgutil.iter_modules(package.__path__, f"{self._package}."):
                importlib.import_module(module.name)
            self._discovered = True
        return self._plugins
