# The same commands as in the README, for those who type "make".
PYTHON ?= python3

.PHONY: start test check
start:
	$(PYTHON) packaging/dev.py start $(ARGS)
test:
	$(PYTHON) packaging/dev.py test $(ARGS)
check:
	$(PYTHON) packaging/dev.py check
