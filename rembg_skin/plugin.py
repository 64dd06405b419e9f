"""Fill rembg's tables with the skin sessions."""

from typing import TYPE_CHECKING, Any

from rembg_skin.catalog import MODELS, Model, resolved

if TYPE_CHECKING:
    from rembg_skin.sessions.base import SkinSession


def register() -> None:
    """Add every skin model to rembg's tables, in place; a name that rembg has already stays rembg's.

    The command, the server and ``new_session`` all read these very lists. Registering twice changes nothing.
    """
    from rembg import sessions as tables

    for name, model in MODELS.items():
        if name in tables.sessions:
            continue
        entry = _entry(model, tables.BaseSession)
        tables.sessions[name] = entry
        tables.sessions_names.append(name)
        tables.sessions_class.append(entry)
        # rembg 2.0.78 and later.
        if hasattr(tables, "sessions_names_no_credentials"):
            tables.sessions_names_no_credentials.append(name)
        if hasattr(tables, "sessions_names_downloadable") and (model.sources or model.extra_files):
            tables.sessions_names_downloadable.append(name)


def _entry(model: Model, base: Any) -> type[Any]:
    """Return the entry of a model in the tables. Sessions are imported when one is opened, so that starts are quick."""

    def real() -> type["SkinSession"]:
        from rembg_skin.sessions import session_classes

        return session_classes()[resolved(model.name)]

    class Entry(base):  # type: ignore[misc]
        """Open the session of this name."""

        def __new__(cls, _model_name: str, *args: Any, **kwargs: Any) -> Any:
            session = real()
            return session(session.name(), *args, **kwargs)

        @classmethod
        def name(cls, *_args: Any, **_kwargs: Any) -> str:
            return model.name

        @classmethod
        def download_models(cls, *args: Any, **kwargs: Any) -> str | None:
            return real().download_models(*args, **kwargs)

    return Entry
