"""Reads a pickle without running anything in it.

A pickle is a program: `REDUCE` and its relatives call whatever the file names. This machine executes the program
symbolically. A named class or function stays a `Name`, a call becomes a `Made` record, a tensor becomes a
`TensorPlan`; nothing is imported and nothing is called. Containers, texts and numbers come out as themselves.

What a file would have run is then plain to see (`Reading.names`), and `unsafe_names` says which of it is more than
the data containers that checkpoints are made of. Such a file is refused: we only read what
`torch.load(weights_only=True)` could be told to read.

Time and memory are bounded whatever the file says: opcodes are decoded by the standard library's `pickletools`,
which never takes more than the file holds, their number is limited, and shared structures stay shared.
"""

from __future__ import annotations

import pickletools
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

MOST_OPCODES = 3_000_000
MOST_SECONDS = 12.0


class PickleError(ValueError):
    """The bytes are not a whole pickle, or more of one than we are willing to read."""


class Source(Protocol):
    """What opcodes are read from: a file, a memory map, bytes in memory."""

    def read(self, size: int = ..., /) -> bytes: ...

    def readline(self) -> bytes: ...

    def tell(self) -> int: ...


@dataclass(frozen=True)
class Name:
    """A class or function that the file names."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False)
class Made:
    """What a call would have made: an object of which we keep only what the file says of it."""

    name: Name
    arguments: tuple[Any, ...] = ()
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)
    elements: list[Any] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Persistent:
    """A persistent id: in torch's files, a storage that lies elsewhere in the file."""

    id: Any


@dataclass(frozen=True)
class Reading:
    """What a pickle holds, every name that it names, and every persistent id."""

    value: Any
    names: frozenset[Name]
    persistent: tuple[Any, ...] = ()


class _Mark:
    pass


_MARK = _Mark()
_PLAIN_KEYS = (str, bytes, int, float, bool, type(None), Name)


