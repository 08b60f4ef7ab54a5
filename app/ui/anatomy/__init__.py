"""The Anatomy page: the network taken apart."""
