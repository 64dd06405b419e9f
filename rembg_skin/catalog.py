"""Every skin model as data: its input, the sources of its weights, its cost, its published and measured accuracy.

Facts and published figures are from the README of samhaswon/skin_segmentation, unless an entry says otherwise. Each
sha256 was computed from the file, read from its host, or pinned by a published program: see its `hash_origin`.
"""

import os
from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class FileSource:
    """A file at a fixed URL whose sha256 is known; `mirror` is its path below ``REMBG_SKIN_MIRROR``."""

    url: str
    sha256: str
    hash_origin: str
    mirror: str  # <owner>/<repository>/<tag or commit>/<file>
    size: int | None = None  # bytes


@dataclass(frozen=True)
class ReleaseSource:
    """An asset of a GitHub release; its URL, size and digest are learned from the host.

    `pattern` is a regular expression that must match the asset name; without `tag` any release counts, newest first.
    """

    owner: str
    repo: str
    pattern: str
    tag: str | None = None


Source = FileSource | ReleaseSource


@dataclass(frozen=True)
class Network:
    """The input and the output of a network.

    `size` is the input's side in pixels, `fit` how the image is brought to it; RGB / 255 is normalized by `mean` and
    `std` (ImageNet's, if given) and laid out as float32 [batch, `inputs`, height, width]. Of the first output's
    `channels` (values 0 to 1), number `channel` is skin. `stretch` says when the output is min-max stretched by
    default, `blur` the side and sigma of the Gaussian that follows the opening in the clean-up.
    """

    size: int
    automatic: bool = False  # `size` is the maximum; `automatic_sides` picks the sides for each image
    inputs: int = 3
    channels: int = 1
    channel: int = 0
    outputs: int = 1  # at most; U2-Net's own export has its six side outputs besides
    size_step: int = 1  # a dynamic size has to be a multiple of it
    own_size: bool = False  # the released graph's fixed size is not known: any square one is accepted
    fit: Literal["stretch", "letterbox", "proportional"] = "stretch"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    stretch: Literal["auto", "always", "never"] = "auto"
    blur: tuple[int, float] = (9, 2.0)
    # The further output of the graph, by its name, whose mask leaves out eyes, brows and mouth.
    skin_output: str | None = None
    levels: tuple[int, int] = (0, 255)  # default `low` and `high`: from veil to full, in levels of the mask
    # Pillow's: how far large photographs are averaged down before LANCZOS. Smaller is faster: 12 megapixels to 1024
    # take 48 ms at 1.4 and 123 ms without; `tests/sessions/test_parity.py` holds the masks to the reference's.
    reducing_gap: float = 2.0
    # ONNX Runtime's setting of that name, on the CPU. Off, U2-Net at 1024 peaks at 3.5 GB instead of 5.6 and U2-NetP at
    # 512 at 0.6 instead of 1.1, in 1.00 to 1.05 times the time (`benchmarks/neural.py memory`).
    memory_pattern: bool = False
    memory_needed: int = 0  # bytes, if the CPU runs it


@dataclass(frozen=True)
class Published:
    """Published figures: mean IoU on the authors' training and evaluation data, seconds per image."""

    where: str
    miou_train: float | None = None
    miou_eval: float | None = None
    seconds: float | None = None  # ONNX Runtime, CPU: Ryzen 7 4800H


@dataclass(frozen=True)
class Cost:
    """The cost of one picture: parameters, and multiply-adds in billions at an input of `side` x `side`."""

    side: int  # pixels
    gflops: float
    parameters: int
    origin: str  # how the figures were obtained


@dataclass(frozen=True)
class Measured:
    """Mean IoU at 0.5 on each of the sets in `MEASURED_ON`; never compared with `Published`."""

    street: float
    hands: float
    torsos: float
    faces: float

    @property
    def mean(self) -> float:
        """Mean of the four sets, each counting the same."""
        return (self.street + self.hands + self.torsos + self.faces) / 4


@dataclass(frozen=True)
class Model:
    """One session: its name, the kind of method, and the files that it needs."""

    name: str
    title: str
    architecture: str
    network: Network | None = None  # None: a classic method
    sources: tuple[Source, ...] = ()  # tried in order; empty: nothing to download
    license: str = "MIT"  # of the weights, or of the code of a method without weights
    published: Published | None = None
    suffix: str = ".onnx"
    packaged: bool = False  # the weights ship inside this package
    base: str | None = None  # refined models: the session that makes the base mask
    extra_files: tuple[str, ...] = ()  # further catalog entries whose files are needed
    is_session: bool = True  # False: a file that other sessions need, such as a detector

    @property
    def cost(self) -> Cost | None:
        """The cost of a picture to the network of this entry; None without a network, or if it is not known."""
        return COSTS.get(self.name)

    @property
    def measured(self) -> Measured | None:
        """Accuracy measured by this project; None for a model whose weights were not available to it."""
        return MEASURED.get(self.name)


