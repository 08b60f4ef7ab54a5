"""The table of whole folders."""
