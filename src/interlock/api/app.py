"""The API as one ASGI application.

What lives here: which routers there are and how they are put together. What does not: the routes themselves.
"""

from fastapi import FastAPI
from fastapi_swagger import patch_fastapi
from starlette.types import ASGIApp

from interlock import __version__
from interlock.api import (
    admin,
    artifacts,
    automations,
    block_capabilities,
    block_documents,
    block_schemas,
    block_types,
    bulk,
    collections,
    concurrency_leases,
    concurrency_limits,
    concurrency_limits_v2,
    default_storage,
    deployment_queries,
    deployment_runs,
    deployment_schedules,
    deployment_scheduling,
    deployments,
    event_streams,
    events,
    exports,
    flow_queries,
    flow_run_graphs,
    flow_run_inputs,
    flow_run_queries,
    flow_run_resuming,
    flow_runs,
    flows,
    logs,
    metrics,
    numbered_pages,
    previews,
    run_relations,
    run_states,
    saved_searches,
    task_queues,
    task_run_queries,
    task_runs,
    task_subscriptions,
    timelines,
    ui,
    variables,
    work_backlogs,
    work_polls,
    work_pool_queues,
    work_pools,
    work_queues,
    work_slots,
    workers,
)
from interlock.api.context import Context
from interlock.api.errors import Settled, add_error_handlers
from interlock.api.front import API_PREFIX, Front
from interlock.api.hot_routes import HotRoutes

ROUTERS = (
    bulk.router,
    numbered_pages.router,
    task_queues.router,
    work_backlogs.router,
    task_run_queries.router,
    exports.router,
    task_runs.router,
    previews.router,
    run_relations.router,
    flow_run_queries.router,
    flow_runs.router,
    flow_run_graphs.router,
    timelines.router,
    flow_run_inputs.router,
    flow_run_resuming.router,
    run_states.task_router,
    run_states.flow_router,
    ui.router,
    flow_queries.router,
    flows.router,
    deployment_scheduling.router,
    deployments.router,
    deployment_queries.router,
    deployment_schedules.router,
    deployment_runs.router,
    logs.router,
    events.router,
    event_streams.router,
    artifacts.router,
    automations.router,
    concurrency_limits.router,
    concurrency_limits_v2.router,
    concurrency_leases.router,
    saved_searches.router,
    variables.router_2x,
    variables.router,
    block_types.router,
    block_schemas.router,
    block_documents.router,
    block_capabilities.router,
    admin.router,
    metrics.router,
    default_storage.router,
    task_subscriptions.router,
    work_polls.router,
    work_pools.router,
    work_pool_queues.router,
    workers.router,
    work_queues.router,
    work_slots.router,
    collections.router,
)

HOT_ROUTES = {**task_runs.HOT_ROUTES, **flow_runs.HOT_ROUTES}


def documented_api() -> FastAPI:
    """The API as FastAPI knows it: every route, and the OpenAPI document of them all."""
    app = FastAPI(
        title="Interlock",
        version=__version__,
        summary="The ledger of every run, and the judge of every change of its state.",
        servers=[{"url": API_PREFIX}],
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        separate_input_output_schemas=True,
        strict_content_type=False,
    )
    for router in ROUTERS:
        app.include_router(router)
    add_error_handlers(app)
    # The page's scripts come from here too, not from elsewhere.
    patch_fastapi(app, docs_url="/docs", redirect_from_root_to_docs=False)
    return app


def create_app(context: Context) -> ASGIApp:
    """The whole application, ready to be served."""
    api = documented_api()
    api.state.context = context
    hot = HotRoutes(Settled(api), context, HOT_ROUTES)
    return Front(hot, context)
