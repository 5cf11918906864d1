"""A ledger as a busy team would have it: made up, for those who want to try the server, and for the benchmark.

What lives here: which flows and tasks there are (world.py), how runs go from state to state (paths.py), the records of
whole flow runs (flow_runs.py), and writing them in bulk (fill.py). What does not: the rules. A made-up run never
passed them, but is as it would be if it had: the invariants hold.
"""
