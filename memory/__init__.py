"""What is remembered of an owner's conversations, and how it is found again."""
