"""Where the ledger is kept: tables, queries, and the stores that run them."""
