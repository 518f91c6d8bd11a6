"""A conversation written as the model wants it, and the reader of the reply that comes back.

A Go template is rendered here; the Jinja template of a GGUF is rendered by llama.cpp, which knows
that dialect.
"""

import asyncio
import re

from backend.answers.reply import ReplyReader
from backend.answers.thinking import ThinkingParser
from backend.answers.tool_calls import ToolCallParser
from backend.engine.runner import Runner
from backend.prompts.conversation import Conversation
from backend.prompts.form import PromptForm
from backend.prompts.jinja import template_request

_CONTROL = re.compile(r"<[^>]*>|\[[^\]]+\]")


async def written(runner: Runner, form: PromptForm, conversation: Conversation) -> str:
    """The prompt; raises TemplateError, or RunnerRejected where the Jinja template refuses."""
    if form.go is not None:
        # in a thread: a long conversation takes 20 ms, a hostile template two seconds
        return await asyncio.to_thread(form.go.render, conversation)
    return await runner.render(template_request(conversation))


async def infill(runner: Runner, tokens: tuple[int, int, int], prompt: str, suffix: str) -> str:
    """The prompt to fill the gap before `suffix`, by the tokens that the weights name for it."""
    before, after, middle = [await runner.detokenize([token]) for token in tokens]
    return f"{before}{prompt}{after}{suffix}{middle}"


def reader(form: PromptForm, conversation: Conversation, prompt: str) -> ReplyReader:
    """Tells the parts of the reply to `prompt` apart, as far as the request asked for them."""
    thinking = tools = None
    if conversation.think and form.thinking_tags is not None:
        opening, closing = form.thinking_tags
        inside = prompt.rstrip().endswith(opening)
        thinking = ThinkingParser(opening, closing, inside=inside)
    if conversation.tools:
        tools = ToolCallParser(form.tool_call_tag, conversation.tools)
    return ReplyReader(thinking, tools)


def control_tokens(form: PromptForm, conversation: Conversation) -> tuple[str, ...]:
    """The tokens that the reader of the reply must see, though the engine would leave them out."""
    tags = [*(form.thinking_tags or ())] if conversation.think else []
    if conversation.tools:
        tags.append(form.tool_call_tag)
    return tuple(found[0] for tag in tags if (found := _CONTROL.match(tag)))
