"""What people see of a run while it goes: a moment of it as numbers, and that moment on a terminal or in a log."""
