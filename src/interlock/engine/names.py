"""Names for runs that were given none."""

from coolname import generate_slug


def generated_name() -> str:
    """Two words that are easy to remember and to say: `hypnotic-cockle`."""
    return str(generate_slug(2))
