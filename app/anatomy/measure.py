"""Everything that is measured of a network on one picture, in one forward and one backward. See docs/anatomy.md."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from app.anatomy.lesions import arranged, lesioned
from app.anatomy.parts import Parts, middle_blocks, take_apart
from app.core.anatomy import BlockMeasurement, Response
from app.core.errors import AnatomyError
from app.core.lesions import Lesion
from app.core.records import NetworkOutline

NORMS = (nn.BatchNorm2d, nn.Identity)  # folding leaves an identity where the batch norm was


@dataclass(frozen=True, eq=False)
class Measured:
    """What one pass found.

    Attributes:
        logits: (1, classes), on the device.
        target: The class whose gradient was taken.
        blocks: In the outline's order.
    """

    logits: Tensor
    target: int
    blocks: tuple[BlockMeasurement, ...]


def measured(
    network: nn.Module,
    outline: NetworkOutline,
    picture: Tensor,
    *,
    target: int | None = None,
    lesions: Sequence[Lesion] = (),
) -> Measured:
    """Measure every block of a network, which is left as it was.

    What comes between two blocks (a pooling) counts with the one before; everything before the first block is the stem,
    everything after the last one is the head.

    Args:
        network: In eval mode, frozen.
        picture: (1, 3, S, S), normalised, on the network's device.
        target: The class; None for the winning one.
        lesions: Done to the network meanwhile.

    Raises:
        AnatomyError: where a lesion cannot be made, or there is no such class.
    """
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        lesioned(network, outline, lesions),
        _watching(network, outline, lesions, picture.device) as watch,
    ):
        picture = picture.clone() if picture.is_inference() else picture
        with watch.counter:
            watch.start()
            logits: Tensor = network(picture)
            watch.stop(logits)
        target = int(logits[0].argmax()) if target is None else target
        if not 0 <= target < logits.shape[1]:
            raise AnatomyError(
                f"There is no class {target}: the network has {logits.shape[1]}.",
                f"Choose a class from 0 to {logits.shape[1] - 1}.",
            )
        logits[0, target].backward()  # type: ignore[no-untyped-call]
    return Measured(logits.detach(), target, watch.found(outline))


@dataclass
class _Block:
    """What is seen of one block; norms are () tensors on the device until the end."""

    shape_in: tuple[int, ...] = ()
    shape: tuple[int, ...] = ()
    scalars: dict[str, Tensor] = field(default_factory=dict)
    responses: list[tuple[str, int, Tensor]] = field(default_factory=list)
    elements: int = 1
    multiply_adds: int = 0
    seconds: float = 0.0
    made: int = 0


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts multiply-adds by torch's own formulae, and the bytes of new tensors, for the block at hand."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.block = _Block()
        self.paused = True

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if self.paused:
            return out
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            self.block.multiply_adds += formula(*args, **(kwargs or {}), out_val=out) // 2
        for tensor in out if isinstance(out, tuple | list) else (out,):
            if isinstance(tensor, Tensor) and tensor.numel() and not _shares(tensor, args):
                self.block.made += tensor.numel() * tensor.element_size()
        return out


def _shares(tensor: Tensor, args: Any) -> bool:
    """Whether a tensor lies in the memory of one of an operation's inputs: a view, or written in place."""
    place = tensor.untyped_storage()._cdata
    return any(isinstance(one, Tensor) and one.untyped_storage()._cdata == place for one in args)


