"""When a row has been asked often enough."""
