"""ResNet Explorer: look inside residual networks."""

__version__ = "0.1.0"
