"""PyInstaller's hook for torchvision: its compiled operators are loaded by file name, under names that changed."""

from PyInstaller.utils.hooks import PY_DYLIB_PATTERNS, collect_dynamic_libs

module_collection_mode = "pyz+py"
binaries = collect_dynamic_libs("torchvision", search_patterns=[*PY_DYLIB_PATTERNS, "*.so", "*.pyd"])
