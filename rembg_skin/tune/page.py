"""The web page of `rembg-skin tune`. No route opens a path or an address that a client sends."""

import io
import json
import os
import threading
from base64 import b64encode
from contextlib import AbstractContextManager
from importlib.resources import files
from pathlib import Path

from PIL.Image import Image as PILImage
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rembg_skin.errors import DataError, SkinError
from rembg_skin.files import read_plain
from rembg_skin.photos import unreadable
from rembg_skin.tune.controls import widget
from rembg_skin.tune.server import bind, serving
from rembg_skin.tune.shells import BASH, CUTOUT, MASK, POWERSHELL, SHELLS
from rembg_skin.tune.tuner import LARGEST, LARGEST_FILE, Asked, Tuner, shrunk

_LARGEST_REQUEST = 1_000_000  # bytes; settings are a few hundred
_PAGE = {"page.html": "text/html", "page.css": "text/css", "page.js": "text/javascript"}
_KINDS = {"mask": "png", "cutout": "jpeg", "overlay": "jpeg"}


def application(tuner: Tuner, folder: Path, given: dict[str, str] | None = None) -> Starlette:
    """Return the page as an ASGI application.

    A download lies in `folder`, which exists, while it is made; `given` describes a photo to begin with.
    """
    start = {
        "methods": {name: [widget(*one) for one in cls.options.items()] for name, cls in tuner.methods.items()},
        "shells": SHELLS,
        "shell": POWERSHELL if os.name == "nt" else BASH,
        "photo": given,
        "limits": f"Photos of up to {LARGEST_FILE / 1e6:.0f} MB and {LARGEST / 1e6:.0f} megapixels",
    }

    async def upload(request: Request) -> Response:
        data, name = await _body(request, LARGEST_FILE), request.query_params.get("name", "photo")
        return JSONResponse(await run_in_threadpool(_held, tuner, name, data))

    async def update(request: Request) -> Response:
        shown = await run_in_threadpool(tuner.update, await _asked(request))
        pictures = {name: _url(shown.pictures[name], kind) for name, kind in _KINDS.items() if shown.pictures}
        return JSONResponse({**shown._asdict(), "pictures": pictures})

    async def download(request: Request) -> Response:
        file = await run_in_threadpool(tuner.write, await _asked(request), folder)
        return Response(file, media_type="image/png")

    def refuse(_request: Request, error: Exception) -> Response:
        return JSONResponse({"error": str(error)}, 400)

    routes = [Route("/start", JSONResponse(start))]
    routes += [Route(f"/{route.__name__}", route, methods=["POST"]) for route in (upload, update, download)]
    for name, kind in _PAGE.items():
        file = Response(files("rembg_skin.tune").joinpath(name).read_bytes(), media_type=kind)
        routes.append(Route(f"/{name.removesuffix('page.html')}", file))
    return Starlette(routes=routes, exception_handlers={SkinError: refuse})


def _held(tuner: Tuner, name: str, data: bytes) -> dict[str, str]:
    """Hold a photo, and describe it for the page."""
    key = tuner.add(name, data)
    return {"key": key, "name": name, "preview": _url(shrunk(tuner.photo(key).image).convert("RGB"), "jpeg")}


def _url(picture: PILImage, kind: str) -> str:
    file = io.BytesIO()
    picture.save(file, kind, **({"compress_level": 1} if kind == "png" else {"quality": 90}))
    return f"data:image/{kind};base64,{b64encode(file.getvalue()).decode()}"


async def _asked(request: Request) -> Asked:
    """Return the page's request as values, or raise DataError."""
    try:
        asked = json.loads(await _body(request, _LARGEST_REQUEST), parse_int=float)
    except (ValueError, RecursionError):
        asked = None
    match asked:
        case {
            "photo": str() | None as photo,
            "method": str(method),
            "values": dict(values),
            "what": str(what),
            "shell": str(shell),
        } if what in (CUTOUT, MASK) and shell in SHELLS:
            return Asked(photo, method, values, what, shell)
    raise DataError("This is not a request of the page.")


async def _body(request: Request, most: int) -> bytes:
    """Return the request's body; refuse one of more than `most` bytes, unread if its header names the size."""
    body = bytearray()
    length = request.headers.get("content-length", "")
    if not (length.isdecimal() and int(length) > most):
        async for part in request.stream():
            body += part
            if len(body) > most:
                break
        else:
            return bytes(body)
    text = f"This request is larger than {most / 1e6:.0f} MB."
    raise HTTPException(413, text, headers={"connection": "close"})


def serve_page(
    folder: Path, photo: Path | None = None, port: int | None = None
) -> AbstractContextManager[tuple[str, threading.Thread]]:
    """Return a context in which the page is served on this machine, with `photo` in it if one is given.

    It gives the address and the server's thread. Raises SkinError if `photo` cannot be used or the port is taken.
    """
    tuner, given = Tuner(), None
    if photo is not None:
        try:
            data = read_plain(photo, LARGEST_FILE)
        except OSError as error:
            raise unreadable(photo, error) from error
        given = _held(tuner, str(photo), data)
    return serving(application(tuner, folder, given), bind(port))
