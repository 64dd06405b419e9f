"""The web page of `rembg-skin tune`, for a browser of this machine alone; the one module that knows Gradio."""

import os
import re
from pathlib import Path
from typing import Any

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rembg_skin.errors import SkinError
from rembg_skin.sessions.options import Choice, Integer, Option, Real, Switch
from rembg_skin.tune.tuner import CUTOUT, MASK, METHODS, Tuner, opened, step_of

HOST = "127.0.0.1"
_START = "ycbcr_skin"
_GRADIO = 6  # its first major version with `visible="hidden"`, without which panels get lost


def page(photo: Path | None = None) -> Any:  # noqa: ANN401 - Gradio is an extra
    """Return the page, a ``gradio.Blocks``, with `photo` in it where one is given.

    Raises
    ------
    SkinError
        If Gradio is not installed, or `photo` cannot be used.

    """
    gr = _gradio()
    if photo is not None:
        opened(str(photo))  # a bad file is told on the command line, not on the page
    tuner = Tuner(photo)
    with gr.Blocks(
        title="rembg-skin tune", analytics_enabled=False, fill_width=True, delete_cache=(600, 600)
    ) as blocks:
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                given = gr.Image(
                    None if photo is None else str(photo),
                    label="Photo",
                    type="filepath",
                    image_mode=None,  # the file's own bytes, as the command will read them
                    sources=["upload", "webcam", "clipboard"],
                    height=260,
                    elem_id="photo",
                )
                method = gr.Dropdown(list(METHODS), value=_START, label="Method", elem_id="method")
                panels, resets, widgets = [], [], {}
                for name, cls in METHODS.items():
                    with gr.Column(visible=_visible(name == _START), elem_id=name) as panel:
                        widgets[name] = [_widget(gr, option, cls.options[option]) for option in cls.options]
                        resets.append(gr.Button("Defaults", size="sm"))
                    panels.append(panel)
            with gr.Column(scale=5):
                with gr.Row():
                    mask = gr.Image(label="Mask", format="png", buttons=["fullscreen"], elem_id="mask")
                    result = gr.Image(label="Cutout", format="jpeg", buttons=["fullscreen"], elem_id="cutout")
                status = gr.Markdown(elem_id="status")
                writes = gr.Radio([CUTOUT, MASK], value=CUTOUT, label="Write the", elem_id="writes")
                shell = gr.Code(language="shell", label="Command", show_line_numbers=False, elem_id="command")
                python = gr.Code(language="python", label="Python", show_line_numbers=False, elem_id="python")
        every = [widget for owned in widgets.values() for widget in owned]

        def change(chosen: str, *others: Any) -> list[Any]:  # noqa: ANN401
            return [*tuner.update(chosen, *others), *(gr.Column(visible=_visible(name == chosen)) for name in METHODS)]

        gr.on(
            [blocks.load, given.change, method.change, writes.change, *(widget.change for widget in every)],
            change,
            [method, writes, given, *every],
            [mask, result, shell, python, status, *panels],
            api_name="update",
            show_progress="hidden",
            queue=False,  # one user, short work: the queue alone would take as long again
            trigger_mode="always_last",  # a slider never lags behind its last position
        )
        for (name, cls), reset in zip(METHODS.items(), resets, strict=True):
            defaults = [option.default for option in cls.options.values()]
            reset.click(lambda values=defaults: values, None, widgets[name])
    return blocks


def _visible(yes: bool) -> bool | str:  # noqa: FBT001
    return True if yes else "hidden"  # False: Gradio takes it out of the page, and may not bring it back


def _widget(gr: Any, name: str, option: Option) -> Any:  # noqa: ANN401
    match option:
        case Integer(default=None):
            choices = range(option.low, option.high + 1, 2 if option.odd else 1)
            own = [("each method's own", None), *((str(choice), choice) for choice in choices)]
            return gr.Dropdown(own, value=None, label=name)
        case Integer():
            return gr.Slider(option.low, option.high, option.default, step=2 if option.odd else 1, label=name)
        case Real():
            return gr.Slider(option.low, option.high, option.default, step=step_of(option), label=name)
        case Choice():
            return gr.Dropdown(list(option.words), value=option.default, label=name)
        case Switch():
            return gr.Checkbox(option.default, label=name)
    raise TypeError(f"{name}: no widget shows {option!r}")


def launch(photo: Path | None = None, port: int | None = None, *, browser: bool = True) -> Any:  # noqa: ANN401
    """Serve the page on this machine alone, and return it at once: `local_url` is its address, `close()` its end.

    Raises
    ------
    SkinError
        As :func:`page`; also if the port is taken.

    """
    gr = _gradio()
    blocks = page(photo)
    # The system's own fonts: Gradio's default theme asks a font host for them.
    theme = gr.themes.Default(font=("system-ui", "sans-serif"), font_mono=("ui-monospace", "monospace"))
    try:
        blocks.launch(
            server_name=HOST,
            server_port=port,
            inbrowser=browser,
            share=False,
            quiet=True,
            prevent_thread_lock=True,
            ssr_mode=False,
            footer_links=[],
            theme=theme,
            app_kwargs={"middleware": [Middleware(OwnHostAlone)]},
        )
    except OSError as error:
        raise SkinError(f"The page cannot be served on {HOST}: {error}") from None
    return blocks


def _gradio() -> Any:  # noqa: ANN401
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when it is imported
    try:
        import gradio
    except ImportError as error:
        raise SkinError(
            f'rembg-skin tune needs Gradio, which is not installed: pip install "rembg-skin[cli]" ({error})'
        ) from None
    if int(gradio.__version__.partition(".")[0]) < _GRADIO:
        raise SkinError(
            f"rembg-skin tune needs Gradio {_GRADIO}; {gradio.__version__} is installed: pip install --upgrade gradio"
        )
    return gradio


class OwnHostAlone:
    """ASGI middleware: no part of the page is asked for at another host.

    Gradio's page names two font hosts and a script of a public network, which nothing here needs.
    """

    POLICY = b"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:"
    _FOREIGN = re.compile(rb"<link[^>]*https://[^>]*>|<script[^>]*https://[^>]*>\s*</script>")

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; web pages are sent without what is on other hosts, and with a policy that says so."""
        start: Message = {}
        body = b""

        async def cleaned(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_html(message):
                start = message
            elif message["type"] == "http.response.body" and start:
                body += message.get("body", b"")
                if not message.get("more_body"):
                    text = self._FOREIGN.sub(b"", body)
                    headers = [(key, value) for key, value in start["headers"] if key.lower() != b"content-length"]
                    headers += [(b"content-length", b"%d" % len(text)), (b"content-security-policy", self.POLICY)]
                    await send({**start, "headers": headers})
                    await send({"type": "http.response.body", "body": text})
            else:
                await send(message)

        await self._app(scope, receive, cleaned)


def _is_html(message: Message) -> bool:
    return any(key.lower() == b"content-type" and value.startswith(b"text/html") for key, value in message["headers"])
