"""The only room with a network cable."""
