"""Parts that write judgments with a model."""
