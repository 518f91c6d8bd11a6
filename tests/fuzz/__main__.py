"""Runs the targets for a time each, and prints what it did and found.

    python -m tests.fuzz [--seconds 60] [--seed N] [TARGET ...]

A finding is a case that broke its target's promise: an exception of a kind that callers do not
expect, a wrong value, or more than ten seconds. It is made as small as it gets and printed once
for each place in the code; the exit code is 1 then. Put it into the tests of the room it is about.
"""

import argparse
import importlib
import logging
import pkgutil
import random
import sys
import time

from tests.fuzz import targets
from tests.fuzz.campaign import Campaign, confine, stay_here


def main() -> int:
    """Fuzz what the command line names, all targets by default."""
    known = [one.name for one in pkgutil.iter_modules(targets.__path__)]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(known))
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    confine()
    stay_here()
    print(f"seed {asked.seed}; {asked.seconds:g} s a target", flush=True)
    print(f"{'target':<14} {'executions':>10} {'seconds':>8} {'slowest':>8} {'findings':>8}")
    found = []
    for name in asked.targets or known:
        if name not in known:
            parser.error(f"no target is called {name}; there are {', '.join(known)}")
        module = importlib.import_module(f"tests.fuzz.targets.{name}")
        campaign = Campaign(module.CASES, module.check, asked.seed)
        started = time.monotonic()
        campaign.run(asked.seconds)
        seconds = time.monotonic() - started
        print(
            f"{name:<14} {campaign.executions:>10} {seconds:>8.1f} {campaign.slowest:>8.3f} "
            f"{len(campaign.findings):>8}",
            flush=True,
        )
        found += [f"{name}: {finding}" for finding in campaign.findings.values()]
    for finding in found:
        print(f"\n{finding}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
