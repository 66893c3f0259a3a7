"""The rows of a run: its pairs a page at a time, what they came from, and what people say of them."""
