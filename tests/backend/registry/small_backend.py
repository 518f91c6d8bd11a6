"""The backend as a process with small parts, so that a test can kill it in the middle of one."""

import asyncio
import socket
import sys
from pathlib import Path

import uvicorn

from backend.engine.fake_runner import FakeRunner, Script
from backend.main import create_app
from backend.registry.limits import Limits
from backend.settings import BackendSettings

KB = 1 << 10


async def main(models: Path) -> None:
    """Serve until killed; the first line printed is the address."""
    settings = BackendSettings(models=models, host="127.0.0.1:0")
    app = create_app(settings, lambda spec: FakeRunner(spec, Script()))
    app.state.backend.transfers.limits = Limits(
        smallest_part=64 * KB, largest_part=64 * KB, save_every=8 * KB, report_every=0.01
    )
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    await server.serve([listener])


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