class Machine:
    """One run over one pickle."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.names: dict[str, Name] = {}
        self.persistent: list[Any] = []
        self._until = time.monotonic() + MOST_SECONDS

    def run(self, source: Source) -> Reading:
        """Read one pickle, up to and including its STOP.

        Raises:
            PickleError: where it is damaged, or too long.
        """
        try:
            for count, (opcode, argument, _) in enumerate(pickletools.genops(source)):  # type: ignore[arg-type]
                if count >= MOST_OPCODES:
                    raise PickleError(f"it has more than {MOST_OPCODES:,} instructions")
                if count % 4096 == 0:
                    self._check_time()
                if opcode.name == "STOP":
                    return Reading(self._pop(), frozenset(self.names.values()), tuple(self.persistent))
                self._step(opcode.name, argument)
        except PickleError:
            raise
        except (ValueError, TypeError, IndexError, KeyError, OverflowError, MemoryError, UnicodeError) as error:
            raise PickleError(f"its pickle is damaged ({str(error)[:80] or type(error).__name__})") from error
        raise PickleError("its pickle ends in the middle")

    def _check_time(self) -> None:
        if time.monotonic() > self._until:
            raise PickleError(f"reading its pickle takes more than {MOST_SECONDS:.0f} seconds")

    def _step(self, name: str, argument: Any) -> None:
        if name in _LITERALS:
            self.stack.append(argument)
        elif name in _MEMO_PUTS:
            self.memo[len(self.memo) if argument is None else argument] = self._top()
        elif name in _MEMO_GETS:
            self.stack.append(self.memo[argument])
        elif name in _ACTIONS:
            _ACTIONS[name](self, argument)
        else:
            raise PickleError(f"it uses the pickle instruction {name}, which no checkpoint needs")

    def _top(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise PickleError("its pickle takes from an empty stack")
        return self.stack[-1]

    def _pop(self) -> Any:
        value = self._top()
        self.stack.pop()
        return value

    def _pop_to_mark(self) -> list[Any]:
        for place in range(len(self.stack) - 1, -1, -1):
            if self.stack[place] is _MARK:
                values = self.stack[place + 1 :]
                del self.stack[place:]
                return values
        raise PickleError("its pickle lacks a mark")

    def _name(self, module: str, name: str) -> Name:
        key = f"{module} {name}"
        return self.names.setdefault(key, Name(module, name))

    # Each of the following does what one opcode does.

    def mark(self, _: Any) -> None:
        self.stack.append(_MARK)

    def pop(self, _: Any) -> None:
        if not self.stack:
            raise PickleError("its pickle takes from an empty stack")
        self.stack.pop()

    def pop_mark(self, _: Any) -> None:
        self._pop_to_mark()

    def dup(self, _: Any) -> None:
        self.stack.append(self._top())

    def nothing(self, _: Any) -> None:
        """PROTO and FRAME change nothing here."""

    def empty_list(self, _: Any) -> None:
        self.stack.append([])

    def empty_dict(self, _: Any) -> None:
        self.stack.append({})

    def empty_set(self, _: Any) -> None:
        self.stack.append(Made(self._builtin("set")))

    def frozenset_(self, _: Any) -> None:
        self.stack.append(Made(self._builtin("frozenset"), elements=self._pop_to_mark()))

    def list_(self, _: Any) -> None:
        self.stack.append(self._pop_to_mark())

    def tuple_(self, _: Any) -> None:
        self.stack.append(tuple(self._pop_to_mark()))

    def empty_tuple(self, _: Any) -> None:
        self.stack.append(())

    def tuple1(self, _: Any) -> None:
        self.stack.append((self._pop(),))

    def tuple2(self, _: Any) -> None:
        second, first = self._pop(), self._pop()
        self.stack.append((first, second))

    def tuple3(self, _: Any) -> None:
        third, second, first = self._pop(), self._pop(), self._pop()
        self.stack.append((first, second, third))

    def append(self, _: Any) -> None:
        value = self._pop()
        self._extend(self._top(), [value])

    def appends(self, _: Any) -> None:
        values = self._pop_to_mark()
        self._extend(self._top(), values)

    def dict_(self, _: Any) -> None:
        values = self._pop_to_mark()
        table: dict[Any, Any] = {}
        self.stack.append(table)
        self._fill(table, values)

    def setitem(self, _: Any) -> None:
        value, key = self._pop(), self._pop()
        self._fill(self._top(), [key, value])

    def setitems(self, _: Any) -> None:
        values = self._pop_to_mark()
        self._fill(self._top(), values)

    def global_(self, argument: Any) -> None:
        module, _, name = argument.partition(" ")
        self.stack.append(self._name(module, name))

    def stack_global(self, _: Any) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise PickleError("its pickle names something that is not text")
        self.stack.append(self._name(module, name))

    def reduce(self, _: Any) -> None:
        arguments, function = self._pop(), self._pop()
        self.stack.append(self._call(function, arguments))

    def newobj_ex(self, _: Any) -> None:
        _keywords, arguments, kind = self._pop(), self._pop(), self._pop()
        self.stack.append(self._call(kind, arguments))

    def inst(self, argument: Any) -> None:
        module, _, name = argument.partition(" ")
        self.stack.append(self._call(self._name(module, name), tuple(self._pop_to_mark())))

    def obj(self, _: Any) -> None:
        values = self._pop_to_mark()
        if not values:
            raise PickleError("its pickle makes an object of nothing")
        self.stack.append(self._call(values[0], tuple(values[1:])))

    def build(self, _: Any) -> None:
        state = self._pop()
        made = self._top()
        if isinstance(made, Made):
            made.state = state
        # An OrderedDict's own attributes (a state dict's `_metadata`) say nothing that we need.

    def persid(self, argument: Any) -> None:
        self.persistent.append(argument)
        self.stack.append(Persistent(argument))

    def binpersid(self, _: Any) -> None:
        self.persid(self._pop())

    def _builtin(self, name: str) -> Name:
        return Name("builtins", name)

    def _call(self, function: Any, arguments: Any) -> Any:
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise PickleError("its pickle calls something that is not a named function")
        if (function.module, function.name) == ("collections", "OrderedDict"):
            table: dict[Any, Any] = {}
            if arguments and isinstance(arguments[0], list):
                for pair in arguments[0]:
                    self._fill(table, list(pair))
            return table
        return Made(function, arguments)

    def _extend(self, target: Any, values: list[Any]) -> None:
        if isinstance(target, Made):
            target.elements.extend(values)
        elif isinstance(target, list):
            target.extend(values)
        else:
            raise PickleError("its pickle appends to something that is not a list")

    def _fill(self, target: Any, values: list[Any]) -> None:
        table = target.items if isinstance(target, Made) else target
        if not isinstance(table, dict) or len(values) % 2:
            raise PickleError("its pickle puts items into something that is not a table")
        for place in range(0, len(values), 2):
            if place % 1024 == 0:
                self._check_time()  # keys can be chosen to collide
            key = values[place]
            parts = key if isinstance(key, tuple) and len(key) <= 16 else (key,)
            if all(isinstance(part, _PLAIN_KEYS) for part in parts):
                table[key] = values[place + 1]
            # Another key (an object) has no place in a plain table; what it stands for is not a weight.


_LITERALS = frozenset(
    ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
     "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES",
     "BINBYTES8", "BYTEARRAY8")
)  # fmt: skip
_MEMO_PUTS = frozenset(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"))
_MEMO_GETS = frozenset(("GET", "BINGET", "LONG_BINGET"))
_ACTIONS: dict[str, Callable[[Machine, Any], None]] = {
    "PROTO": Machine.nothing,
    "FRAME": Machine.nothing,
    "NONE": lambda machine, _: machine.stack.append(None),
    "NEWTRUE": lambda machine, _: machine.stack.append(True),
    "NEWFALSE": lambda machine, _: machine.stack.append(False),
    "MARK": Machine.mark,
    "POP": Machine.pop,
    "POP_MARK": Machine.pop_mark,
    "DUP": Machine.dup,
    "EMPTY_LIST": Machine.empty_list,
    "LIST": Machine.list_,
    "APPEND": Machine.append,
    "APPENDS": Machine.appends,
    "EMPTY_TUPLE": Machine.empty_tuple,
    "TUPLE": Machine.tuple_,
    "TUPLE1": Machine.tuple1,
    "TUPLE2": Machine.tuple2,
    "TUPLE3": Machine.tuple3,
    "EMPTY_DICT": Machine.empty_dict,
    "DICT": Machine.dict_,
    "SETITEM": Machine.setitem,
    "SETITEMS": Machine.setitems,
    "EMPTY_SET": Machine.empty_set,
    "ADDITEMS": Machine.appends,
    "FROZENSET": Machine.frozenset_,
    "GLOBAL": Machine.global_,
    "STACK_GLOBAL": Machine.stack_global,
    "REDUCE": Machine.reduce,
    "NEWOBJ": Machine.reduce,
    "NEWOBJ_EX": Machine.newobj_ex,
    "INST": Machine.inst,
    "OBJ": Machine.obj,
    "BUILD": Machine.build,
    "PERSID": Machine.persid,
    "BINPERSID": Machine.binpersid,
}

_TORCH_DATA = re.compile(
    r"torch\._utils\._rebuild_(tensor(_v[23])?|parameter(_with_state)?|qtensor)"
    r"|torch\.(\w+Storage|Size|device|Tensor|nn\.parameter\.Parameter|_tensor\._rebuild_from_type_v2)"
    r"|torch\.(storage|cuda|serialization)\.(\w+Storage|_get_layout)"
    r"|torch\.(b?float\w*|double|half|u?int\d+|long|short|bool|complex\d+|strided|q?u?int\d+|per_(tensor|channel)_(affine|symmetric)|torch_version\.TorchVersion)"
)
_PLAIN_DATA = re.compile(
    r"collections\.(OrderedDict|defaultdict|Counter|deque)"
    r"|(builtins|__builtin__)\.(dict|list|set|frozenset|tuple|int|long|float|str|unicode|bool|bytes|bytearray|complex"
    r"|slice|range|xrange|object)"
    r"|(copyreg|copy_reg)\._reconstructor|_codecs\.encode"
    r"|numpy(\._?core\.(multiarray|numeric))?\.(scalar|_reconstruct|_frombuffer|ndarray|dtype|bool_?|str_|u?int\d+|float\d+)"
    r"|numpy\.dtypes\.\w+DType"
    r"|argparse\.Namespace|types\.SimpleNamespace|uuid\.UUID|decimal\.Decimal|typing\.\w+"
    r"|datetime\.(datetime|date|time|timedelta|timezone)"
    r"|pathlib(\._local)?\.(Pure)?(Posix|Windows)?Path"
    r"|omegaconf\.(dictconfig\.DictConfig|listconfig\.ListConfig|base\.(Container)?Metadata|nodes\.\w+Node)"
    r"|(pytorch_lightning|lightning\.pytorch)\.utilities\.parsing\.AttributeDict"
    r"|(lightning_fabric|lightning\.fabric)\.utilities\.data\.AttributeDict"
    r"|(pytorch_lightning|lightning\.pytorch)\.callbacks\.(\w+\.)?\w+"
    r"|easydict\.EasyDict|addict\.addict\.Dict|munch\.Munch|yacs\.config\.CfgNode"
)


def unsafe_names(reading: Reading, *, script: bool = False) -> tuple[str, ...]:
    """The names in a file that are more than containers of data: what reading it the usual way would import or call.

    Args:
        script: Whether the file is a TorchScript archive, whose own classes (`__torch__…`) are part of the archive.
    """
    return tuple(sorted(str(name) for name in reading.names if not _is_data(name, script)))


def _is_data(name: Name, script: bool) -> bool:
    if script and name.module.startswith(("__torch__", "torch.jit._pickle")):
        return True
    # A dotted name reaches through a module into whatever that imports: “pathlib” and “os.system”.
    plain = "." not in name.name
    return plain and bool(_TORCH_DATA.fullmatch(str(name)) or _PLAIN_DATA.fullmatch(str(name)))


def attributes(made: Made) -> dict[Any, Any]:
    """What is known of an object as a table: its state, or its items."""
    state = made.state[0] if isinstance(made.state, tuple) and made.state else made.state
    return {**(state if isinstance(state, dict) else {}), **made.items}
