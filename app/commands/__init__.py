"""The verbs of the command line, one file each; `app.cli` finds them."""
