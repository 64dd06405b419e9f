"""Fill rembg's tables with the skin sessions."""

from rembg_skin.catalog import MODELS


def register() -> None:
    """Add every skin session to rembg's tables, in place; a name that rembg has already stays rembg's.

    The command, the server and ``new_session`` all read these very lists. Registering twice changes nothing.
    """
    # rembg's import registers too, and needs this module to be complete.
    from rembg import sessions as tables

    from rembg_skin.sessions import session_classes

    for cls in session_classes():
        name = cls.name()
        if name in tables.sessions:
            continue
        tables.sessions[name] = cls
        tables.sessions_names.append(name)
        tables.sessions_class.append(cls)
        # rembg 2.0.78 and later.
        if hasattr(tables, "sessions_names_no_credentials"):
            tables.sessions_names_no_credentials.append(name)
        if hasattr(tables, "sessions_names_downloadable") and MODELS[name].sources:
            tables.sessions_names_downloadable.append(name)
