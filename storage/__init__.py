"""What is kept, and nothing about how it was made."""
