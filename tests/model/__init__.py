"""The model-based test: the server is driven at random, and must agree with a simple model all along."""
