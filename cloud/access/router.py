"""The addresses of the log-in pages."""

from fastapi import APIRouter

from cloud.access.handover_pages import HandoverPages
from cloud.access.login_pages import LoginPages
from cloud.access.me_pages import MePages
from cloud.access.provider_pages import ProviderPages
from cloud.access.station_pages import StationPages
from cloud.access.ways import Ways


def access_router(ways: Ways) -> APIRouter:
    """Return the routes by which people come in; hand it to `guarded_app`."""
    router = APIRouter(include_in_schema=False)
    _log_in(router, LoginPages(ways))
    _me(router, MePages(ways))
    providers = ProviderPages(ways)
    at = "/login/oidc/{provider}"
    router.add_api_route(f"{at}/start", providers.start, methods=["GET"])
    router.add_api_route(f"{at}/callback", providers.callback, methods=["GET"])
    station = StationPages(ways)
    router.add_api_route("/station", station.show, methods=["GET"])
    router.add_api_route("/station", station.register, methods=["POST"])
    router.add_api_route("/station/end", station.end, methods=["POST"])
    router.add_api_route("/station/switch", station.switch, methods=["POST"])
    handover = HandoverPages(ways)
    router.add_api_route("/handover/{site}", handover.show, methods=["GET"])
    router.add_api_route("/handover/{site}", handover.sign, methods=["POST"])
    return router


def _log_in(router: APIRouter, pages: LoginPages) -> None:
    router.add_api_route("/login", pages.show, methods=["GET"])
    router.add_api_route("/login", pages.log_in, methods=["POST"])
    router.add_api_route("/login/sms", pages.show_sms, methods=["GET"])
    router.add_api_route("/login/sms", pages.send_sms, methods=["POST"])
    router.add_api_route("/login/sms/code", pages.by_sms, methods=["POST"])
    router.add_api_route("/login/again", pages.show_again, methods=["GET"])
    router.add_api_route("/login/again", pages.again, methods=["POST"])
    router.add_api_route("/logout", pages.log_out, methods=["POST"])


def _me(router: APIRouter, pages: MePages) -> None:
    router.add_api_route("/me", pages.show, methods=["GET"])
    router.add_api_route("/me/password", pages.set_password, methods=["POST"])
    router.add_api_route("/me/totp", pages.set_totp, methods=["POST"])
    router.add_api_route("/me/pin", pages.set_pin, methods=["POST"])
    router.add_api_route("/me/phone", pages.set_phone, methods=["POST"])
    router.add_api_route("/me/language", pages.set_language, methods=["POST"])
    router.add_api_route("/api/session", pages.session, methods=["GET"])
