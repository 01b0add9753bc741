"""The addresses of the pages of people and the audit trail."""

from fastapi import APIRouter

from cloud.people_pages.people import PeoplePages
from cloud.people_pages.trail import FindProof, TrailPages
from device_registry.accounts.accounts import Accounts


def people_router(accounts: Accounts, find_proof: FindProof) -> APIRouter:
    """Return the routes; hand them to `guarded_app`."""
    router = APIRouter(include_in_schema=False)
    people = PeoplePages(accounts)
    trail = TrailPages(accounts.store, find_proof)
    one = "/people/{account}"
    router.add_api_route("/people", people.show, methods=["GET"])
    router.add_api_route("/people", people.add, methods=["POST"])
    router.add_api_route("/people-new", people.new, methods=["GET"])
    router.add_api_route(one, people.person, methods=["GET"])
    router.add_api_route(f"{one}/roles", people.give, methods=["POST"])
    router.add_api_route(f"{one}/roles/{{grant}}/end", people.take, methods=["POST"])
    router.add_api_route(f"{one}/reset", people.reset, methods=["POST"])
    router.add_api_route(f"{one}/close", people.close, methods=["POST"])
    router.add_api_route(f"{one}/badge", people.badge, methods=["POST"])
    router.add_api_route(f"{one}/tokens/{{api_token}}/end", people.end_token, methods=["POST"])
    router.add_api_route("/audit", trail.show, methods=["GET"])
    return router
