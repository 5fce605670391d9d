"""One file a protection; their order is one list in the scheduler."""
