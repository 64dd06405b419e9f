"""The commands of ``rembg-skin``, one in each module; :mod:`rembg_skin.cli` imports only the given one."""
