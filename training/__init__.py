"""How `rembg_skin/data/tiny_skin.onnx` was made. Not part of the package; see README.md."""
