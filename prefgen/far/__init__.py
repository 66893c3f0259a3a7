"""A run's ranges of prompts, made elsewhere, by Ray's workers or by slices of a run, and joined in their order."""
