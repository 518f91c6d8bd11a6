"""The commands of `ragstone`, one file each; heavy imports wait until a command runs."""