GPL = "GPL-3.0"
AUTHOR_TABLE = "samhaswon/skin_segmentation, README (own train and evaluation data)"

_COUNTED = "multiply-adds of convolutions and matrix products, counted from the graph by benchmarks/cost.py"
_STATED = "README of samhaswon/skin_segmentation, counted there by fvcore"

# `python -m benchmarks.cost` prints the counted ones; with fvcore's terms for normalization and resizing its count is
# the published one to every digit: 604.007, 205.082 (U2-NetP at 1024), 51.271 and 2.473.
COSTS: dict[str, Cost] = {
    "u2net_skin": Cost(1024, 600.046, 44_009_869, _COUNTED),
    "u2netp_skin": Cost(512, 50.576, 1_131_181, _COUNTED),
    "dlmv_skin": Cost(256, 2.456, 11_020_337, _COUNTED),
    "refiner": Cost(512, 50.727, 1_131_757, _COUNTED),
    "tiny_skin": Cost(768, 5.603, 3_104_866, f"{_COUNTED}; the closer of two looks"),
    "pan_skin": Cost(512, 0.704, 1_015_702, _COUNTED),
    "yunet": Cost(640, 0.344, 53_104, _COUNTED),
    "birefnet_skin": Cost(1728, 659.0, 44_313_720, _STATED),
    "sunet_skin": Cost(320, 8.3, 79_937, _STATED),
}
for _family in ("u2net", "u2netp", "dlmv"):
    for _engine in ("fbgemm", "qnnpack"):
        _origin = f"{_COUNTED}; of the network before quantization"
        COSTS[f"{_family}_skin_{_engine}"] = replace(COSTS[f"{_family}_skin"], origin=_origin)

# Mean IoU at 0.5 by `rembg-skin eval`, measured by this project. tiny_skin: each set held out of its training.
MEASURED_ON = (
    "mean IoU at 0.5 of the photographs that tiny_skin is never trained on (`is_held_out` in training/data.py): 80 of"
    " people in the street (CCP), 82 of one person's hands (HGR), 40 torsos (abd-skin-segmentation), 20 studio faces"
    " (SFA); 2026-11-25, rembg 2.0.86, ONNX Runtime 1.32; mediapipe_skin (LiteRT 2.3) 2026-11-28, tiny_skin 2026-11-29"
)
MEASURED_TABLE = "measured by this project on 222 public photographs"
MEASURED: dict[str, Measured] = {
    "tiny_skin": Measured(0.759, 0.965, 0.947, 0.940),
    "mediapipe_skin": Measured(0.750, 0.938, 0.347, 0.932),
    "pan_skin": Measured(0.513, 0.937, 0.564, 0.921),
    "ycbcr_skin": Measured(0.319, 0.945, 0.847, 0.819),
    "ycbcr_hsv_skin": Measured(0.324, 0.839, 0.780, 0.832),
    "hsv_skin": Measured(0.286, 0.840, 0.790, 0.840),
    "ellipse_skin": Measured(0.337, 0.904, 0.671, 0.753),
    "diagonal_skin": Measured(0.405, 0.939, 0.708, 0.607),
    "icm_skin": Measured(0.449, 0.933, 0.685, 0.530),
}


def _asset(name: str) -> ReleaseSource:
    return ReleaseSource("samhaswon", "skin_segmentation", rf"(skin_)?{name}\.onnx")


def _term_project(name: str) -> ReleaseSource:
    return ReleaseSource("samhaswon", "csc6780-term-project", rf"{name}\.onnx", tag="v0.0.0")


def _medusab(asset: str, sha256: str) -> FileSource:
    repository = "83catsonthemoon/medusab-segmenter"
    url = f"https://github.com/{repository}/releases/download/v0.0.0/{asset}"
    origin = f"pinned by {repository} @832906b, src/segmentationsession.cpp"
    return FileSource(url, sha256, origin, f"{repository}/v0.0.0/{asset}")


def _author(
    name: str, asset: str, title: str, structure: str, network: Network, figures: tuple[float, ...], *more: Source
) -> Model:
    published = Published(AUTHOR_TABLE, *figures)
    return Model(name, title, structure, network, (_asset(asset), *more), license=GPL, published=published)


_U2NET = Network(1024, outputs=7, reducing_gap=1.4)
_U2NETP = Network(512, outputs=7, reducing_gap=1.4)
_DLMV = Network(256, outputs=2, reducing_gap=5.0)
_BIREFNET = Network(  # README of samhaswon/skin_segmentation: about 40 GB
    1728, outputs=7, own_size=True, fit="letterbox", stretch="never", blur=(3, 2.0), memory_needed=40_000_000_000
)
# Some networks leave a veil over the background and few pixels of skin full. On eight sets these levels brought
# pan_skin's mean absolute error from .0781 to .0756, the background's pixels of level 1 to 12 from 3.6 to .4 %, the
# skin's of level 255 from 49 to 89 %. Symmetric, they leave the IoU at 127 as it is.
_NO_VEIL = (32, 223)
REFINER_NETWORK = Network(512, inputs=4, outputs=7, blur=(3, 1.0))

