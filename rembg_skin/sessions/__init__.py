"""The sessions, one module a family.

rembg is imported first: doing so registers the sessions, which needs their modules not to be half imported by then.
"""

import rembg.sessions  # noqa: F401
