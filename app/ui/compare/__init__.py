"""Models beside each other on one picture."""
