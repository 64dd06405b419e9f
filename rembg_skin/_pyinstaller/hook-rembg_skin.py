"""Give a frozen program what PyInstaller does not find by itself: data, metadata and late imports."""

from PyInstaller.utils.hooks import collect_data_files, collect_submodules, copy_metadata

datas = collect_data_files("rembg_skin")
for _name in ("rembg_skin", "rembg", "pymatting"):  # their versions are read from it
    datas += copy_metadata(_name)
hiddenimports = collect_submodules("rembg_skin.sessions")
