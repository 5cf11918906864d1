"""The wire's spelling: bodies that clients send, and the encoding of what they are answered."""
