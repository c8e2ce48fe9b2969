"""The chat page: one document, its own modules joined at start, two libraries, and nothing from another host."""
