"""How long the model-based test goes on: a short walk in the ordinary run, a long one by an option.

`./run test tests/model --hypothesis-profile=model-campaign` takes the long one, about an hour a database.
"""

from hypothesis import HealthCheck, settings

ORDINARY, CAMPAIGN = "model", "model-campaign"

_ordinary = settings(
    max_examples=20,
    stateful_step_count=20,
    deadline=None,
    print_blob=True,
    # Requests take the time they take.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

settings.register_profile(ORDINARY, _ordinary)
settings.register_profile(CAMPAIGN, _ordinary, max_examples=2000, stateful_step_count=40)
