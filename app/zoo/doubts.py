"""What names and shapes cannot tell: each question with its possible answers, decided by batch-norm statistics.

Which mean and deviation were the pictures normalised with? Where does option A put its zeros, or is there no shortcut
at all? Does the stem pool? In which convolution of a bottleneck is the stride? None of these has a parameter. Each
answer is tried on pictures with natural statistics, and the one under which the network's activations agree best with
its stored batch-norm statistics is taken; see `app.zoo.statistics` and `app.zoo.pictures`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from app.networks.general_resnet import GeneralOptions, GeneralResNet
from app.zoo.answers import last_title, padding_title, projection_title, reads_title, stem_title, stride_title
from app.zoo.assembly import EPSILON, check_fit
from app.zoo.first_norm import first_disagreements
from app.zoo.normalisations import IMAGENET, Normalisation, candidates
from app.zoo.pictures import dead_leaves, shifted, zoomed
from app.zoo.statistics import disagreement, has_statistics, inputs_of
from app.zoo.verdict import Sureness, Verdict

View = Callable[[Tensor], Tensor]

_SURE, _LIKELY = 1.5, 1.15
_CLEAR = 3.0
_NOISE = 0.01  # nats per channel: what agrees better by less does so by the choice of pictures
_WEAK = 0.05  # the same for where a stride is, of which batch norms see little
_WORST = 0.5  # nats per channel in the first layers, beyond which no answer explains the file
_GOOD, _POOR = 0.15, 0.5  # nats per channel over all layers
_LITTLE_SEEN = ("stride", "last stage")  # questions of which batch norms see little
_EARLY = 3
_USUAL_STAGES = 4
_SHORTLIST = 4
_MOST_WORK = 2e9  # multiply-adds for one try
_FEWEST, _MOST = 4, 64
_LARGE_SIDE = 128  # instead of 224: statistics of a network hardly depend on it, time does
_EARLY_SIDE = 64  # for the first layers
_MOST_EVER = 8e9  # multiply-adds for one picture, beyond which nothing is tried
_MOST_SECONDS = 12.0  # of processor time, after which no more questions are begun
_MOST_BYTES = 2**28  # of one feature map of all pictures


@dataclass(frozen=True)
class Resolution:
    """Every question decided."""

    options: GeneralOptions
    normalisation: Normalisation
    verdicts: tuple[Verdict, ...]


class Resolver:
    """Decides what shapes leave open.

    Args:
        options: The shape of the network, with usual answers.
        state: Its weights under our names.
        classes: How many logits.
        side: Of its input, in pixels.
        choices: The user's answers, by question, worded as a ranking words them.
        settled: Questions that the file answers itself.
    """

    def __init__(
        self,
        options: GeneralOptions,
        state: Mapping[str, Tensor],
        classes: int,
        side: int,
        *,
        choices: Mapping[str, str],
        settled: frozenset[str] = frozenset(),
    ) -> None:
        self.options = options
        self.state = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
        self.classes = classes
        self.choices = choices
        self.settled = settled
        self.side = side if side <= 64 else _LARGE_SIDE
        self.normalisation = IMAGENET
        self.seen_as: View = _as_it_is
        self.verdicts: list[Verdict] = []
        self._scores: dict[tuple[GeneralOptions, int | None, int | None, bool], float] = {}
        self._networks: dict[GeneralOptions, nn.Module] = {}
        self._until = time.process_time() + _MOST_SECONDS
        self._entering: dict[int, Tensor] = {}  # what enters a stage

    def run(self, known: Normalisation | None) -> Resolution:
        """Decide.

        Args:
            known: The normalisation, where the file says it.
        """
        with _some_threads():
            return self._run(known)

    def _run(self, known: Normalisation | None) -> Resolution:
        chosen = [one for one in candidates(self.classes) if one.title == self.choices.get("normalisation")]
        known = chosen[0] if chosen else known
        if not has_statistics(self.network(self.options)):
            self._without_statistics(known, "the file has no batch-norm statistics to compare with")
            return Resolution(self.options, self.normalisation, tuple(self.verdicts))
        if self._work() > _MOST_EVER or 4 * _FEWEST * self._largest_map() > _MOST_BYTES:
            self._without_statistics(known, "the network is too large to try answers on")
            return Resolution(self.options, self.normalisation, tuple(self.verdicts))
        shortlist = self._ranked(candidates(self.classes) if chosen or not known else (known,), first=1)
        if known in shortlist:  # the user's choice leads; the others stay to be seen
            shortlist = {known: shortlist[known], **shortlist}
        self.normalisation, (_, self.seen_as) = next(iter(shortlist.items()))
        self._stem()
        # Large inputs cost time, and the first norm has told by then which view explains a normalisation best.
        views = {one: view for one, (_, view) in shortlist.items()} if self.side > _EARLY_SIDE else None
        self._normalisation(known, tuple(shortlist)[:_SHORTLIST], views)
        self._shortcut()
        self._inside()
        self._last_stage()
        self._agreement()
        return Resolution(self.options, self.normalisation, tuple(self.verdicts))

    def network(self, options: GeneralOptions) -> nn.Module:
        """The file's network, with these answers; the weights are shared by all."""
        if options not in self._networks:
            with torch.device("meta"):
                network = GeneralResNet(self.classes, options)
            check_fit(network, self.state)
            network.load_state_dict(self.state, assign=True)
            self._networks[options] = network.eval().requires_grad_(False)
        return self._networks[options]

    def _without_statistics(self, known: Normalisation | None, why: str) -> None:
        self.normalisation = known or IMAGENET
        others = self._others()
        self.verdicts.append(
            Verdict("normalisation", known.title, "sure", self._said(known), others=others)
            if known
            else Verdict("normalisation", IMAGENET.title, "unsure", why, others=others)
        )
        tries = self._shortcuts()
        asked = [one for one in tries if padding_title(one) == self.choices.get("shortcut")]
        if tries and (self.options.shortcut == "A" or asked):
            self.options = asked[0] if asked else tries[0]
            sureness: Sureness = "sure" if asked else "unsure"
            titles = tuple(map(padding_title, tries))
            said = "chosen by you" if asked else why
            self.verdicts.append(Verdict("shortcut", padding_title(self.options), sureness, said, others=titles))

    def _others(self) -> tuple[str, ...]:
        """Every normalisation that may be chosen."""
        return tuple(one.title for one in candidates(self.classes))

    def _said(self, known: Normalisation) -> str:
        return "chosen by you" if known.title == self.choices.get("normalisation") else "the file says so"

    def _normalisation(
        self,
        known: Normalisation | None,
        shortlist: tuple[Normalisation, ...],
        views: Mapping[Normalisation, View] | None,
    ) -> None:
        best = self._ranked(shortlist, _EARLY, views)
        self.normalisation = known or next(iter(best))
        self.seen_as = best[self.normalisation][1]
        ranking = tuple((one.title, score) for one, (score, _) in best.items())
        if known:
            verdict = Verdict("normalisation", known.title, "sure", self._said(known), ranking, self._others())
            self.verdicts.append(verdict)
        else:
            self._decide("normalisation", ranking, "agreement with the first batch norms", others=self._others())

    def _ranked(
        self, tries: tuple[Normalisation, ...], first: int, views: Mapping[Normalisation, View] | None = None
    ) -> dict[Normalisation, tuple[float, View]]:
        """Each with its disagreement, under the view of training pictures that explains it best; the best first.

        Args:
            views: The only view to try of each; None to try all.
        """
        network = self.network(self.options)
        pictures = self._pictures(early=True)
        best: dict[Normalisation, tuple[float, View]] = {}
        for seen_as in _VIEWS:
            seen = seen_as(pictures)
            wanted = [one for one in tries if views is None or views[one] is seen_as]
            scores = first_disagreements(network, seen, wanted) if first == 1 and wanted else None
            for place, normalisation in enumerate(wanted):
                score = (
                    scores[place] if scores else _mean(disagreement(network, normalisation.apply(seen), first=first))
                )
                if normalisation not in best or score < best[normalisation][0]:
                    best[normalisation] = (score, seen_as)
        return dict(sorted(best.items(), key=lambda item: item[1][0]))

    def _stem(self) -> None:
        """Stride and pooling of the stem: usual for its kernel, unless another fits clearly better."""
        options = self.options
        usual = (options.stem_stride, options.stem_pool)
        pairs = [(1, False), (1, True), (2, False), (2, True)]
        pairs.sort(key=lambda pair: pair != usual)
        tries = [replace(options, stem_stride=stride, stem_pool=pool) for stride, pool in pairs]
        since = len(options.stem) - (0 if options.stem_norm else 1)
        self._choose("stem", tries, stem_title, norms=slice(since, since + 3))

    def _shortcut(self) -> None:
        """Where option A puts its zeros; or no shortcut at all, which has the same parameters."""
        if tries := self._shortcuts():
            self._choose("shortcut", tries, padding_title)

    def _shortcuts(self) -> list[GeneralOptions]:
        """The possible shortcuts, the usual one first; none where the file has projections, which say it."""
        options = self.options
        tries = [options]
        if options.shortcut == "A":
            paddings: tuple[Literal["symmetric", "end", "average"], ...] = ("symmetric", "end", "average")
            tries = [replace(options, padding=padding) for padding in paddings]
        elif any("downsample" in name for name in self.state):
            return []
        return [*tries, replace(options, shortcut="none")]

    def _inside(self) -> None:
        """Inside the blocks: which convolution has the stride, and what the projection reads."""
        options = self.options
        projects = options.shortcut in ("B", "C")
        first, last = self._norms_of_second_stage()
        if options.shortcut != "none" and options.activation == "pre":  # what the shortcut reads changes all after it
            reads: tuple[Literal["raw", "activated"], ...] = ("raw", "activated")
            tries = [replace(options, projects=read) for read in reads]
            self._choose("reads", tries, reads_title, norms=slice(0, last + 2))
        if options.stages > 1:
            places: tuple[Literal["middle", "first", "last"], ...] = ("middle", "first")
            if options.block == "basic":
                places = ("middle", "last")
            elif self.normalisation.bgr:  # Caffe's networks have it there
                places = ("first", "middle")
            tries = [replace(self.options, stride_in=place) for place in places]
            self._choose("stride", tries, stride_title, norms=slice(first, last))
        if projects and options.stages > 1:
            ways: tuple[Literal["stride", "average"], ...] = ("stride", "average")
            tries = [replace(self.options, projection=way) for way in ways]
            # The projection's own norm, or, where it has none, those of the block after it.
            own = any(
                not bool((tensor - 1 + EPSILON).abs().max() < EPSILON)
                for name, tensor in self.state.items()
                if name.endswith("downsample.1.running_var")
            )
            own = own and options.activation == "post"
            seen = slice(last - 1, last) if own else slice(last - 1, last + 2)
            self._choose("projection", tries, projection_title, norms=seen)

    def _last_stage(self) -> None:
        """Whether the last stage keeps the picture's size, where it does not behave as if it halved it.

        Networks that find people again do so; and what looks like a stage may be wider blocks of the one before.
        """
        options = self.options
        usual = options.all_strides
        if usual[-1] == 1 or options.stages < 2:
            return
        tries = [options, replace(options, strides=(*usual[:-1], 1))]
        self._choose("last stage", tries, last_title)

    def _agreement(self) -> None:
        """How well the rebuilt network agrees over all: what no answer explains is a layer that we do not know of."""
        score = self._score(self.options, slice(None))
        sureness: Sureness = "sure" if score < _GOOD else "likely" if score < _POOR else "unsure"
        words = {
            "sure": "the network behaves as its batch norms remember",
            "likely": "the network behaves nearly as its batch norms remember",
            "unsure": "the network does not behave as its batch norms remember: it may have had layers without "
            "parameters that nothing in the file tells of",
        }
        why = f"{score:.3f} nats per channel over all batch norms"
        self.verdicts.append(Verdict("agreement", words[sureness], sureness, why))

    def _choose(
        self,
        question: str,
        tries: list[GeneralOptions],
        title: Callable[[GeneralOptions], str],
        *,
        norms: slice | None = None,
    ) -> None:
        """Try options; the first of them is the usual answer and stays unless another agrees clearly better."""
        if question in self.settled:
            self.verdicts.append(Verdict(question, title(tries[0]), "sure", "the file says so"))
            return
        if time.process_time() > self._until:
            self.verdicts.append(Verdict(question, title(tries[0]), "unsure", "there was no time left to try answers"))
            return
        scores = [self._score_for(question, one, norms) for one in tries]
        order = sorted(range(len(tries)), key=lambda place: scores[place])
        weak = question in _LITTLE_SEEN and scores[0] < _CLEAR * scores[order[0]]
        least = scores[order[0]] + (_WEAK if weak else _NOISE)
        better = scores[0] > (_SURE if weak else _LIKELY) * scores[order[0]] and scores[0] > least
        open_ = question == "shortcut" or (question == "last stage" and self.options.stages > _USUAL_STAGES)
        chosen = order[0] if better or open_ else 0
        ranking = tuple((title(tries[place]), scores[place]) for place in order)
        asked = [place for place in order if title(tries[place]) == self.choices.get(question)]
        if asked:
            self.options = tries[asked[0]]
            self.verdicts.append(Verdict(question, title(self.options), "sure", "chosen by you", ranking))
            return
        self.options = tries[chosen]
        if question in _LITTLE_SEEN and chosen == 0 and not open_ and scores[0] < scores[order[0]] + _WEAK:
            why = "usual; batch norms see little of it"
            self.verdicts.append(Verdict(question, title(self.options), "likely", why, ranking))
            return
        self._decide(question, ranking, "agreement with the batch norms", answer=title(tries[chosen]))

    def _score(self, options: GeneralOptions, norms: slice, *, early: bool = False) -> float:
        """The mean disagreement of some norms; what was worked out already is not worked out again."""
        key = (options, norms.start, norms.stop, early)
        if key not in self._scores:
            pictures = self.normalisation.apply(self.seen_as(self._pictures(early=early)))
            self._scores[key] = _mean(disagreement(self.network(options), pictures, first=norms.stop)[norms])
        return self._scores[key]

    def _score_for(self, question: str, options: GeneralOptions, norms: slice | None) -> float:
        """The mean disagreement of the norms that a question is about."""
        if question == "last stage":
            return _mean(self._seen_in_stage(options, options.stages))
        if norms and question in ("stride", "projection"):
            before, _ = self._norms_of_second_stage()
            return _mean(self._seen_in_stage(options, 2, first=norms.stop - before)[norms.start - before :])
        return self._score(options, norms or slice(None), early=question == "stem")

    def _seen_in_stage(self, options: GeneralOptions, stage: int, first: int | None = None) -> tuple[float, ...]:
        """The disagreements of a stage's norms; what comes before it is computed once for all answers."""
        name = f"layer{stage}"
        if stage not in self._entering:
            pictures = self.normalisation.apply(self.seen_as(self._pictures(early=False)))
            self._entering[stage] = inputs_of(self.network(options), name, pictures)
        return disagreement(self.network(options).get_submodule(name), self._entering[stage], first=first)

    def _decide(
        self,
        question: str,
        ranking: tuple[tuple[str, float], ...],
        why: str,
        answer: str = "",
        others: tuple[str, ...] = (),
    ) -> None:
        verdict = Verdict(question, answer or ranking[0][0], "unsure", why, ranking, others)
        margin = verdict.margin or 1.0
        fits = ranking[0][1] < _WORST and verdict.answer == ranking[0][0]
        sureness: Sureness = "sure" if margin >= _SURE else "likely" if margin >= _LIKELY else "unsure"
        self.verdicts.append(replace(verdict, sureness=sureness if fits else "unsure"))

    def _norms_of_second_stage(self) -> tuple[int, int]:
        """The places, in the signal's order, of the norms in the first block of stage 2."""
        norms = [name for name in self.state if name.endswith("running_var")]
        first = sum(name.startswith(("conv1.", "bn1.", "layer1.")) for name in norms)
        return first, first + sum(name.startswith("layer2.0.") for name in norms)

    def _pictures(self, *, early: bool) -> Tensor:
        if early:
            return dead_leaves(_MOST, self.side) if self.side <= 32 else dead_leaves(16, _EARLY_SIDE)
        if self._work() > _MOST_EVER / 2:
            return dead_leaves(2, self.side)
        count = int(min(_MOST, max(_FEWEST, _MOST_WORK / max(self._work(), 1))))
        return dead_leaves(count // 4 * 4, self.side)

    def _work(self) -> float:
        """Multiply-adds of one forward pass, roughly."""
        options, side = self.options, self.side / self.options.stem_stride
        work = 3 * options.stem_kernel**2 * options.stem[0] * side**2
        for stage, side in enumerate(self._sides()):
            convs = (t for name, t in self.state.items() if name.startswith(f"layer{stage + 1}.") and t.dim() == 4)
            work += sum(conv.numel() for conv in convs) * side**2
        return work

    def _largest_map(self) -> float:
        """Numbers in the largest feature map of one picture, roughly."""
        options, side = self.options, self.side / self.options.stem_stride
        maps = [max(options.stem) * side**2]
        maps += [
            max(options.outputs[stage], options.widths[stage]) * side**2 for stage, side in enumerate(self._sides())
        ]
        return max(maps)

    def _sides(self) -> list[float]:
        """Of each stage's feature maps."""
        options = self.options
        side = self.side / options.stem_stride / (2 if options.stem_pool else 1)
        sides = []
        for stage in range(options.stages):
            side /= options.all_strides[stage]
            sides.append(side)
        return sides


@contextmanager
def _some_threads() -> Iterator[None]:
    """Half of the usual threads: where others use the machine too, threads that wait for each other take ten times as
    long (measured on two cores: ResNet-50 in 11 s instead of 1.1)."""
    usual = torch.get_num_threads()
    torch.set_num_threads(max(1, usual // 2))
    try:
        yield
    finally:
        torch.set_num_threads(usual)


def _as_it_is(pictures: Tensor) -> Tensor:
    return pictures


_VIEWS: tuple[View, ...] = (_as_it_is, shifted, zoomed)


def _mean(values: tuple[float, ...]) -> float:
    return sum(values) / len(values) if values else 0.0
