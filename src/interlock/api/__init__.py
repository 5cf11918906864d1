"""The Prefect REST API over the ledger: decode a request, submit it or look it up, encode the answer."""
