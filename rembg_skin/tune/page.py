"""The web page of `rembg-skin tune`, for a browser of this machine alone; the one module that knows Gradio."""

import os
import tempfile
import webbrowser
from pathlib import Path
from secrets import token_hex
from typing import Any

from PIL import Image
from PIL.Image import Image as PILImage

from rembg_skin.errors import ExtraError, SkinError
from rembg_skin.sessions.options import Choice, Integer, Option, Real, Switch
from rembg_skin.tune.controls import choices_of, digits_of, help_of, range_of, step_of, unset_of
from rembg_skin.tune.guard import LARGEST_UPLOAD, guarded
from rembg_skin.tune.server import Served, bind, no_proxy, serve
from rembg_skin.tune.shells import BASH, CUTOUT, MASK, POWERSHELL, SHELLS
from rembg_skin.tune.tuner import LARGEST, METHODS, Tuner, load_photo

_START = next(iter(METHODS))
_UNIQUE_ID = 0xA420  # of EXIF
_GRADIO = 6  # its first major version with `visible="hidden"`, without which panels get lost
_HEADING = f"""# Tune a skin mask
Choose a method, move its settings until the mask fits your photo, and take the command along. Photos of up to \
{LARGEST_UPLOAD / 1e6:.0f} MB and {LARGEST / 1e6:.0f} megapixels; none leaves this machine."""
_CSS = (Path(__file__).with_name("page.css")).read_text("utf-8")
_DOWNLOAD = """(file) => {
    const link = document.createElement("a");
    link.href = file.url;
    link.download = file.orig_name;
    link.click();
}"""


def build_page(photo: Path | None = None) -> Any:
    """Return the page, a ``gradio.Blocks``, with `photo` in it if one is given.

    Raises
    ------
    SkinError
        If Gradio is not installed.

    """
    gr = _gradio()
    tuner = Tuner(photo)
    panels, resets, widgets = {}, {}, {}
    with gr.Blocks(title="rembg-skin tune", analytics_enabled=False, fill_width=True, delete_cache=(600, 600)) as page:
        gr.Markdown(_HEADING, elem_id="heading")
        with gr.Row(elem_id="tune", equal_height=False):
            with gr.Column(elem_id="settings"):
                given = gr.Image(
                    None if photo is None else str(photo),
                    label="Photo",
                    type="filepath",
                    image_mode=None,  # the file's own bytes, as the command will read them
                    sources=["upload", "webcam", "clipboard"],
                    height=220,
                    elem_id="photo",
                )
                with gr.Column(elem_id="controls"):
                    method = gr.Dropdown(list(METHODS), value=_START, label="Method", elem_id="method")
                    for name, cls in METHODS.items():
                        with gr.Column(visible=_visible(name == _START), elem_id=name) as panels[name]:
                            widgets[name] = [_widget(gr, option, cls.options[option]) for option in cls.options]
                            resets[name] = gr.Button("Defaults", size="sm")
            with gr.Column(elem_id="result"):
                with gr.Column(elem_id="shown"):
                    with gr.Row(elem_id="pictures"):
                        mask = _picture(gr, "Mask", "png")
                        cutout = _picture(gr, "Cutout", "jpeg")
                        overlay = _picture(gr, "Overlay", "jpeg")
                    line = gr.Markdown(elem_id="line")
                with gr.Column(elem_id="take"):
                    with gr.Row():
                        downloads = {what: gr.Button(f"Download {what}", size="sm") for what in (MASK, CUTOUT)}
                    with gr.Row():
                        writes = gr.Radio([CUTOUT, MASK], value=CUTOUT, label="Write the", elem_id="writes")
                        shell = gr.Radio(SHELLS, value=_shell(), label="For", elem_id="shell")
                    command = gr.Code(
                        language="shell", label="Command", show_line_numbers=False, wrap_lines=True, elem_id="command"
                    )
                    python = gr.Code(
                        language="python", label="Python", show_line_numbers=False, wrap_lines=True, elem_id="python"
                    )
                    file = gr.File(visible="hidden")
        every = [widget for owned in widgets.values() for widget in owned]
        outputs = [mask, cutout, overlay, command, python, line]

        def change(*values: Any) -> list[Any]:
            try:
                shown = tuner.update(*values)
                for picture in filter(None, shown[:3]):
                    mark(picture)
                return list(shown)
            except SkinError as error:
                return [*[gr.skip()] * (len(outputs) - 1), _problem(error)]

        gr.on(
            [page.load, *(widget.change for widget in (given, method, writes, shell, *every))],
            change,
            [method, writes, shell, given, *every],
            outputs,
            api_name="update",
            show_progress="hidden",
            queue=False,  # one user, short work: the queue alone would take as long again
            trigger_mode="always_last",  # a slider never lags behind its last position
        )
        gr.on(
            [page.load, method.change],
            lambda chosen: [gr.Column(visible=_visible(name == chosen)) for name in panels],
            method,
            list(panels.values()),
            api_visibility="private",
            show_progress="hidden",
            queue=False,
        )
        for what, button in downloads.items():
            button.click(
                lambda *values, what=what: _downloaded(gr, tuner, what, *values),
                [method, given, *every],
                file,
                api_name=f"download_{what}",
                show_progress="hidden",
                queue=False,
            ).success(None, file, None, js=_DOWNLOAD)
        for name, reset in resets.items():
            defaults = [_shown_default(option, kind) for option, kind in METHODS[name].options.items()]
            reset.click(
                lambda values=defaults: values,
                None,
                widgets[name],
                api_visibility="private",
                show_progress="hidden",
                queue=False,
            )
    return page


