# Two commands: `make demo` plays the story once, `make test` runs every test.
# Both set up what they need inside this checkout first (quick the second time).
.PHONY: demo test setup check clean

demo: setup
	.venv/bin/databright demo --once

test: setup
	.venv/bin/python -m pytest tests

setup:
	@sh scripts/setup

check: setup
	@sh scripts/check

clean:
	rm -rf .venv node_modules dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
