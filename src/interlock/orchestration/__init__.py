"""The decision core: pure functions over frozen records.

Nothing here does I/O, reads a clock or draws randomness: the time, ids and random numbers come in as arguments.
"""
