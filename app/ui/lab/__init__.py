"""The Lab page: training runs, live and finished."""
