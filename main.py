"""Start ResNet Explorer: the window without a verb, else the command line."""

import sys

if __name__ == "__main__":
    if getattr(sys, "frozen", False):
        # A bundle's child processes start this very program; multiprocessing sorts them out. Elsewhere its import
        # would only delay the window.
        import multiprocessing

        multiprocessing.freeze_support()
    from app.cli import main

    main()
