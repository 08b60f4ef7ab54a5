"""`models`: which models there are; inspect, add, show, download and remove them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.commands.options import FAILED, explained, json_option, print_json

if TYPE_CHECKING:
    from app.zoo.cards import Card


@click.group(invoke_without_command=True)
@click.option("--all", "everything", is_flag=True, help="Also those whose weights are not on this machine.")
@json_option
@click.pass_context
@explained
def command(ctx: click.Context, everything: bool, as_json: bool) -> None:
    """List the models that can be used here, with their accuracy and who measured it; or do one of the following."""
    if ctx.invoked_subcommand is None:
        _list(everything, as_json)


def _list(everything: bool, as_json: bool) -> None:
    from app.zoo.cards import read_library

    library = read_library()
    entries: list[dict[str, Any]] = []
    for card in library.cards:
        if not (card.available or everything):
            continue
        best = card.accuracy[0] if card.accuracy else None
        entries.append(
            {
                "id": card.id,
                "title": card.title,
                "kind": card.kind,
                "here": card.available,
                "weights": str(card.weights_path),
                "classes": len(card.labels),
                "top1": best.top1 if best else None,
                "data": best.data if best else None,
                "origin": best.origin if best else None,
            }
        )
    if as_json:
        print_json(entries)
    else:
        for entry in entries:
            accuracy = "" if entry["top1"] is None else f"{entry['top1']:.2f} % top-1 on {entry['data']}"
            click.echo(f"{entry['id']:28} {entry['title']:32} {accuracy} ({entry['origin'] or 'not measured'})")
        hidden = sum(not card.available for card in library.cards)
        if hidden and not everything:
            click.echo(f"{hidden} more are published; “models --all” lists them.", err=True)
    for problem in library.problems:
        click.echo(f"resnet-explorer: {problem}", err=True)
    if library.problems:
        sys.exit(FAILED)


def _choices(_ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """“shortcut=option A, zero channels at the end” as (question, answer)."""
    for value in values:
        if "=" not in value:
            raise click.BadParameter(f"“{value}” is not QUESTION=ANSWER")
    return {question.strip(): answer.strip() for question, _, answer in (value.partition("=") for value in values)}


def _at_hand(file: Path) -> Path:
    """The file itself, or the folder into which a model of the Hugging Face Hub was fetched."""
    from app.zoo.hugging_face import fetch, is_hub_name

    reference = file.as_posix()
    return fetch(reference) if is_hub_name(reference) and not file.exists() else file


preprocessing_option = click.option(
    "--preprocessing",
    metavar="TITLE",
    default="",
    help="The normalisation to use instead of the inferred one, as a report's ranking words it.",
)
choose_option = click.option(
    "--choose",
    "choices",
    metavar="QUESTION=ANSWER",
    multiple=True,
    callback=_choices,
    help="The answer to another question, as a report's ranking words it. May be repeated.",
)


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@preprocessing_option
@choose_option
@json_option
@explained
def inspect(file: Path, preprocessing: str, choices: dict[str, str], as_json: bool) -> None:
    """Say what a file or folder of weights is. Nothing in it runs. Exit code 1 where it is refused.

    FILE may also be hf:OWNER/NAME, a model of the Hugging Face Hub, where the package huggingface_hub is installed.
    """
    from app.commands.model_report import report_lines
    from app.engine.library import inspect as look

    inspection = look(str(_at_hand(file)), _with(choices, preprocessing))
    if as_json:
        guesses = [{"class": name, "probability": share} for name, share in inspection.guesses]
        seconds = round(inspection.seconds, 3)
        print_json(inspection.report.as_json() | {"sample": {"file": "cat.jpg", "top": guesses}, "seconds": seconds})
    else:
        click.echo("\n".join(report_lines(inspection)))
    if not inspection.report.accepted:
        sys.exit(FAILED)


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="Its id in the library; made from the file's name where not given.")
@click.option(
    "--classes", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Class names: one a line, or JSON."
)
@preprocessing_option
@choose_option
@json_option
@explained
def add(
    file: Path, name: str | None, classes: Path | None, preprocessing: str, choices: dict[str, str], as_json: bool
) -> None:
    """Take a file of weights into your library, as safetensors with a card. The file itself is left as it is.

    FILE may also be hf:OWNER/NAME, a model of the Hugging Face Hub, where the package huggingface_hub is installed.
    """
    from app.engine.library import take_in

    folder = _at_hand(file)
    if folder != file and name is None:
        from app.zoo.adding import free_name
        from app.zoo.hugging_face import name_on_hub

        name = free_name(name_on_hub(file.as_posix()))
    card = take_in(str(folder), name or "", str(classes or ""), _with(choices, preprocessing))
    if as_json:
        print_json({"id": card.id, "title": card.title, "folder": str(card.folder), "limits": card.limits})
    else:
        click.echo(f"{card.id}: {card.title}, in {card.folder}")
        click.echo(card.limits)


@command.command()
@click.argument("reference", metavar="ID")
@click.option("--mirror", metavar="ADDRESS", help="A folder with the same files, for closed networks.")
@explained
def download(reference: str, mirror: str | None) -> None:
    """Get a published model's weights. Ctrl+C stops; the next time it goes on from there.

    Proxies are those of the environment (https_proxy, no_proxy); a mirror can also be set for good, with the
    environment variable RESNET_EXPLORER_MIRROR or in the window.
    """
    from app.commands.model_report import ProgressLine
    from app.zoo.cards import find_card
    from app.zoo.download import download as fetch
    from app.zoo.download import mirror_setting

    card = find_card(reference)
    line = ProgressLine(card)
    try:
        path = fetch(card, on_progress=line.show, mirror=mirror or mirror_setting())
    except KeyboardInterrupt:
        line.end()
        click.echo("Stopped. What came so far is kept; the same command goes on from there.", err=True)
        sys.exit(FAILED)
    finally:
        line.end()
    click.echo(str(path))


@command.command()
@click.argument("reference", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@explained
def remove(reference: str, yes: bool) -> None:
    """Delete one of your models, or the weights of a downloaded one."""
    from app.zoo.cards import find_card
    from app.zoo.removing import remove_model

    card = find_card(reference)
    if not yes:
        click.confirm(f"Delete {card.weights_path if card.kind == 'published' else card.folder}?", abort=True)
    remove_model(card)
    click.echo(f"{card.id} is gone.")


@command.command()
@click.argument("reference", metavar="ID")
@json_option
@explained
def show(reference: str, as_json: bool) -> None:
    """Print a model's whole card."""
    from app.commands.model_report import card_lines
    from app.zoo.cards import find_card

    card = find_card(reference)
    if as_json:
        print_json(_card_table(card))
    else:
        click.echo("\n".join(card_lines(card)))


def _card_table(card: Card) -> dict[str, Any]:
    from dataclasses import asdict

    table = asdict(card)
    table |= {"folder": str(card.folder), "weights_path": str(card.weights_path), "here": card.available}
    return table


def _with(choices: dict[str, str], preprocessing: str) -> dict[str, str]:
    return choices | ({"normalisation": preprocessing} if preprocessing else {})
