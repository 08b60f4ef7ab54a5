"""`models`: which models there are."""

from __future__ import annotations

import sys
from typing import Any

import click

from app.commands.options import FAILED, explained, json_option, print_json


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also those whose weights are not on this machine.")
@json_option
@explained
def command(everything: bool, as_json: bool) -> None:
    """List the models that can be used here, with their accuracy and who measured it."""
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
