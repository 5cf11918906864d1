"""How far the API goes towards the peer's: compares the two OpenAPI documents and writes docs/compatibility.md."""
