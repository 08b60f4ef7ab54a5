"""Refuse to release under a tag that names another version than the program.

python packaging/check_tag.py v1.2.0
"""

from __future__ import annotations

import sys

import bundle_identity


def main(arguments: list[str]) -> int:
    """Compare; the exit code."""
    if len(arguments) != 1:
        print((__doc__ or "").strip(), file=sys.stderr)
        return 2
    if arguments[0] != f"v{bundle_identity.version()}":
        print(
            f"The tag is {arguments[0]}, the program is {bundle_identity.version()} (app/__init__.py).", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
