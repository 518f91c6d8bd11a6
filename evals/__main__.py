"""`python -m evals` is `ragstone eval`."""

from evals.cli import main

if __name__ == "__main__":
    main()
