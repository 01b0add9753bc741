"""For every test: nothing here measures speed, so Hypothesis must not either."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "coldwarden", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("coldwarden")
