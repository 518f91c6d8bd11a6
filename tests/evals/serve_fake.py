"""Stands in for `ragstone serve`: the fake service as a process, with the same flags."""

import sys

import uvicorn

from tests.evals.fake_service import Shelf, fake_app

if __name__ == "__main__":
    flags = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
    print("serving", flags["--data-dir"], flush=True)
    uvicorn.run(fake_app(Shelf(ready_after=2)), port=int(flags["--port"]), log_level="error")
