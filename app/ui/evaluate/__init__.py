"""What an evaluation looks like: numbers, confusion matrix, calibration, classes, mistakes."""
