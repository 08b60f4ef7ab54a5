"""The packaging's pure parts: what goes in and stays out, what systems are told, what is released."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import app

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "packaging"))

import bundle  # noqa: E402 - scripts beside each other, not a package
import bundle_contents  # noqa: E402
import bundle_identity  # noqa: E402
import check_bundle  # noqa: E402
import check_tag  # noqa: E402
import ci_bundle  # noqa: E402
import elf  # noqa: E402
import linux_packages  # noqa: E402
import macos_package  # noqa: E402
import prepare_release  # noqa: E402
import release_matrix  # noqa: E402
import windows_installer  # noqa: E402

from app.cli import VERBS  # noqa: E402
from app.sources.files import PICTURE_SUFFIXES  # noqa: E402
from app.ui.model_library import CHECKPOINT_SUFFIXES  # noqa: E402
from app.ui.shell import PAGES  # noqa: E402

# ---- what goes in


def test_every_plug_in_verb_and_page_goes_in() -> None:
    modules = set(bundle_contents.app_modules())
    for path in (ROOT / "app").rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        assert ".".join(parts[:-1] if parts[-1] == "__init__" else parts) in modules
    assert {f"app.commands.{verb}" for verb in VERBS} <= modules
    assert {page.module for page in PAGES} <= modules


def test_the_programs_own_files_go_in_without_the_scripts_that_made_them() -> None:
    files = {f"{folder}/{path.name}" for path, folder in bundle_contents.data_files()}
    assert {"app/zoo/known.toml", "app/zoo/imagenet.txt", "models/cifar10-resnet20/weights.safetensors"} <= files
    assert {"assets/samples/cat.jpg", "assets/icon/resnet-explorer.svg", "./LICENSE"} <= files
    assert not [name for name in files if name.endswith((".py", ".pyc"))]


def test_nothing_that_the_program_imports_is_excluded() -> None:
    for path in [*(ROOT / "app").rglob("*.py"), ROOT / "main.py"]:
        if "bench" in path.parts:
            continue  # compares with other libraries where they are installed
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for name in names:
                assert not bundle_contents.excluded(name), f"{path} imports {name}, which the bundle excludes"


@pytest.mark.parametrize(
    ("path", "stays_out"),
    [
        ("nvidia/cu13/lib/libcusolverMg.so.12", True),
        ("nvidia/cu13/lib/libnvrtc.alt.so.13", True),
        ("nvidia/cu13/lib/libnvrtc.so.13", False),
        ("nvidia/cu13/lib/libcublasLt.so.13", False),
        ("nvidia/cudnn/lib/libcudnn_engines_precompiled.so.9", False),
        ("nvidia/cudnn/lib/libcudnn_ext.so.9", True),
        ("nvidia/nccl/lib/libnccl.so.2", False),
        ("torch/include/ATen/ATen.h", True),
        ("torch\\include\\ATen\\ATen.h", True),
        ("torch/lib/libtorch_cpu.so", False),
        ("torch/nn/modules/conv.py", False),
        ("torchvision/_C_stable.so", False),
        ("PySide6/Qt/plugins/platforms/libqxcb.so", False),
        ("PySide6/Qt/plugins/platforms/libqeglfs.so", True),
        ("PySide6/Qt/lib/libQt6Quick.so.6", True),
        ("PySide6/Qt/lib/libQt6Gui.so.6", False),
        ("PySide6/Qt/translations/qtbase_de.qm", True),
        ("libX11.so.6", True),
        ("libfontconfig.so.1", True),
        ("libxcb-cursor.so.0", False),
        ("libstdc++.so.6", False),
        ("libfreetype-57f805ba.so.6.20.6", False),
        ("models/cifar10-resnet20/card.toml", False),
    ],
)
def test_what_stays_out(path: str, stays_out: bool) -> None:
    assert bool(bundle_contents.why_left_out(path)) is stays_out


def test_no_part_of_the_program_calls_the_linear_algebra_that_the_gpu_cannot_do_in_a_bundle() -> None:
    """libtorch_cuda_linalg stays out: whoever needs it must let it in again (bundle_contents.LEFT_OUT)."""
    wanted = {"svd", "svdvals", "eig", "eigh", "eigvals", "eigvalsh", "qr", "cholesky", "solve", "lstsq", "inv", "pinv"}
    wanted |= {"pinverse", "inverse", "matrix_rank", "slogdet", "det", "orthogonal_", "pca_lowrank", "svd_lowrank"}
    for path in (ROOT / "app").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "import torch" not in text and "from torch" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Attribute) and node.attr in wanted:
                owner = ast.unparse(node.value)
                assert not owner.startswith(("torch", "nn.init")), f"{path}:{node.lineno} calls {owner}.{node.attr}"


def test_torch_goes_in_without_its_tests(tmp_path: Path) -> None:
    for name in ("__init__", "nn/__init__", "testing/__init__", "testing/_internal/__init__", "scripts/tool"):
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    for name in ("testing/_internal/common_utils", "testing/_internal/logging_tensor", "utils/benchmark/x"):
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (tmp_path / "utils" / "__init__.py").write_text("")
    (tmp_path / "utils" / "benchmark" / "__init__.py").write_text("")
    assert set(bundle_contents.torch_modules(tmp_path)) == {
        "torch", "torch.nn", "torch.testing", "torch.testing._internal", "torch.testing._internal.logging_tensor",
        "torch.utils",
    }  # fmt: skip


def test_captum_explains_with_the_stand_in_for_matplotlib() -> None:
    code = (
        "import runpy; runpy.run_path('packaging/hooks/without_matplotlib.py')\n"
        "from app.explain.registry import explanations; explanations.names()\n"
        "import matplotlib.pyplot, sys\n"
        "assert not hasattr(matplotlib, '__version__') and 'numpy' in sys.modules\n"
        "try: matplotlib.pyplot.subplots()\n"
        "except RuntimeError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "This bundle of ResNet Explorer has no matplotlib.", done.stderr


# ---- what libraries ask for


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads a Linux program")
def test_an_elf_file_is_read_as_the_systems_tools_read_it() -> None:
    program = Path(sys.executable).resolve()
    links = elf.read(program)
    assert "libc.so.6" in links.needed
    assert links.glibc >= (2, 2)
    assert elf.is_elf(program)
    if shutil.which("readelf"):
        told = subprocess.run(["readelf", "-d", program], capture_output=True, text=True, check=True).stdout
        assert told.count("(NEEDED)") == len(links.needed)
        assert all(f"[{name}]" in told for name in links.needed)


@pytest.mark.parametrize("data", [b"", b"#!/bin/sh\n", b"\x7fELF\x01\x01" + bytes(60)])
def test_other_files_are_not_elf(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    assert not elf.is_elf(path)
    if data:
        with pytest.raises(ValueError, match="is not an ELF file"):
            elf.read(path)


def test_damaged_elf_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.so"
    path.write_bytes(b"\x7fELF\x02\x01" + bytes([255]) * 40)
    with pytest.raises(ValueError, match=r"broken\.so is damaged"):
        elf.read(path)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux libraries")
def test_libraries_that_only_left_out_files_wanted_go_too(tmp_path: Path) -> None:
    program = str(Path(sys.executable).resolve())
    (tmp_path / "data.txt").write_text("")
    wanted = elf.read(Path(program)).needed[0]
    entries = [
        ("pkg/module.so", program, "EXTENSION"),
        (wanted, str(tmp_path / "data.txt"), "BINARY"),
        ("libgtk-3.so.0", str(tmp_path / "data.txt"), "BINARY"),
        ("libpython3.11.so.1.0", str(tmp_path / "data.txt"), "BINARY"),
        ("libQt6Core.so.6", "PySide6/Qt/lib/libQt6Core.so.6", "SYMLINK"),
        ("data.txt", str(tmp_path / "data.txt"), "DATA"),
    ]
    assert bundle_contents.unneeded(entries) == {"libgtk-3.so.0", "libQt6Core.so.6"}


def test_a_left_out_library_that_comes_into_use_is_found(tmp_path: Path) -> None:
    library = tmp_path / "lib" / "libuser.so"
    library.parent.mkdir()
    library.write_bytes(b"\x7fELF\x02\x01" + bytes(64) + b"dlopen libcusolverMg.so.12\0")
    (tmp_path / "notes.txt").write_bytes(b"libnvblas.so")
    assert dict(bundle.named(tmp_path)) == {"libcusolverMg.so": "libuser.so"}


# ---- what systems are told


def test_version_and_file_names() -> None:
    assert bundle_identity.version() == app.__version__
    name = bundle_identity.file_name("cuda13.0", ".deb", system="linux", machine="AMD64")
    assert name == f"resnet-explorer-{app.__version__}-linux-x86_64-cuda13.0.deb"
    assert bundle_identity.flavour("2.14.1+cu130", "13.0") == "cuda13.0"
    assert bundle_identity.flavour("2.14.1+rocm6.4", None) == "rocm6.4"
    assert bundle_identity.flavour("2.14.1+cpu", None) in ("cpu", "mps")


def test_every_kind_of_file_that_is_offered_can_be_opened() -> None:
    suffixes = {f".{suffix}" for kind in bundle_identity.FILE_KINDS for suffix in kind.suffixes}
    assert suffixes <= set(CHECKPOINT_SUFFIXES) | set(PICTURE_SUFFIXES)
    assert {".safetensors", ".pth", ".png", ".jpg"} <= suffixes


def test_the_desktop_entry_opens_files_by_the_window() -> None:
    lines = dict(line.split("=", 1) for line in linux_packages.desktop_entry().splitlines() if "=" in line)
    assert lines["Exec"] == "ResNetExplorer %F"
    assert lines["Icon"] == "resnet-explorer"
    kinds = lines["MimeType"].strip(";").split(";")
    assert {"image/png", "image/jpeg", "application/vnd.safetensors", "application/vnd.pytorch"} <= set(kinds)


def test_the_systems_own_tools_accept_what_they_are_told(tmp_path: Path) -> None:
    tried = []
    for path, text in linux_packages.system_files().items():
        file = tmp_path / Path(path).name
        file.write_text(text, encoding="utf-8")
        if path.endswith(".xml"):
            ElementTree.parse(file)
        tool = {".desktop": ["desktop-file-validate"], ".xml": ["appstreamcli", "validate", "--no-net"]}[file.suffix]
        if file.name.endswith(".metainfo.xml") or file.suffix == ".desktop":
            if shutil.which(tool[0]) is None:
                continue
            done = subprocess.run([*tool, file], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            tried.append(tool[0])
    if not tried:
        pytest.skip("neither desktop-file-validate nor appstreamcli is installed")


def test_files_that_systems_do_not_know_are_declared() -> None:
    name = "{http://www.freedesktop.org/standards/shared-mime-info}"
    root = ElementTree.fromstring(linux_packages.mime_types())
    patterns = {kind.get("type"): [one.get("pattern") for one in kind.iter(f"{name}glob")] for kind in root}
    assert patterns["application/vnd.safetensors"] == ["*.safetensors"]
    assert "*.pth" in patterns["application/vnd.pytorch"]


def test_the_package_says_what_it_depends_on() -> None:
    text = linux_packages.control(("libc6 (>= 2.36)", "libegl1"), 4000)
    fields = dict(line.split(": ", 1) for line in text.splitlines() if not line.startswith(" "))
    assert fields["Depends"] == "libc6 (>= 2.36), libegl1"
    assert fields["Version"] == app.__version__
    assert all(line.startswith(" ") and line.strip() for line in text.splitlines()[10:])


def test_macos_is_told_of_the_camera_and_the_files(tmp_path: Path) -> None:
    plist = bundle_identity.info_plist()
    assert "camera" in plist["NSCameraUsageDescription"]
    suffixes = {one for kind in plist["CFBundleDocumentTypes"] for one in kind.get("CFBundleTypeExtensions", ())}
    assert {"png", "safetensors", "pth"} <= suffixes
    code, text = tmp_path / "code", tmp_path / "text"
    code.write_bytes(b"\xcf\xfa\xed\xfe rest")
    text.write_text("no code")
    assert macos_package._is_code(code)
    assert not macos_package._is_code(text)


def test_windows_offers_the_program_for_every_suffix() -> None:
    lines = windows_installer.suffixes()
    for kind in bundle_identity.FILE_KINDS:
        for suffix in kind.suffixes:
            assert f'".{suffix}"' in lines
    script = (ROOT / "packaging" / "windows" / "resnet-explorer.iss").read_text(encoding="utf-8")
    assert "PrivilegesRequired=lowest" in script
    told = windows_installer.definitions(Path("bundle"), Path("out") / "name.exe", 3_000_000_000)
    for definition in told:
        name = definition.removeprefix("/D").split("=")[0]
        assert f"{{#{name}}}" in script or f"#ifdef {name}" in script


# ---- what is checked and released


def test_only_expected_lines_pass_in_a_selftest() -> None:
    good = check_bundle.EXPECTED
    assert good.fullmatch("ok      engine: process 12, torch 2.14 (5.4 s)")
    assert good.fullmatch("6 of 6 checks passed")
    assert not good.fullmatch("5 of 6 checks passed")
    assert not good.fullmatch("FAILED  engine: died (1.0 s)")
    assert not good.fullmatch("UserWarning: something")


def test_flavours_that_need_an_index_are_built_where_one_is_named() -> None:
    usual = release_matrix.matrix({"TORCH_CPU_INDEX": ""})["include"]
    assert [one["name"] for one in usual] == ["linux", "windows", "macos"]
    more = release_matrix.matrix({"TORCH_CPU_INDEX": "https://example.org/cpu"})["include"]
    assert more[-1] == {"name": "linux-cpu", "runner": "ubuntu-22.04", "index": "https://example.org/cpu"}


def test_each_step_of_the_workflow_is_a_script_that_is_there() -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    scripts = set(re.findall(r"packaging/[\w./-]+", text))
    assert {"packaging/build.py", "packaging/prepare_release.py"} <= scripts
    assert [name for name in scripts if not (ROOT / name).exists() and name != "packaging/"] == []


def test_a_tag_must_name_the_programs_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_tag.main([f"v{app.__version__}"]) == 0
    assert check_tag.main(["v99.0"]) == 1
    assert "99.0" in capsys.readouterr().err


def test_a_release_is_checked_split_and_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare_release, "LARGEST", 1000)
    large, small = tmp_path / "resnet-explorer-1-linux.deb", tmp_path / "resnet-explorer-1-macos.dmg"
    large.write_bytes(os.urandom(2500))
    small.write_bytes(b"small")
    content = large.read_bytes()
    sums = "".join(f"{prepare_release.sha256(path)}  {path.name}\n" for path in (large, small))
    (tmp_path / "SHA256SUMS-all").write_text(sums)
    assert prepare_release.main([str(tmp_path), "v1.2", "https://example.org/r"]) == 0
    parts = sorted(tmp_path.glob("*.deb.0*"))
    assert [path.stat().st_size for path in parts] == [1000, 1000, 500]
    assert b"".join(path.read_bytes() for path in parts) == content
    assert not large.exists()
    assert len((tmp_path / "SHA256SUMS").read_text().splitlines()) == 5
    latest = json.loads((tmp_path / "latest.json").read_text())
    assert latest == {"version": "1.2", "page": "https://example.org/r/releases/tag/v1.2"}
    assert "parts" in (tmp_path / "NOTES.md").read_text()
    small.write_bytes(b"changed")
    assert prepare_release.main([str(tmp_path), "v1.2", "https://example.org/r"]) == 1


def test_notes_come_from_the_changelog() -> None:
    text = "# Changelog\n\n## [Unreleased]\n\n- new\n\n## [1.0.0] - 2026-01-01\n\n- old\n"
    assert prepare_release.notes(text, "1.0.0") == "- old\n"
    assert prepare_release.notes(text, "2.0") == "- new\n"


# ---- continuous integration


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("app/a.py", "assets/x.png", "models/m/card.toml", "packaging/bundle.py", "main.py", "LICENSE"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "pyproject.toml").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "matters"),
    [
        ("app/a.py", True),
        ("app/new_plug_in.py", True),
        ("models/m/card.toml", True),
        ("packaging/bundle.py", True),
        ("pyproject.toml", True),
        ("packaging/dev.py", False),
        ("packaging/bundle_checked.json", False),
        ("app/__pycache__/a.pyc", False),
        ("tests/test_a.py", False),
        ("README.md", False),
    ],
)
def test_the_bundle_is_built_again_when_something_that_can_change_it_did(tree: Path, name: str, matters: bool) -> None:
    before = ci_bundle.state(tree, "torch==2")
    assert ci_bundle.state(tree, "torch==2") == before
    (tree / name).parent.mkdir(parents=True, exist_ok=True)
    (tree / name).write_text("changed")
    assert (ci_bundle.state(tree, "torch==2") != before) is matters
    assert ci_bundle.state(tree, "torch==3") != before, "installed versions count too"


def test_it_is_said_why_no_bundle_is_built(tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    assert ci_bundle.why_not("abc", record, 50) == "", "there is no record yet"
    record.write_text('{"state": "abc"}')
    assert "nothing" in ci_bundle.why_not("abc", record, 50)
    assert ci_bundle.why_not("def", record, 50) == ""
    assert "3.0 GB are free" in ci_bundle.why_not("def", record, 3)
    record.write_text("[]")
    assert ci_bundle.why_not("abc", record, 50) == ""


def test_the_extra_package_has_what_builds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert any(one.startswith("pyinstaller") for one in project["optional-dependencies"]["package"])
