"""One module a target: `CASES`, a strategy, and `check`, which raises where a promise is broken."""