# Quantization-aware variants; "fbgemm" was made for x86 processors, "qnnpack" for Arm.
_QUANTIZED = tuple(
    _author(
        f"{family}_skin_{engine}",
        f"{family}_quant_{engine}",
        f"{title}, quantized ({engine})",
        f"{title}, quantization-aware",
        network,
        figures,
    )
    for family, title, network, fbgemm, qnnpack in (
        ("u2net", "U2-Net", _U2NET, (0.957, 0.911, 2.95), (0.957, 0.914, 2.96)),
        ("u2netp", "U2-NetP", _U2NETP, (0.934, 0.848, 0.59), (0.931, 0.843, 0.42)),
        ("dlmv", "DeepLabV3 + MobileNetV3", _DLMV, (0.854, 0.644, 0.019), (0.854, 0.643, 0.013)),
    )
    for engine, figures in (("fbgemm", fbgemm), ("qnnpack", qnnpack))
)

_KAZUHITO = "Kazuhito00/Skin-Clothes-Hair-Segmentation-using-SMP"
_PAN = f"{_KAZUHITO}/043fc08bf0ed845b36485a115085104c6459cbc4"
_NEURAL = (
    Model(
        "tiny_skin",
        "Tiny, inside the package",
        "EfficientNet-Lite0, PAN's attention",
        Network(
            768,
            automatic=True,
            outputs=2,
            skin_output="skin",
            fit="proportional",
            stretch="never",
            size_step=32,
            blur=(3, 1.0),
            levels=_NO_VEIL,
            reducing_gap=1.7,
        ),
        license="Apache-2.0",
        packaged=True,
    ),
    _author(
        "u2net_skin",
        "u2net",
        "U2-Net",
        "U2-Net",
        _U2NET,
        (0.957, 0.919, 3.09),
        _medusab("u2net.onnx", "ac44f925c222a842d51d60f336e766621fc3593bced20a3624663dc0022c97ed"),
    ),
    _author("u2netp_skin", "u2netp", "U2-NetP", "U2-NetP", _U2NETP, (0.929, 0.819, 0.34), _term_project("u2netp")),
    _author(
        "dlmv_skin", "dlmv", "DeepLabV3 + MobileNetV3", "DeepLabV3, MobileNetV3-large", _DLMV, (0.871, 0.655, 0.012)
    ),
    *_QUANTIZED,
    _author(
        "birefnet_skin",
        "birefnet",
        "BiRefNet lite (about 40 GB of memory on CPU)",
        "BiRefNet_lite",
        _BIREFNET,
        (0.973, 0.951, 18.9),
        _medusab("birefnet.onnx", "9f765b0372222b0ea2dcd60a013e8a2e77a905f1ff2f65c3ccdc24c3a1202251"),
    ),
    _author("sunet_skin", "sunet", "Straight U2-Net", "StraightU2Net", Network(320, outputs=7), (0.867, 0.818, 0.048)),
    Model(
        "pan_skin",
        "PAN, MobileNetV3 small",
        "Pyramid Attention Network, MobileNetV3 small",
        Network(
            512, channels=3, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), stretch="never", levels=_NO_VEIL
        ),
        (
            FileSource(
                f"https://raw.githubusercontent.com/{_PAN}/02.model/_old/"
                "PAN(timm-mobilenetv3_small_100)_452_1.02M_0.8028/best_model_simplifier.onnx",
                "324a22a1c2e3a433d6225d4c5c50f50912797a4d14b69f7d632eeb5c85346f36",
                "computed from the file at that commit",
                f"{_PAN}/best_model_simplifier.onnx",
                size=4_093_734,
            ),
        ),
        published=Published(f"{_KAZUHITO} (skin, clothes and hair)", None, 0.803),
    ),
)


_REFINED = tuple(
    Model(
        f"{base}_refined",
        f"{title}, refined in 512-pixel tiles",
        f"{title} + U2-NetP patch network",
        license=GPL,
        published=Published(AUTHOR_TABLE, miou_eval=evaluation),
        base=base,
        extra_files=("refiner",),
    )
    for base, title, evaluation in (
        ("u2net_skin", "U2-Net", 0.928),
        ("u2netp_skin", "U2-NetP", 0.862),
        ("birefnet_skin", "BiRefNet lite", 0.953),
    )
)

