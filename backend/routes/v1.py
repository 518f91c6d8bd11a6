"""The routes under /v1: the APIs of OpenAI and Anthropic."""

from fastapi import APIRouter

from backend.routes import (
    anthropic_messages,
    openai_audio,
    openai_chat,
    openai_completions,
    openai_embeddings,
    openai_models,
    openai_responses,
)

router = APIRouter()
for _room in (
    openai_chat,
    openai_completions,
    openai_embeddings,
    openai_models,
    openai_responses,
    openai_audio,
    anthropic_messages,
):
    router.include_router(_room.router)
