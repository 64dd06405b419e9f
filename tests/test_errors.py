"""Our errors as rembg's server meets them: Starlette answers with their status and detail."""

import logging
from collections.abc import Iterator

import pytest

from rembg_skin.errors import ModelError, OptionError, WeightsError

MESSAGE = "pan_skin: /home/me/models/pan_skin.onnx is another network.\nDelete the file."


def test_an_extra_that_is_not_possible_is_the_clients_fault() -> None:
    exceptions = pytest.importorskip("starlette.exceptions")
    error = OptionError.about("icm_skin", "sweeps", 99, "a whole number from 0 to 50")
    assert isinstance(error, exceptions.HTTPException)
    assert error.status_code == 400
    assert (
        error.detail == str(error) == "icm_skin: sweeps=99 is not possible; sweeps takes a whole number from 0 to 50."
    )


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


def test_outside_of_a_server_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    WeightsError(MESSAGE)
    assert caplog.messages == []
