"""Who may talk to the web UI: the browser that was given the one-time address, and no other page, host or account."""

from __future__ import annotations

import hmac
import json
import secrets
from urllib.parse import parse_qs

from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse

LOGIN = "/login"
NEVER_SERVED = ("/notebook", "/dagit/notebook")  # reads any .ipynb of the machine; this project has none
NOT_FOR_VIEWERS = ("/logs", "/download_debug")  # what a run printed
LARGEST = 4_000_000  # bytes of a request
HEADERS = (
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
)


class Refused(Exception):
    """The request is not answered; `status` and the message are."""

    def __init__(self, message: str, status: int = 403):
        super().__init__(message)
        self.status = status


class Guard:
    """Pure ASGI around the web UI.

    `authority` is the one Host that is answered (`<unguessable>.localhost:<port>`). Cookies know no ports: under
    127.0.0.1 the browser would hand this one to any other local account's server as well.
    """

    def __init__(self, app, *, authority: str, read_only: bool = False):
        self.app, self.authority, self.read_only = app, authority, read_only
        self.origin = f"http://{authority}"
        self.cookie = f"coaching-{authority.rpartition(':')[2]}"
        self._session = secrets.token_urlsafe(32)
        self._token: str | None = None

    def new_address(self) -> str:
        """An address that lets one browser in, once; an earlier one no longer does."""
        self._token = secrets.token_urlsafe(32)
        return f"{self.origin}{LOGIN}?token={self._token}"

    async def __call__(self, scope, receive, send) -> None:
        """Answer, pass on or refuse one request or websocket."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        try:
            if scope["type"] not in ("http", "websocket"):
                raise Refused("this protocol is not served")
            headers = _headers(scope)
            self._check_sender(scope, headers)
            if scope["type"] == "http" and scope["path"] == LOGIN:
                await self._login(scope, send)
                return
            self._check_session(headers)
            self._check_request(scope, headers)
            if scope["type"] == "http" and scope["method"] == "POST" and self.read_only:
                receive = await _query_only(receive)
        except Refused as refused:
            await _refuse(scope, receive, send, refused)
            return
        await self.app(scope, receive, _closing(send) if scope["type"] == "http" else send)

    def _check_sender(self, scope, headers: dict[str, str]) -> None:
        if headers.get("host") != self.authority:
            raise Refused("this host name is not served")
        is_safe = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        origin = headers.get("origin")
        if origin != self.origin and not (is_safe and origin is None):
            raise Refused("not from this page (Origin)")
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            raise Refused("not from this page (Sec-Fetch-Site)")

    def _check_session(self, headers: dict[str, str]) -> None:
        pairs = [pair.strip().partition("=") for pair in headers.get("cookie", "").split(";")]
        mine = [value for name, _, value in pairs if name == self.cookie]
        if len(mine) != 1 or not _same(mine[0], self._session):
            raise Refused("open the address that `coaching dev` printed; it works once")

    def _check_request(self, scope, headers: dict[str, str]) -> None:
        path = scope["path"]
        if scope["type"] == "websocket":
            if path != "/graphql":
                raise Refused("nothing is here", 404)
        elif scope["method"] == "POST":
            if path != "/graphql":  # report_asset_…: what a run did is reported by the run
                raise Refused("nothing is accepted here", 405)
            # Lower case only, as Dagster looks for it: else it would take the query from the address.
            if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
                raise Refused("only application/json", 415)
        elif scope["method"] not in ("GET", "HEAD"):
            raise Refused("no such method", 405)
        elif path.rstrip("/") == "/graphql":
            raise Refused("GraphQL is served by POST only", 405)
        elif _below(path, NEVER_SERVED) or (self.read_only and _below(path, NOT_FOR_VIEWERS)):
            raise Refused("not served")

    async def _login(self, scope, send) -> None:
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]
        if scope["method"] != "GET" or self._token is None or not _same(given, self._token):
            raise Refused("this address was used or is too old; press Enter where `coaching dev` runs for a new one")
        self._token = None
        cookie = f"{self.cookie}={self._session}; Path=/; HttpOnly; SameSite=Strict"
        headers = [(b"location", b"/"), (b"set-cookie", cookie.encode()), (b"cache-control", b"no-store"), *HEADERS]
        await send({"type": "http.response.start", "status": 303, "headers": [*headers, (b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "surrogateescape"), other.encode())


def _below(path: str, places: tuple[str, ...]) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in places)


def _headers(scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name = raw.decode("latin-1").lower()
        if name in found and name in ("host", "origin", "cookie", "content-type", "sec-fetch-site"):
            raise Refused(f"two {name} headers", 400)
        found[name] = value.decode("latin-1")
    return found


async def _query_only(receive):
    """The request's body again, if what it asks for changes nothing."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Refused("interrupted", 400)
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > LARGEST:
            raise Refused("too large", 413)
    try:
        document = parse(json.loads(body)["query"])
    except (ValueError, TypeError, KeyError, RecursionError, GraphQLError):
        raise Refused("not a GraphQL request", 400) from None
    kinds = {node.operation for node in document.definitions if isinstance(node, OperationDefinitionNode)}
    if kinds != {OperationType.QUERY}:
        raise Refused("this server is read-only")
    rest = [{"type": "http.request", "body": body, "more_body": False}]

    async def again():
        return rest.pop() if rest else await receive()

    return again


def _closing(send):
    ours = {name for name, _ in HEADERS}

    async def closed(message):
        if message["type"] == "http.response.start":
            kept = [(name, value) for name, value in message.get("headers", ()) if name.lower() not in ours]
            message = {**message, "headers": [*kept, *HEADERS]}
        await send(message)

    return closed


async def _refuse(scope, receive, send, refused: Refused) -> None:
    if scope["type"] == "websocket":
        await receive()  # websocket.connect
        await send({"type": "websocket.close", "code": 1008})  # before accept: HTTP 403
        return
    if scope["type"] != "http":
        return
    body = f"Refused: {refused}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    headers += [(b"cache-control", b"no-store"), (b"connection", b"close"), *HEADERS]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
