"""The scenarios: each module's `run(bench)` measures one thing and returns its table."""
