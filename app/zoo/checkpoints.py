"""The checkpoint doctor: takes any file with the weights of a residual network and says what it is, or why not.

Nothing in a file ever runs. The order of work: read (`reading`), find the table of weights among wrappers, recognise
the structure (`structure`), rebuild the weights under our names (`assembly`), decide what shapes cannot tell
(`doubts`), gather what the file says of itself (`facts`), name the architecture (`naming`).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from app.core.errors import ArchitectureError, ModelError
from app.core.preprocessing import Preprocessing
from app.networks.general_resnet import GeneralOptions
from app.networks.registry import families, parameter_count
from app.zoo.assembly import Assembly, Origin, assemble, options_of, stages_of
from app.zoo.blueprint import Blueprint, NotResidual
from app.zoo.card import Architecture
from app.zoo.contents import Contents, DamagedFile
from app.zoo.doubts import Resolver
from app.zoo.facts import Facts, labels_beside, labels_inside, read_facts
from app.zoo.foreign import what_it_holds
from app.zoo.known import match_family, name_of
from app.zoo.labels import guess_labels
from app.zoo.naming import name_architecture
from app.zoo.normalisations import IMAGENET, Normalisation, candidates
from app.zoo.reading import read_contents
from app.zoo.report import Renamed, Report
from app.zoo.structure import find_structure
from app.zoo.tables import Table, find_tables, others_beside
from app.zoo.verdict import Sureness, Verdict

log = logging.getLogger(__name__)

_MOST_PARAMETERS = 500_000_000
_MOST_BLOCKS = 1_000  # ResNet-1202 has 600
_LEAST_SHARE = 0.3  # of a file's convolutions, from which on a part of them is a backbone
_RIGHT_FILE = "No residual network that is in use is as large: check that it is the right file."
_LARGE_REMEDY = "Close other programs, or use a machine with more memory."
_UNSAFE_REMEDY = (
    "Ask its author for the weights alone, as safetensors or as torch.save(model.state_dict(), …); or convert it on a "
    "machine where you trust it."
)


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """A file, understood.

    Attributes:
        report: What to say of it.
        architecture: Which network; None where refused.
        state: Its weights under our names, mostly views of the file.
        preprocessing: What is done to a picture.
    """

    report: Report
    architecture: Architecture | None = None
    state: dict[str, Tensor] | None = None
    preprocessing: Preprocessing | None = None

    def require(self) -> tuple[Architecture, dict[str, Tensor], Preprocessing]:
        """What is needed to load it.

        Raises:
            ModelError: the refusal.
        """
        if self.architecture is None or self.state is None or self.preprocessing is None:
            raise ModelError(f"{self.report.file} was not taken in: {self.report.refusal}.", self.report.remedy)
        return self.architecture, self.state, self.preprocessing


def inspect_file(path: Path, *, choices: Mapping[str, str] | None = None) -> Report:
    """What a file or folder of weights is. Never raises for what is in the file: a refusal is in the report.

    Args:
        choices: The user's answers to questions, by question ("normalisation", "shortcut", …), each as the ranking of
            an earlier report words it.
    """
    return diagnose(path, choices=choices).report


def diagnose(path: Path, *, choices: Mapping[str, str] | None = None) -> Diagnosis:
    """Read and understand a file; see `inspect_file`."""
    try:
        contents = read_contents(path)
    except ModelError as error:
        size = path.stat().st_size if path.is_file() else 0
        why = error.what.removeprefix(f"{path} cannot be read as weights: ").rstrip(".")
        return Diagnosis(Report(str(path), size, "unknown", refusal=why, remedy=error.remedy))
    size = contents.path.stat().st_size
    report = Report(str(path), size, contents.format, notes=contents.notes, would_run=contents.names_unsafe)
    if contents.names_unsafe:
        names = ", ".join(contents.names_unsafe[:4])
        more = f" and {len(contents.names_unsafe) - 4} more" if len(contents.names_unsafe) > 4 else ""
        refusal = f"reading it would run or import code: {names}{more}. Nothing of it was run"
        return Diagnosis(replace(report, refusal=refusal, remedy=_UNSAFE_REMEDY))
    try:
        return _understood(contents, report, choices or {})
    except ModelError as error:
        return Diagnosis(replace(report, refusal=error.what.rstrip("."), remedy=error.remedy))
    except DamagedFile as error:
        return Diagnosis(replace(report, refusal=str(error), remedy=error.remedy or _RIGHT_FILE))
    except MemoryError:
        return Diagnosis(replace(report, refusal="its network needs more memory than there is", remedy=_LARGE_REMEDY))
    except Exception as error:  # the file of a stranger, and no checkpoint that we know: logged, and told
        log.exception("%s is not understood", path)
        first = (str(error).splitlines() or [""])[0][:120]
        why = f"its weights make no network ({type(error).__name__}: {first})"
        remedy = "If it works elsewhere, tell us: the log has the details."
        return Diagnosis(replace(report, refusal=why, remedy=remedy))


def _understood(contents: Contents, report: Report, choices: Mapping[str, str]) -> Diagnosis:
    tables = find_tables(contents.tree)
    if not tables:
        raise what_it_holds(contents.tree, contents.format)
    problems: list[tuple[Table, NotResidual]] = []
    for table in tables:
        shapes = {key: tuple(tensor.shape) for key, tensor in table.tensors.items()}
        if sum(len(shape) == 4 for shape in shapes.values()) > 5 * _MOST_BLOCKS:
            raise ModelError(f"It has more than {5 * _MOST_BLOCKS:,} convolutions.", _RIGHT_FILE)
        stack = match_family(shapes)
        if stack is not None:
            return _as_stack(contents, report, table, stack, choices)
        try:
            activation = contents.facts.get("activation")
            operations = contents.facts.get("operations", ())
            blocks = "Add" in operations or (bool(operations) and "MaxPool" not in operations)
            blueprint = find_structure(shapes, ordered=contents.ordered, activation=activation, blocks=blocks)
            if not blueprint.head:
                _refuse_scraps(table, blueprint, problems)
            report = replace(report, notes=(*report.notes, *others_beside(table, tables)))
            return _as_residual(contents, report, table, blueprint, choices)
        except NotResidual as reason:
            problems.append((table, reason))
    table, problem = max(problems, key=lambda pair: pair[1].matched)
    looks_like = name_of({key: tuple(tensor.shape) for key, tensor in table.tensors.items()})
    if looks_like.startswith(("resnet", "resnext", "wide_resnet")):
        what = f"it is a variant of {looks_like} that we do not know"
    elif looks_like:
        what = f"it looks like {looks_like}, not like a residual network that we know"
    else:
        what = "it is not a residual network that we know"
    refusal = f"{what}: {problem.why}"
    remedy = "The keys that break the pattern are listed in the report."
    return Diagnosis(
        replace(report, table=table.title, refusal=refusal, remedy=remedy, odd_keys=problem.keys, looks_like=looks_like)
    )


def _refuse_scraps(table: Table, blueprint: Blueprint, problems: list[tuple[Table, NotResidual]]) -> None:
    """A part without a head is a backbone only where it is most of what failed as a whole.

    Raises:
        NotResidual: the reason why the whole is not ours: its head alone, layers in its blocks, or that this part of it
            (its stem, say) is just where the whole begins.
    """
    part = len(blueprint.convs)
    for whole, problem in problems:
        if not table.prefix.startswith(whole.prefix) or table.where != whole.where:
            continue
        convs = sum(tensor.dim() == 4 for tensor in whole.tensors.values())
        if problem.at_head or problem.matched >= part or part < convs * _LEAST_SHARE:
            raise problem


def _as_residual(
    contents: Contents, report: Report, table: Table, blueprint: Blueprint, choices: Mapping[str, str]
) -> Diagnosis:
    if len(blueprint.blocks) > _MOST_BLOCKS:
        what = f"Its network has {len(blueprint.blocks):,} blocks; {_MOST_BLOCKS:,} are the most that we take in."
        raise ModelError(what, _RIGHT_FILE)
    if len(blueprint.head) > 1 and re.search(r"encoder_[qk]\.", table.prefix):  # MoCo's: no layer for classes
        unused = tuple(key for layer in blueprint.head for key in layer.keys.values())
        blueprint = replace(blueprint, head=(), head_norms=(), left_over=(*blueprint.left_over, *unused))
    options = options_of(blueprint)
    assembly = assemble(blueprint, table.tensors)
    _check_size(assembly.state)
    _check_types(assembly)
    facts = read_facts({"file": contents.tree, "beside": contents.facts})
    small = options.stem_kernel <= 3 and len(options.stem) == 1
    side = facts.crop or (32 if small and blueprint.classes != 200 else 64 if small else 224)
    if small and blueprint.pool > 1 and facts.crop is None:
        side = 32 * blueprint.pool
    options, settled = _with_strides(options, blueprint, contents, table)
    resolver = Resolver(options, assembly.state, blueprint.classes, side, choices=choices, settled=settled)
    try:
        resolution = resolver.run(_stated(blueprint, table, facts))
    except ArchitectureError as error:
        raise NotResidual(error.what, matched=len(blueprint.blocks)) from error
    if resolution.normalisation.bgr:
        assembly = _blue_first(assembly)
    architecture, state = name_architecture(resolution.options, blueprint, assembly.state)
    preprocessing = Preprocessing(
        resize=facts.resize or (side if small else round(side / 0.875)),
        crop=side,
        mean=resolution.normalisation.mean,
        deviation=resolution.normalisation.deviation,
        interpolation=facts.interpolation or "bilinear",
    )
    verdicts = (_shape_verdict(blueprint), *resolution.verdicts, *_head_verdicts(blueprint))
    left_over = blueprint.left_over
    if not blueprint.head:
        note = (
            f"It has no head that classifies: its answers are the {blueprint.classes:,} features of its last block. "
            "Explanations and Anatomy work; percentages mean nothing."
        )
        report = replace(report, notes=(*report.notes, note))
    return _finished(
        contents, report, table, facts, architecture, state, preprocessing, assembly.origins, left_over, verdicts
    )


def _as_stack(
    contents: Contents,
    report: Report,
    table: Table,
    stack: tuple[Architecture, tuple[Origin, ...], tuple[str, ...]],
    choices: Mapping[str, str],
) -> Diagnosis:
    """A VGG, AlexNet or GoogLeNet."""
    architecture, origins, left_over = stack
    state = {origin.name: table.tensors[origin.key] for origin in origins}
    facts = read_facts({"file": contents.tree, "beside": contents.facts})
    crop = facts.crop or 224
    offered = [one for one in candidates(architecture.classes) if not one.bgr]
    asked = [one for one in offered if one.title == choices.get("normalisation")]
    title, why = IMAGENET.title, "usual for this network"
    mean, deviation = IMAGENET.mean, IMAGENET.deviation
    if asked:
        title, why, mean, deviation = asked[0].title, "chosen by you", asked[0].mean, asked[0].deviation
    elif facts.normalisation:
        title, why, (mean, deviation) = "as the file says", "the file says so", facts.normalisation
    preprocessing = Preprocessing(resize=facts.resize or round(crop / 0.875), crop=crop, mean=mean, deviation=deviation)
    sureness: Sureness = "sure" if asked or facts.normalisation else "likely"
    others = tuple(one.title for one in offered)
    verdicts = (
        Verdict("architecture", architecture.name, "sure", "every layer has its shape"),
        Verdict("normalisation", title, sureness, why, others=others),
    )
    return _finished(contents, report, table, facts, architecture, state, preprocessing, origins, left_over, verdicts)


def _finished(
    contents: Contents,
    report: Report,
    table: Table,
    facts: Facts,
    architecture: Architecture,
    state: dict[str, Tensor],
    preprocessing: Preprocessing,
    origins: tuple[Origin, ...],
    left_over: tuple[str, ...],
    verdicts: tuple[Verdict, ...],
) -> Diagnosis:
    network = _meta_network(architecture)
    headless = any(origin.name == "fc.weight" and not origin.key for origin in origins)
    labels, source, notes = _labels(contents, architecture, preprocessing, facts, headless=headless)
    if not all(map(_is_finite, state.values())):
        notes = (*notes, "Some of its weights are not finite numbers: its answers will not be, either.")
    same = [origin for origin in origins if not origin.change and origin.key == origin.name]
    renamed = [Renamed(one.key, one.name, one.change) for one in origins if one.key and one not in same]
    made = [Renamed("", origin.name, origin.change) for origin in origins if not origin.key]
    outline = families.get(architecture.family).outline(architecture.name, network)
    done = replace(
        report,
        table=table.title,
        accepted=True,
        title=outline.title,
        family=architecture.family,
        architecture=architecture.name,
        options=dict(architecture.options),
        classes=architecture.classes,
        parameters=parameter_count(network),
        matched=len(same),
        renamed=tuple(renamed),
        made=tuple(made),
        left_over=left_over,
        labels=labels,
        labels_source=source,
        preprocessing={
            "resize": preprocessing.resize,
            "crop": preprocessing.crop,
            "mean": list(preprocessing.mean),
            "deviation": list(preprocessing.deviation),
            "interpolation": preprocessing.interpolation,
        },
        verdicts=verdicts,
        claims=facts.claims,
        notes=(*report.notes, *table.notes, *notes),
        outline=outline,
    )
    return Diagnosis(done, architecture, state, preprocessing)


def _labels(
    contents: Contents, architecture: Architecture, preprocessing: Preprocessing, facts: Facts, *, headless: bool
) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    inside = labels_inside({"file": contents.tree, "beside": contents.facts}, architecture.classes)
    if inside and not headless:
        return inside, "the file itself", ()
    if headless:
        return tuple(f"feature {index}" for index in range(architecture.classes)), "it has no classes", ()
    beside, name, notes = labels_beside(contents.path, architecture.classes)
    if beside:
        return beside, f"{name} beside it", notes
    labels, source = guess_labels(architecture.classes, preprocessing.crop, facts.claims.get("data", ""))
    return labels, source, notes


def _meta_network(architecture: Architecture) -> nn.Module:
    with torch.device("meta"):
        return families.get(architecture.family).build(
            architecture.name, classes=architecture.classes, options=architecture.options
        )


def _is_finite(tensor: Tensor) -> bool:
    """Whether every number is finite; a finite sum says so in one pass."""
    if not tensor.is_floating_point():
        return True
    return bool(torch.isfinite(tensor.float().sum())) or bool(torch.isfinite(tensor).all())


def _check_size(state: Mapping[str, Tensor]) -> None:
    count = sum(tensor.numel() for tensor in state.values())
    if count > _MOST_PARAMETERS:
        what = f"Its network has {count:,} numbers; {_MOST_PARAMETERS:,} are the most that we take in."
        raise ModelError(what, _RIGHT_FILE)


def _check_types(assembly: Assembly) -> None:
    """Refuse weights that are whole numbers: what they stand for, a scale elsewhere says."""
    for origin in assembly.origins:
        dtype = assembly.state[origin.name].dtype
        if not dtype.is_floating_point:
            what = f"Its weights are whole numbers ({origin.key}: {str(dtype).removeprefix('torch.')}), so quantised."
            raise ModelError(what, "Give the weights from before that.")


def _with_strides(
    options: GeneralOptions, blueprint: Blueprint, contents: Contents, table: Table
) -> tuple[GeneralOptions, frozenset[str]]:
    """The strides and the pooling of the stem, where the file says them (ONNX does)."""
    known = {key.removeprefix(table.prefix): stride for key, stride in contents.facts.get("strides", {}).items()}
    firsts = [stage[0] for stage in stages_of(blueprint)]
    if not known or not all(unit.conv.path in known for block in firsts for unit in block.mains):
        return options, frozenset()
    strides = tuple(max(known[unit.conv.path] for unit in block.mains) for block in firsts)
    outer = any(known[block.mains[0].conv.path] > 1 for block in firsts)
    place: Literal["first", "middle", "last"] = "middle"
    if blueprint.kind == "bottleneck":
        place = "first" if outer else "middle"
    elif any(known[block.mains[1].conv.path] > 1 for block in firsts):
        place = "last"
    changed = replace(
        options,
        strides=() if strides == options.all_strides else strides,
        stride_in=place,
        stem_stride=known.get(blueprint.stem[0].conv.path, options.stem_stride),
        stem_pool="MaxPool" in contents.facts.get("operations", ()),
    )
    return changed, frozenset({"stem", "stride", "last stage"})


def _stated(blueprint: Blueprint, table: Table, facts: Facts) -> Normalisation | None:
    """The normalisation where the file says it: part of the network, or among its plain values."""
    if blueprint.normalisation:
        mean, deviation = (table.tensors[key].float().flatten().tolist() for key in blueprint.normalisation)
        if min(deviation) > 0:
            return Normalisation(
                "as the network itself does it", (mean[0], mean[1], mean[2]), (deviation[0], deviation[1], deviation[2])
            )
    if facts.normalisation:
        return Normalisation("as the file says", *facts.normalisation)
    return None


def _shape_verdict(blueprint: Blueprint) -> Verdict:
    kinds = {"post": "", "pre": "pre-activation "}
    answer = f"{kinds[blueprint.activation]}{blueprint.kind} blocks, {len(blueprint.blocks)} of them"
    return Verdict("architecture", answer, "sure", "names and shapes")


def _head_verdicts(blueprint: Blueprint) -> tuple[Verdict, ...]:
    """What is assumed of a head of several layers: activations have no parameters."""
    if len(blueprint.head) < 2:
        return ()
    count = len(blueprint.head)
    answer = (
        f"{count} linear layers, with a ReLU between them" if blueprint.hidden else f"{count} linear layers in a row"
    )
    why = "usual for such names; nothing in the file tells of activations"
    if blueprint.hidden and len(blueprint.head_joined):
        answer = f"{count} linear layers, {len(blueprint.hidden)} of them followed by a ReLU"
    if blueprint.classes in (64, 128, 256, 512) and not blueprint.head_joined:
        why += "; if it was trained without labels, its answers are features, not classes"
    return (Verdict("head", answer, "unsure", why),)


def _blue_first(assembly: Assembly) -> Assembly:
    """The stem for pictures with red first."""
    name = "conv1.0.weight" if "conv1.0.weight" in assembly.state else "conv1.weight"
    state = {**assembly.state, name: assembly.state[name].flip(1)}
    change = "input channels turned from blue, green, red to red, green, blue"
    origins = tuple(replace(one, change=change) if one.name == name else one for one in assembly.origins)
    return Assembly(state, origins)