class _Watch:
    """The hooks' common notebook: a clock that does not run while they work, and the block at hand."""

    def __init__(self, count: int, device: torch.device) -> None:
        self.blocks = [_Block() for _ in range(count)]
        self.counter = _Counter()
        self._at = 0
        self._device = device
        self._since = 0.0

    def start(self) -> None:
        self._go_on(0)

    def stop(self, logits: Tensor) -> None:
        """After the forward: the head's output."""
        self._hold()
        self._note_output(len(self.blocks) - 1, logits)

    def entered(self, index: int, x: Tensor) -> None:
        """The signal arrives at a block."""
        self._hold()
        block = self.blocks[index]
        block.shape_in = tuple(x.shape)
        block.scalars["x"] = _norm(x)
        self._go_on(index)

    def left(self, index: int, y: Tensor, *, last: bool) -> Tensor:
        """The signal leaves a block; gives the output, which the first block cuts from what comes before."""
        self._hold()
        if not y.requires_grad:  # nothing before the first output is differentiated
            y = y.detach().requires_grad_()
        block = self.blocks[index]
        self._note_output(index, y)
        y.register_hook(lambda gradient: block.scalars.__setitem__("gradient", _norm(gradient)))  # type: ignore[no-untyped-call]
        self._go_on(index + 1 if last else index)
        return y

    def branched(self, index: int, name: str, value: Tensor) -> None:
        """F(x) or s(x) of a block is known."""
        self._hold()
        self.blocks[index].scalars[name] = _norm(value)
        self._go_on(self._at)

    def responded(self, path: str, kernel: int, response: Tensor) -> None:
        """A convolution has responded."""
        self._hold()
        flat = _flat(response)
        count = flat.numel()
        # E[r²] − E[r]²: two sums at the memory's speed; after batch norm the mean is no larger than the spread.
        variance = (torch.linalg.vector_norm(flat).square() / count - flat.mean().square()) * count / (count - 1)
        self.blocks[self._at].responses.append((path, kernel, variance.clamp_min(0).sqrt()))
        self._go_on(self._at)

    def found(self, outline: NetworkOutline) -> tuple[BlockMeasurement, ...]:
        """Everything, on the host, in one transfer."""
        keys = [(index, name) for index, block in enumerate(self.blocks) for name in block.scalars]
        waiting = [self.blocks[index].scalars[name] for index, name in keys]
        waiting += [deviation for block in self.blocks for *_, deviation in block.responses]
        numbers = iter(torch.stack([one.float() for one in waiting]).tolist())
        scalars: list[dict[str, float]] = [{} for _ in self.blocks]
        for index, name in keys:
            scalars[index][name] = next(numbers)
        rows = []
        for info, block, values in zip(outline.blocks, self.blocks, scalars, strict=True):
            responses = tuple(Response(path, kernel, next(numbers)) for path, kernel, _ in block.responses)
            rows.append(
                BlockMeasurement(
                    name=info.name,
                    shape_in=block.shape_in,
                    shape=block.shape,
                    ratio=_ratio(values),
                    energy=values["y"] ** 2 / block.elements,
                    gradient=values.get("gradient"),
                    responses=responses,
                    parameters=info.parameters,
                    multiply_adds=block.multiply_adds,
                    milliseconds=1000 * block.seconds,
                    activation_bytes=block.made,
                )
            )
        return tuple(rows)

    def _note_output(self, index: int, y: Tensor) -> None:
        block = self.blocks[index]
        block.shape, block.elements = tuple(y.shape), y.numel()
        block.scalars["y"] = _norm(y)

    def _hold(self) -> None:
        _wait_for(self._device)
        self.blocks[self._at].seconds += time.perf_counter() - self._since
        self.counter.paused = True

    def _go_on(self, index: int) -> None:
        _wait_for(self._device)
        self._at = index
        self.counter.block = self.blocks[index]
        self.counter.paused = False
        self._since = time.perf_counter()


def _ratio(values: dict[str, float]) -> float | None:
    """‖F(x)‖ / ‖s(x)‖; nothing is noted for a block that adds nothing."""
    if "added" not in values:
        return None
    shortcut = values.get("s", values["x"])
    branch = values.get("F", 0.0)
    return branch / shortcut if shortcut else None


