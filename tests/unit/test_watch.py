"""`watch` over real videos with the bundled model."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import pytest
from click.testing import CliRunner

from app.commands.watch import command
from app.sources.registry import open_stream
from tests.unit.test_sources_live import write_video


def test_a_video_becomes_a_video_with_heatmaps_a_table_and_json(tmp_path: Path) -> None:
    video, out, table = write_video(tmp_path / "a.avi", "MJPG"), tmp_path / "out.mp4", tmp_path / "out.csv"
    words = [str(video), "--explain", "grad-cam", "--out", str(out), "--csv", str(table), "--frames", "12", "--json"]
    done = CliRunner().invoke(command, [*words, "--device", "cpu"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert [row["frame"] for row in told["frames"]] == list(range(12))
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    assert len(rows) == 12 * 5
    assert float(rows[0]["probability"]) == pytest.approx(told["frames"][0]["predictions"][0]["probability"])
    written = open_stream(str(out))
    assert written.info.frames == 12
    first = written.read()
    written.close()
    before = open_stream(str(video)).read()
    assert first is not None and before is not None
    assert first.pixels.shape == before.pixels.shape
    assert cv2.absdiff(first.pixels, before.pixels).mean() > 1, "the heatmap is in it"


def test_what_cannot_be_watched_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"rubbish" * 100)
    out = tmp_path / "out.mp4"
    done = CliRunner().invoke(command, [str(tmp_path / "bad.mp4"), "--out", str(out), "--device", "cpu"])
    assert done.exit_code == 2
    assert "bad.mp4" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["bad.mp4"]
