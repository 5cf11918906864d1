"""Between the API and the store: batches of writes, and what runs in the background."""
