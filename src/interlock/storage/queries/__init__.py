"""What is asked of the tables, one module a resource: plain functions that take an open connection first."""
