"""How properties are tried: without a deadline for an example, since a busy machine would break it."""

from hypothesis import settings

if settings.get_current_profile_name() == "default":  # the trials of mutants have a profile of their own
    settings.register_profile("without a deadline", deadline=None)
    settings.load_profile("without a deadline")
