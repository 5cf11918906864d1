"""How long the model-based test goes on: a short walk in the ordinary run, a long one by an option.

`./run test tests/model --hypothesis-profile=model-campaign --timeout=0` takes the long one, about an hour a database.
"""

from hypothesis import HealthCheck, settings

ORDINARY = settings(
    max_examples=50,
    stateful_step_count=20,
    deadline=None,
    print_blob=True,
    # Requests take the time they take.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

settings.register_profile("model", ORDINARY)
settings.register_profile("model-campaign", ORDINARY, max_examples=1500, stateful_step_count=40)
