"""POST /v1/collections/{name}/search: passages without an answer."""

import asyncio

from fastapi import APIRouter

from app.deps import RetrieverDep, SettingsDep
from app.question_shape import FoundPassage, FoundPassages, SearchRequest

router = APIRouter(prefix="/v1/collections", tags=["answers"])


@router.post("/{name}/search")
async def search(
    name: str, body: SearchRequest, retriever: RetrieverDep, settings: SettingsDep
) -> FoundPassages:
    """Return the passages that fit a query best, by words, by meaning, or by both."""
    found = await asyncio.to_thread(
        retriever.search,
        name,
        body.query,
        body.top_k or settings.top_k,
        body.mode,
        body.filters.as_filter() if body.filters else None,
    )
    return FoundPassages(passages=[FoundPassage.of(passage) for passage in found])
