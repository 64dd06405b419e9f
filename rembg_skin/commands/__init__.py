"""The commands of ``rembg-skin``, one a module; :mod:`rembg_skin.cli` imports the one that is asked for."""
