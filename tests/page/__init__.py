"""The page in a real browser, on a live server."""
