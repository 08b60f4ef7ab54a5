"""The program's charts: numpy arrays in, never torch, never a file."""
