"""What a user of the published client sees: its own interpreter and process, pointed at a live server."""
