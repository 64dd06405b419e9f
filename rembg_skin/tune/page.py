"""The web page of `rembg-skin tune`. No route opens a path or an address that a client sends."""

import io
import json
import os
from base64 import b64encode
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
from rembg_skin.tune.controls import widget
from rembg_skin.tune.server import Served, bind, serve
from rembg_skin.tune.shells import BASH, CUTOUT, MASK, POWERSHELL, SHELLS
from rembg_skin.tune.tuner import LARGEST, LARGEST_FILE, Asked, Tuner, load_photo, read_file, shrunk

_LARGEST_REQUEST = 1_000_000  # bytes; settings are a few hundred
_PAGE = {"page.html": "text/html", "page.css": "text/css", "page.js": "text/javascript"}
_KINDS = {"mask": "png", "cutout": "jpeg", "overlay": "jpeg"}
_LIMITS = f"Photos of up to {LARGEST_FILE / 1e6:.0f} MB and {LARGEST / 1e6:.0f} megapixels"


def application(tuner: Tuner, folder: Path, given: str | None = None) -> Starlette:
    """Return the page as an ASGI application.

    A download lies in `folder`, which exists, while it is made; `given` is the key of a photo to begin with.
    """

    def start(_request: Request) -> Response:
        return JSONResponse(
            {
                "methods": {name: [widget(*one) for one in cls.options.items()] for name, cls in tuner.methods.items()},
                "shells": SHELLS,
                "shell": POWERSHELL if os.name == "nt" else BASH,
                "photo": given and _described(tuner, given),
                "limits": _LIMITS,
            }
        )

    async def upload(request: Request) -> Response:
        data, name = await _body(request, LARGEST_FILE), request.query_params.get("name", "photo")
        key = await run_in_threadpool(lambda: tuner.add(load_photo(name, data)))
        return JSONResponse(await run_in_threadpool(_described, tuner, key))

    async def update(request: Request) -> Response:
        shown = await run_in_threadpool(tuner.update, await _asked(request))
        pictures = {name: _url(shown.pictures[name], kind) for name, kind in _KINDS.items() if shown.pictures}
        return JSONResponse({**shown._asdict(), "pictures": pictures})

    async def download(request: Request) -> Response:
        file = await run_in_threadpool(tuner.write, await _asked(request), folder)
        return Response(file, media_type="image/png")

    def refuse(_request: Request, error: Exception) -> Response:
        return JSONResponse({"error": str(error)}, 400)

    routes = [
        *(Route(f"/{name.removesuffix('page.html')}", _file(name, kind)) for name, kind in _PAGE.items()),
        Route("/start", start),
        *(Route(f"/{route.__name__}", route, methods=["POST"]) for route in (upload, update, download)),
    ]
    return Starlette(routes=routes, exception_handlers={SkinError: refuse})


def _file(name: str, kind: str) -> Response:
    return Response(files("rembg_skin.tune").joinpath(name).read_bytes(), media_type=kind)


def _described(tuner: Tuner, key: str) -> dict[str, str]:
    photo = tuner.photo(key)
    return {"key": key, "name": photo.name, "preview": _url(shrunk(photo.image).convert("RGB"), "jpeg")}


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


def serve_page(folder: Path, photo: Path | None = None, port: int | None = None) -> Served:
    """Serve the page on this machine, with `photo` in it if one is given, and return it at once.

    Raises SkinError if `photo` cannot be used or the port is taken.
    """
    tuner = Tuner()
    given = None if photo is None else tuner.add(load_photo(str(photo), read_file(photo)))
    return serve(application(tuner, folder, given), bind(port))