def _picture(gr: Any, label: str, kind: str) -> Any:
    return gr.Image(
        label=label,
        format=kind,
        buttons=["fullscreen"],
        interactive=False,
        min_width=100,
        elem_id=label.lower(),
    )


def mark(picture: PILImage) -> None:
    """Give the picture's file a content, and so with Gradio a name, of its own.

    Otherwise a change that gives the same picture again would write over the file while it is being sent.
    """
    token = token_hex(8)
    exif = Image.Exif()
    exif[_UNIQUE_ID] = token
    picture.info.update(change=token, exif=exif.tobytes())


def _visible(yes: bool) -> bool | str:  # noqa: FBT001
    return True if yes else "hidden"  # False: Gradio takes it out of the page, and may not bring it back


def _shell() -> str:
    return POWERSHELL if os.name == "nt" else BASH


def _problem(error: SkinError) -> str:
    return f"**{error}** The pictures and the command are those before this change."


def _downloaded(gr: Any, tuner: Tuner, what: str, name: str, path: str | None, *values: Any) -> str:
    try:
        return str(tuner.write(what, Path(tempfile.mkdtemp()), name, path, *values))
    except SkinError as error:
        raise gr.Error(str(error), print_exception=False) from None


def _shown_default(name: str, option: Option) -> object:
    if isinstance(option, Real):
        return round(option.default, digits_of(step_of(name, option)))
    return unset_of(name) if option.default is None else option.default


def _widget(gr: Any, name: str, option: Option) -> Any:
    shared = {"value": _shown_default(name, option), "label": name, "info": help_of(name, option)}
    match option:
        case Integer(default=None):
            return gr.Dropdown([unset_of(name), *choices_of(name, option)], **shared)
        case Integer() | Real():
            low, high = range_of(name, option)
            return gr.Slider(low, high, step=step_of(name, option), **shared)
        case Choice():
            return gr.Radio(list(option.words), **shared)
        case Switch():
            return gr.Checkbox(**shared)
    raise TypeError(f"{name}: no widget shows {option!r}")


def serve_page(photo: Path | None = None, port: int | None = None) -> Served:
    """Serve the page on this machine alone, and return it at once.

    Raises
    ------
    SkinError
        As :func:`build_page`; also if `photo` cannot be used or the port is taken.

    """
    if photo is not None:
        load_photo(str(photo))  # a bad file is told on the command line, not on the page
    gr = _gradio()
    listener = bind(port)
    try:
        page = build_page(photo)
        # The system's own fonts: Gradio's default theme asks a font host for them.
        theme = gr.themes.Default(font=("system-ui", "sans-serif"), font_mono=("ui-monospace", "monospace"))
        app = gr.mount_gradio_app(
            _bare_application(),
            page,
            "/",
            theme=theme,
            css=_CSS,
            footer_links=[],
            max_file_size=LARGEST_UPLOAD,
            show_error=True,
            ssr_mode=False,
            mcp_server=False,
            pwa=False,
            enable_monitoring=False,
        )
        return serve(guarded(app, listener.getsockname()[1]), listener)
    except BaseException:
        listener.close()
        raise


def open_browser(url: str) -> None:
    """Show the page in the user's browser, if there is one."""
    webbrowser.open(url)


def _bare_application() -> Any:
    from fastapi import FastAPI

    return FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


def _gradio() -> Any:
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when it is imported
    try:
        with no_proxy():  # Gradio's client is made when it is imported, and would look for the proxy's packages
            import gradio
    except ModuleNotFoundError as error:
        if error.name == "gradio":
            raise ExtraError.about("rembg-skin tune", "Gradio", "cli") from None
        raise SkinError(f"rembg-skin tune: Gradio is installed, but a package that it needs is not: {error}") from None
    except ImportError as error:
        raise SkinError(f"rembg-skin tune: Gradio is installed but does not start: {error}") from None
    if int(gradio.__version__.partition(".")[0]) < _GRADIO:
        raise SkinError(
            f"rembg-skin tune needs Gradio {_GRADIO}; {gradio.__version__} is installed: pip install --upgrade gradio"
        )
    return gradio
