"""A runner's process with the model of letters in it, for LlamaRunner to start as its child."""

import threading
import time
from collections.abc import Sequence
from typing import Any

from backend.engine.child import Listening, run_child
from backend.engine.ik_server import IkServer
from backend.engine.jinja_template import ChatTemplate
from tests.backend.engine.ik_letters import Letters

TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    "{% if messages[0].content == 'no' %}{{ raise_exception('never') }}{% endif %}<assistant>"
)


class SlowLetters(Letters):
    """Reads a batch of `s` in 50 ms; a `!` in the prompt is a fault."""

    def read(self, tokens: Sequence[int], position: int) -> None:
        if ord("!") in tokens:
            raise RuntimeError("code 1")
        if ord("s") in tokens:
            time.sleep(0.05)
        super().read(tokens, position)


def serve(order: dict[str, Any]) -> Listening:
    model = SlowLetters(order["num_ctx"], order["num_batch"])
    server = IkServer(model, ChatTemplate(TEMPLATE, "", "", adds_bos=False), order["api_key"])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


if __name__ == "__main__":
    run_child(serve)
