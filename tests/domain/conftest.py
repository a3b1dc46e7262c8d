from hypothesis import settings

# What is tried is sums, not speed: a busy machine fails no test.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
