"""``python -m rembg_skin``: the ``rembg-skin`` command."""

import sys

from rembg_skin.cli import main

if __name__ == "__main__":
    sys.exit(main())
