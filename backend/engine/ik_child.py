"""The child process around ik_llama.cpp, started by `ik_runner.py` as llama_child.py is by its own.

It takes the same order and serves the same routes (`ik_server.py`), one sequence at a time.
"""

import threading
from typing import Any

from backend.engine.child import Listening, run_child
from backend.engine.jinja_template import ChatTemplate, NoTemplate
from backend.engine.limits import bound_memory

STACK = 2 << 20  # bytes for the thread of a connection; by default 8 MiB of the bounded memory


def serve(order: dict[str, Any]) -> Listening:
    """Load the model that `order` names and serve it in threads of this process."""
    from backend.engine.ik_model import IkModel
    from backend.engine.ik_server import IkServer

    bound_memory(order["address_space"])
    threading.stack_size(STACK)
    model = IkModel(order)
    source = model.metadata("tokenizer.chat_template")
    bos, eos, adds_bos = model.special_texts()
    prompts = ChatTemplate(source, bos, eos, adds_bos=adds_bos) if source else NoTemplate()
    server = IkServer(model, prompts, order["api_key"])
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    return server


if __name__ == "__main__":
    run_child(serve)
