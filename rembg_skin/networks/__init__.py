"""Run networks with ONNX Runtime and LiteRT, and detect faces."""
