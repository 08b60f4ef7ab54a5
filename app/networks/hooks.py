"""Hooks on a network that are gone afterwards, whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from torch import Tensor, nn

OutputHook = Callable[[Tensor], Tensor | None]


@contextmanager
def watched(network: nn.Module, hooks: Mapping[str, OutputHook]) -> Iterator[None]:
    """Call a function with the output of each named module, as long as the context lasts.

    Args:
        hooks: By module path. What a function returns replaces the output, unless it is None.

    Raises:
        AttributeError: where the network has no such module.
    """
    with ExitStack() as stack:
        for path, hook in hooks.items():
            handle = network.get_submodule(path).register_forward_hook(_with_output(hook))
            stack.callback(handle.remove)
        yield


def _with_output(hook: OutputHook) -> Callable[[nn.Module, object, Tensor], Tensor | None]:
    return lambda _module, _inputs, output: hook(output)
