"""PyInstaller's hook for torch, in place of the contributed one, which takes headers, tests and all of CUDA.

The sources of its modules go in as well as their bytecode: torch.jit reads them at run time.
"""

import sys
from pathlib import Path

from PyInstaller.utils.hooks import PY_DYLIB_PATTERNS, collect_data_files, collect_dynamic_libs, get_package_paths

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import bundle_contents

module_collection_mode = "pyz+py"
warn_on_missing_hiddenimports = False
hiddenimports = list(bundle_contents.torch_modules(Path(get_package_paths("torch")[1])))
datas = [
    (source, folder)
    for source, folder in collect_data_files("torch")
    if not bundle_contents.why_left_out(f"{folder}/{Path(source).name}")
]
binaries = collect_dynamic_libs("torch", search_patterns=[*PY_DYLIB_PATTERNS, "*.so.*"])
if sys.platform.startswith("linux"):
    # Links to torch's libraries at the top of the bundle would be second places to load them from.
    bindepend_symlink_suppression = ["**/torch/lib/*.so*", "**/nvidia/**/*.so*"]