@contextmanager
def _watching(
    network: nn.Module, outline: NetworkOutline, lesions: Sequence[Lesion], device: torch.device
) -> Iterator[_Watch]:
    """Hooks on blocks, branches, shortcuts and convolutions, as long as the context lasts."""
    watch = _Watch(len(outline.blocks), device)
    standing = arranged(network, outline, lesions)
    places = {block.name: index for index, block in enumerate(outline.blocks)}
    middle = middle_blocks(outline)
    with ExitStack() as stack:

        def on_output(path: str, note: Callable[[Tensor], Tensor | None]) -> None:
            hook = network.get_submodule(path).register_forward_hook(lambda _module, _inputs, output: note(output))
            stack.callback(hook.remove)

        def on_input(path: str, note: Callable[[Tensor], None]) -> None:
            hook = network.get_submodule(path).register_forward_pre_hook(lambda _module, inputs: note(inputs[0]))
            stack.callback(hook.remove)

        for path, (response, kernel) in convolutions(network, outline).items():
            on_output(response, lambda y, path=path, kernel=kernel: watch.responded(path, kernel, y))  # type: ignore[misc]
        for block in middle:
            index = places[block.name]
            here, parts = take_apart(network, outline, block.name), None
            if here.added:
                parts = take_apart(network, outline, standing.get(block.name, block.name))
                watch.blocks[index].scalars["added"] = torch.ones((), device=device)
                on_output(parts.branch_end, lambda y, index=index: watch.branched(index, "F", y))  # type: ignore[misc]
                beside, gate = _beside(network, parts)
                if beside:
                    on_output(beside, lambda y, index=index, gate=gate: watch.branched(index, "s", gate * y))  # type: ignore[misc]
            on_input(here.modules[0], lambda x, index=index: watch.entered(index, x))  # type: ignore[misc]
            last = block is middle[-1]
            on_output(
                here.modules[-1],
                lambda y, index=index, last=last: watch.left(index, y, last=last),  # type: ignore[misc]
            )
        stem, head = outline.blocks[0], outline.blocks[-1]
        if stem.stage == 0:
            on_output(stem.name, lambda y: watch.left(0, y, last=False))
        on_input(head.name, lambda x: watch.entered(len(outline.blocks) - 1, x))
        first = next(path for path, module in network.named_modules() if isinstance(module, nn.Conv2d))
        if stem.stage == 0:
            on_input(first, lambda x: watch.entered(0, x))
        yield watch


def _beside(network: nn.Module, parts: Parts) -> tuple[str, float]:
    """The module that gives s(x), "" where s(x) is x; and what it is multiplied by."""
    block = network.get_submodule(parts.block.name)
    gate = float(getattr(block, "gate", 1.0))
    if parts.block.shortcut == "identity" and gate == 1:
        return "", 1.0
    return f"{parts.block.name}.downsample", gate


def convolutions(network: nn.Module, outline: NetworkOutline) -> dict[str, tuple[str, int]]:
    """For each convolution outside a shortcut: where its response comes out, and the side of its kernel."""
    modules = [(path, module) for path, module in network.named_modules() if not any(True for _ in module.children())]
    before = {  # with pre-activation a batch norm belongs to the convolution after it
        block.name for block in outline.blocks if getattr(network.get_submodule(block.name), "pre", False)
    }
    found = {}
    for place, (path, module) in enumerate(modules):
        if not isinstance(module, nn.Conv2d) or ".downsample" in path:
            continue
        after = modules[place + 1] if place + 1 < len(modules) else ("", module)
        normalised = isinstance(after[1], NORMS) and path.rpartition(".")[0] not in before
        found[path] = (after[0] if normalised else path, int(module.kernel_size[0]))
    return found


def responses_survive_folding(network: nn.Module) -> bool:
    """Whether a folded copy has the same responses: with pre-activation the next batch norm is folded into them."""
    return not any(getattr(module, "pre", False) for module in network.modules())


def _flat(tensor: Tensor) -> Tensor:
    """(elements,) float32 in the order of memory: reducing it so is several times as fast as by channels."""
    tensor = tensor.detach().float()
    if tensor.ndim == 4 and tensor.is_contiguous(memory_format=torch.channels_last):
        tensor = tensor.permute(0, 2, 3, 1)
    return tensor.reshape(-1)


def _norm(tensor: Tensor) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(_flat(tensor))
    return norm


def _wait_for(device: torch.device) -> None:
    """A clock tells nothing while the device still works."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
