"""One loader file a format."""
