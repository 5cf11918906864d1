"""Several servers on one PostgreSQL, asked by many clients at once: what they promise holds across them."""
