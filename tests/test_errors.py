"""Our errors as rembg's server meets them: Starlette answers with their status and detail."""

import logging
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from rembg_skin.errors import ImageError, ModelError, OptionError, WeightsError

MESSAGE = "pan_skin: /home/me/models/pan_skin.onnx is another network.\nDelete the file."


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            OptionError.about("icm_skin", "sweeps", 99, "a whole number from 0 to 50"),
            "icm_skin: sweeps=99 is not possible; sweeps takes a whole number from 0 to 50.",
        ),
        (ImageError("its colors are not known here"), "its colors are not known here"),
    ],
)
def test_an_extra_or_image_that_is_not_possible_is_the_clients_fault(error: Exception, text: str) -> None:
    exceptions = pytest.importorskip("starlette.exceptions")
    assert isinstance(error, exceptions.HTTPException)
    assert (error.status_code, error.detail, str(error)) == (400, text, text)


@pytest.fixture
def server_log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Capture what uvicorn's log gets while a server runs: it has a handler then."""
    log = logging.getLogger("uvicorn")
    log.addHandler(caplog.handler)
    yield caplog
    log.removeHandler(caplog.handler)


@pytest.mark.parametrize("kind", [ModelError, WeightsError])
def test_a_model_that_is_not_ready_is_told_to_the_servers_log_alone(
    kind: type[Exception], server_log: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("starlette")
    error = kind(MESSAGE)
    assert str(error) == MESSAGE
    assert error.status_code == 503  # type: ignore[attr-defined]
    assert "/home" not in error.detail  # type: ignore[attr-defined]
    assert set(server_log.messages) == {"pan_skin: /home/me/models/pan_skin.onnx is another network. Delete the file."}


def test_outside_of_a_server_nothing_is_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "starlette.applications", raising=False)
    WeightsError(MESSAGE)
    assert caplog.messages == []


def test_in_an_application_of_ones_own_the_package_logs_it(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "starlette.applications", ModuleType("starlette.applications"))
    for command in ("rembg.cli", "rembg_skin.cli"):
        monkeypatch.delitem(sys.modules, command, raising=False)
    assert WeightsError("u2net_skin: no network.\nTry again later.").status_code == 503
    assert [(record.name, record.getMessage()) for record in caplog.records] == [
        ("rembg_skin", "u2net_skin: no network. Try again later.")
    ]
    monkeypatch.setitem(sys.modules, "rembg.cli", ModuleType("rembg.cli"))
    WeightsError("a command prints it itself")
    assert len(caplog.records) == 1
