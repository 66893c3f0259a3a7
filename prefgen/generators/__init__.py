"""Parts that write responses with a model."""
