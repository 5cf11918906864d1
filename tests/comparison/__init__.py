"""The exhaustive comparison with the peer: requests as data, the peer's recorded answers, a test that replays."""
