"""Routes for artifacts: what runs publish, and the newest of each key."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, HTTPException
from starlette.responses import Response

from interlock.api.context import ContextDep
from interlock.api.criteria import OwnerCriteria
from interlock.api.errors import json_response
from interlock.api.pages import Page
from interlock.api.paging import Limit, Offset
from interlock.api.schemas.artifacts import (
    ArtifactAnswer,
    ArtifactCreateBody,
    ArtifactFilter,
    ArtifactSort,
    ArtifactUpdateBody,
    LatestArtifactAnswer,
    LatestArtifactFilter,
)
from interlock.api.schemas.base import Id
from interlock.api.wire_route import WireRoute
from interlock.storage.queries import artifacts as queries

router = APIRouter(prefix="/artifacts", tags=["Artifacts"], route_class=WireRoute)


class ArtifactPage(Page, frozen=True):
    """A page of artifacts in an order."""

    sort: ArtifactSort


async def artifact_page(
    limit: Limit, sort: Annotated[ArtifactSort, Body()] = ArtifactSort.ID_DESC, offset: Offset = 0
) -> ArtifactPage:
    """The page of artifacts that a body asks for."""
    return ArtifactPage(limit, offset, sort)


async def wanted_artifacts(artifacts: ArtifactFilter | None = None) -> dict[str, Any]:
    """What a body asks of artifacts."""
    return artifacts.model_dump(exclude_none=True) if artifacts else {}


async def wanted_latest(artifacts: LatestArtifactFilter | None = None) -> dict[str, Any]:
    """What a body asks of the newest artifacts."""
    return artifacts.model_dump(exclude_none=True) if artifacts else {}


RequestedPage = Annotated[ArtifactPage, Depends(artifact_page)]
Wanted = Annotated[dict[str, Any], Depends(wanted_artifacts)]
WantedLatest = Annotated[dict[str, Any], Depends(wanted_latest)]


def _found(artifact: Any) -> Any:
    if not artifact:
        raise HTTPException(404, "Artifact not found.")
    return artifact


@router.post("/", response_model=ArtifactAnswer, status_code=201)
async def create_artifact(body: ArtifactCreateBody, context: ContextDep) -> Any:
    """Publish an artifact, the newest of its key if it has one."""
    return await context.batcher.write(queries.create, body.__dict__, context.chance.new_id, context.clock())


@router.post("/filter", response_model=list[ArtifactAnswer])
async def read_artifacts(context: ContextDep, page: RequestedPage, artifacts: Wanted, runs: OwnerCriteria) -> Response:
    """Artifacts of all kinds, also the results of runs."""
    wanted = queries.Wanted(artifacts, runs)
    return json_response(await context.store.read(queries.page, wanted, page.sort, page.limit, page.offset))


@router.post("/count")
async def count_artifacts(context: ContextDep, artifacts: Wanted, runs: OwnerCriteria) -> int:
    """How many artifacts there are."""
    return await context.store.read(queries.count, queries.Wanted(artifacts, runs))


@router.post("/latest/filter", response_model=list[LatestArtifactAnswer])
async def read_latest_artifacts(
    context: ContextDep, page: RequestedPage, artifacts: WantedLatest, runs: OwnerCriteria
) -> Response:
    """The newest artifact of each key."""
    wanted = queries.Wanted(artifacts, runs)
    return json_response(await context.store.read(queries.newest_page, wanted, page.sort, page.limit, page.offset))


@router.post("/latest/count")
async def count_latest_artifacts(context: ContextDep, artifacts: WantedLatest, runs: OwnerCriteria) -> int:
    """How many keys there are."""
    return await context.store.read(queries.newest_count, queries.Wanted(artifacts, runs))


@router.get("/{id}", response_model=ArtifactAnswer)
async def read_artifact(id: Id, context: ContextDep) -> Any:
    """One artifact."""
    return _found(await context.store.read(queries.by_id, id))


@router.get("/{key}/latest", response_model=ArtifactAnswer)
async def read_latest_artifact(key: str, context: ContextDep) -> Any:
    """The newest artifact of a key; its `id` is that of the key's record."""
    return _found(await context.store.read(queries.newest, key))


@router.patch("/{id}", status_code=204)
async def update_artifact(id: Id, body: ArtifactUpdateBody, context: ContextDep) -> Response:
    """Change an artifact. One that is not the newest of a key changes too, but is answered with 404."""
    values = body.model_dump(exclude_unset=True)
    _found(await context.batcher.write(queries.change, id, values, context.clock()))
    return Response(status_code=204)


@router.delete("/{id}", status_code=204)
async def delete_artifact(id: Id, context: ContextDep) -> Response:
    """Delete an artifact; the one before it is then the newest of its key."""
    _found(await context.batcher.write(queries.delete_one, id))
    return Response(status_code=204)
