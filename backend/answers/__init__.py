"""What a request asks and how its answer is made."""
