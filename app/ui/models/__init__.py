"""The Models page: what there is, what a file holds, how good a model is."""
