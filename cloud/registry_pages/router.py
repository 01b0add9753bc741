"""All addresses of this package in one router; `cloud.compose` hands it to the gate."""

from fastapi import APIRouter

from cloud.registry_pages.certificate_routes import add_certificate_routes
from cloud.registry_pages.configuring import add_configuring_routes
from cloud.registry_pages.job_routes import add_job_routes
from cloud.registry_pages.probe_routes import add_probe_routes
from cloud.registry_pages.revoking import add_revoking_routes
from cloud.registry_pages.routes import add_registry_routes
from cloud.registry_pages.sources import Sources
from cloud.registry_pages.work_routes import add_work_routes


def registry_router(sources: Sources) -> APIRouter:
    """Return the routes of the registry's and the technician's pages."""
    router = APIRouter(include_in_schema=False)
    add_registry_routes(router, sources)
    add_configuring_routes(router, sources)
    add_revoking_routes(router, sources)
    add_work_routes(router, sources)
    add_probe_routes(router, sources)
    add_job_routes(router, sources)
    add_certificate_routes(router, sources)
    return router