_SELFIE = Model(
    "mediapipe_skin",
    "MediaPipe selfie multiclass",
    "MobileNetV3, TFLite",
    Network(256, channels=6, stretch="never", levels=_NO_VEIL),
    (
        FileSource(
            "https://storage.googleapis.com/mediapipe-models/image_segmenter/selfie_multiclass_256x256/float32/1/"
            "selfie_multiclass_256x256.tflite",
            "c6748b1253a99067ef71f7e26ca71096cd449baefa8f101900ea23016507e0e0",
            "pinned by ten independent published programs",
            "google/mediapipe-models/selfie_multiclass_256x256-float32-1/selfie_multiclass_256x256.tflite",
            size=16_371_837,
        ),
    ),
    license="Apache-2.0",
    published=Published(AUTHOR_TABLE, miou_train=0.619, miou_eval=0.556),
    suffix=".tflite",
)

_FILES = (
    Model(
        "refiner",
        "Patch network of the refined models",
        "U2-NetP, RGB + mask",
        REFINER_NETWORK,
        (
            _medusab("u2netp_chunks.onnx", "657bdf94e7f1a66d8f0d36b645023cb06368c48b48b47f7c6502d835d5457b49"),
            _term_project("u2netp_chunks"),
            _asset("u2netp_chunks"),
        ),
        license=GPL,
        is_session=False,
    ),
    Model(
        "yunet",
        "YuNet face detector (for face_skin)",
        "YuNet",
        sources=(
            FileSource(
                "https://media.githubusercontent.com/media/opencv/opencv_zoo/47534e27c9851bb1128ccc0102f1145e27f23f98/"
                "models/face_detection_yunet/face_detection_yunet_2023mar.onnx",
                "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
                "computed from the file; also its Git LFS pointer in opencv/opencv_zoo",
                "opencv/opencv_zoo/47534e27c9851bb1128ccc0102f1145e27f23f98/face_detection_yunet_2023mar.onnx",
                size=232_589,
            ),
        ),
        is_session=False,
    ),
)


def _classic(name: str, title: str, evaluation: float, extra_files: tuple[str, ...] = ()) -> Model:
    published = Published(AUTHOR_TABLE, miou_eval=evaluation)
    return Model(name, title, "classic color method", published=published, extra_files=extra_files)


_CLASSIC = (
    _classic("hsv_skin", "HSV range", 0.541),
    _classic("ycbcr_skin", "YCbCr range", 0.536),
    _classic("ycbcr_hsv_skin", "YCbCr and HSV ranges", 0.562),
    _classic("ellipse_skin", "Cb-Cr ellipse", 0.522),
    _classic("diagonal_skin", "Cb-Cr rotated ellipse", 0.608),
    _classic("icm_skin", "Color mixtures and a Markov random field", 0.621),
    _classic("face_skin", "Colors of the picture's own faces", 0.352, ("yunet",)),
)

SKIN = "skin"  # another name of the recommended model
RECOMMENDED = "tiny_skin"
_SKIN = Model(
    SKIN,
    f"The recommended model, {RECOMMENDED}; REMBG_SKIN_MODEL names another",
    f"that of {RECOMMENDED}",
    license="Apache-2.0",
)

# Written by `tools/pin_hashes.py`: release assets whose bytes were downloaded and hashed.
PINS: dict[str, tuple[FileSource, ...]] = {}
# End of what `tools/pin_hashes.py` writes.


def _pinned(model: Model) -> Model:
    # Sources with a known hash come first.
    sources = sorted((*model.sources, *PINS.get(model.name, ())), key=lambda source: isinstance(source, ReleaseSource))
    return replace(model, sources=tuple(sources))


MODELS: dict[str, Model] = {model.name: _pinned(model) for model in (_SKIN, *_NEURAL, *_REFINED, _SELFIE, *_CLASSIC)}
FILES: dict[str, Model] = {model.name: _pinned(model) for model in (*_NEURAL, _SELFIE, *_FILES) if model.sources}


def resolved(name: str) -> str:
    """Return the name behind `name`, for `skin` that in ``REMBG_SKIN_MODEL``; raise SettingError if it is no model."""
    if name != SKIN:
        return name
    chosen = os.environ.get("REMBG_SKIN_MODEL", "").strip() or RECOMMENDED
    if chosen not in MODELS or chosen == SKIN:
        from rembg_skin.errors import SettingError, did_you_mean, printable

        meant = did_you_mean(chosen, [name for name in MODELS if name != SKIN], [RECOMMENDED], most=1)
        raise SettingError(f'REMBG_SKIN_MODEL="{printable(chosen)}" is not a skin model; {meant}')
    return chosen


def files_of(model: Model) -> list[Model]:
    """Return the entries of the files that `model` downloads, its own among them."""
    model = MODELS.get(resolved(model.name), model)
    base = files_of(MODELS[model.base]) if model.base else []
    return [*base, *([model] if model.sources else []), *map(FILES.__getitem__, model.extra_files)]
