"""The paper's claims beside what was measured here: which run speaks for a network, and what counts as ImageNet."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from app import paths
from app.core.errors import DataError
from app.core.paper import comparable
from app.core.responses import LayerResponse, ResponseRecord, list_responses, read_responses, write_responses
from app.evaluation.imagenet import imagenet_rows
from app.runs.folder import DATA, ENVIRONMENT, list_runs, write_json
from app.runs.records import Evaluation
from app.runs.store import RunWriter
from app.training.claims import claims, equally_long, read_row
from app.training.config import Experiment
from app.zoo.cards import list_cards
from tests.ui.judging_help import evaluation
from tests.ui.runs_help import make_run


def config(**changes: object) -> dict[str, object]:
    return {**dataclasses.asdict(Experiment()), **changes}


def test_every_network_of_table_6_and_figure_6_has_its_line() -> None:
    found = claims(())
    assert [one.title for one in found] == [
        "ResNet-20", "Plain-20", "ResNet-32", "Plain-32", "ResNet-44", "Plain-44", "ResNet-56", "Plain-56",
        "ResNet-110", "Plain-110", "ResNet-1202",
    ]  # fmt: skip
    assert [one.reported.test_error for one in found if one.reported] == [8.75, 7.51, 7.17, 6.97, 6.43, 7.93]
    assert not any(one.rows for one in found)


def test_the_run_nearest_to_the_recipe_speaks_then_the_longest(tmp_path: Path) -> None:
    short = make_run(tmp_path / "short", steps=10, data="cifar10", budget_unit="steps")
    long = make_run(tmp_path / "long", steps=30, data="cifar10", budget_unit="steps")
    other = make_run(tmp_path / "other", steps=50, data="cifar10", learning_rate=0.01, budget_unit="steps")
    shapes = make_run(tmp_path / "shapes", steps=99, budget_unit="steps")
    plain = make_run(tmp_path / "plain", steps=10, data="cifar10", shortcut="none", budget_unit="steps")
    rows = [read_row(path) for path in (short, other, shapes, long, plain)]
    found = {one.title: one for one in claims(rows)}
    assert [row.path for row in found["ResNet-20"].rows] == [long, short, other]
    assert [row.path for row in found["Plain-20"].rows] == [plain]
    assert found["ResNet-20"].row is not None and found["ResNet-20"].row.test_error == 14.0


def test_only_networks_that_were_trained_equally_long_are_laid_beside_each_other(tmp_path: Path) -> None:
    paths = [
        make_run(tmp_path / f"{depth}", steps=steps, state=state, data="cifar10", depth=depth, budget_unit="steps")
        for depth, steps, state in (
            (20, 30, "finished"),
            (32, 30, "finished"),
            (56, 90, "finished"),
            (44, 40, "stopped"),
        )
    ]
    rows = [read_row(path) for path in paths]
    assert equally_long(claims(rows)) == 30
    assert equally_long(claims(rows[1:])) == 90, "of two as frequent ones the greater"
    assert equally_long(claims(rows[3:])) == 0, "none is finished"


def test_where_a_run_was_made_is_read_and_folders_of_that_machine_are_left_out(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", data="cifar10")
    assert read_row(run).command == "?"
    command = f"{tmp_path}/main.py train --config {tmp_path}/config.json"
    write_json(run / ENVIRONMENT, {"command": command, "device": "some GPU", "commit": "abc1234", "torch": "9.9"})
    row = read_row(run)
    assert (row.command, row.device, row.commit, row.torch) == (
        "main.py train --config config.json", "some GPU", "abc1234", "9.9",
    )  # fmt: skip


def test_a_run_that_ends_within_an_epoch_is_told_by_its_whole_epochs(tmp_path: Path) -> None:
    """As 64,000 steps of 390 do, after 164 epochs and 40 steps."""
    run = make_run(tmp_path / "run", steps=10, data="cifar10", budget_unit="steps", batch=10)
    write_json(run / DATA, {"train_pictures": 45, "test_pictures": 10})
    writer = RunWriter(run, from_step=0)
    for step, epoch, error in ((4, 1, 60.0), (8, 2, 50.0), (10, 3, 10.0)):
        writer.evaluated(Evaluation(step, epoch, error / 100, error, 0.5, error + 1, 1.0))
    writer.close()
    row = read_row(run)
    assert (row.epochs, row.train_error, row.train_loss, row.test_error) == (2, 50.0, 0.5, 11.0)


@pytest.mark.parametrize(
    ("changes", "tries"),
    [
        ({}, True), ({"shortcut": "none"}, True), ({"gate": 0.0}, True), ({"gate": 0.5}, False),
        ({"shortcut": "B"}, False), ({"data": "cifar100"}, False), ({"block": "bottleneck"}, False),
        ({"start_from": "resnet50"}, False), ({"layout": "imagenet"}, False),
    ],
)  # fmt: skip
def test_what_tries_a_claim_of_the_paper(changes: dict[str, object], tries: bool) -> None:
    assert comparable(config(**changes)) is tries


def test_the_runs_that_come_with_the_program_show_degradation() -> None:
    rows = [read_row(run.path) for run in list_runs(paths.bundled_runs())]
    found = {one.title: one.row for one in claims(rows) if one.row is not None}
    errors = {title: row.train_error for title, row in found.items()}
    assert errors["Plain-56"] > errors["Plain-20"] > errors["ResNet-20"]
    assert len({row.steps for row in found.values()}) == 1


def record(title: str = "Some net", model: str = "some") -> ResponseRecord:
    layers = (LayerResponse("a", 3, 1.0), LayerResponse("b", 1, 2.0))
    return ResponseRecord(model, title, True, "data.npz", 5, layers, "2026-01-01", "CPU", "python main.py …")


def test_records_of_responses_are_kept_and_the_users_replaces_the_programs(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    path = write_responses(ours, record())
    assert read_responses(path) == record()
    write_responses(ours, record("Another", "another"))
    write_responses(theirs, record("Some net, again"))
    found, problems = list_responses(ours, theirs, tmp_path / "nowhere")
    assert [one.title for one in found] == ["Another", "Some net, again"] and not problems
    path.write_text('{"model": "x"}', encoding="utf-8")
    (theirs / "broken.responses.json").write_text("{", encoding="utf-8")
    _found, problems = list_responses(ours, theirs)
    assert [Path(str(one).split(" is no record")[0]).name for one in problems] == [path.name, "broken.responses.json"]


def test_records_of_models_and_folders_of_the_same_name_are_kept_apart(tmp_path: Path) -> None:
    one, a, b = record("Best", "best.pth"), str(tmp_path / "a" / "best.pth"), str(tmp_path / "b" / "best.pth")
    folder, data = tmp_path / "kept", tmp_path / "val"
    command = "python main.py anatomy a/best.pth --responses --data data.npz"
    old = write_responses(folder, dataclasses.replace(one, command=command))
    written = {
        write_responses(folder, one, reference=b, data=data),
        write_responses(folder, one, reference=b, data=tmp_path / "other" / "val"),
    }
    assert len(written) == 2 and old.is_file()  # the earlier one is of another model
    again = write_responses(folder, dataclasses.replace(one, title="Best, again"), reference=b, data=data)
    assert again in written
    assert write_responses(folder, one, reference=a, data=data) not in written
    assert not old.exists(), "measured again: its record with the names alone is replaced"
    assert sorted(found.title for found in list_responses(folder)[0]) == ["Best", "Best", "Best, again"]
    names = [write_responses(tmp_path / "names", record(model=name), reference=name, data=data) for name in "ёж"]
    assert len(set(names)) == 2


def test_the_users_record_of_a_bundled_model_replaces_the_programs(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    write_responses(ours, record())
    write_responses(theirs, record("Again"), reference="some", data=tmp_path / "data.npz")
    assert [one.title for one in list_responses(ours, theirs)[0]] == ["Again"]


def test_what_cannot_be_kept_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(DataError, match="cannot be written"):
        write_responses(tmp_path / "file", record())


def test_the_bundled_records_are_of_bundled_models() -> None:
    found, problems = list_responses(paths.bundled_responses())
    assert not problems
    titles = {card.id: card.title for card in list_cards() if card.kind == "bundled"}
    assert {one.model: one.title for one in found}.items() <= titles.items()
    assert {len(one.of_figure_7) for one in found} == {19, 55, 109}
    mean = {(len(one.of_figure_7), one.residual): one.mean for one in found}
    # Figure 7: residual networks respond less, and deeper ones less again.
    assert mean[109, True] < mean[55, True] < mean[19, True] < mean[19, False] < mean[55, False]


def test_only_an_evaluation_on_all_classes_stands_beside_imagenet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESNET_EXPLORER_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("app.evaluation.imagenet.CLASSES", 10)
    made = evaluation(tmp_path / "data")
    assert not any(row.records for row in imagenet_rows())  # of another model
    from app.evaluation.records import read_verdicts, write_record

    verdicts = read_verdicts(paths.user_data() / "evaluations" / made.id)
    write_record(dataclasses.replace(made, id="whole", model="resnet50:V2"), verdicts)
    few = (dataclasses.replace(made.rows[0], pictures=0), *made.rows[1:])
    write_record(dataclasses.replace(made, id="few", model="resnet50:V1", rows=few), verdicts)
    found = {row.network: row for row in imagenet_rows()}
    assert [one.id for one in found["ResNet-50"].records] == ["whole"]
    assert {card.id for card in found["ResNet-50"].weights} == {"resnet50:V1", "resnet50:V2"}
    assert not found["ResNet-34"].records and len(found["ResNet-34"].paper) == 5
