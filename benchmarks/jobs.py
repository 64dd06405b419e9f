"""Seven users' jobs, from the built wheel in a new environment as the pages describe them, and what each took.

A portrait for an editor, a film, a data set, a server, a paper's table, another runtime, a newcomer's first minutes.
Every command runs in a folder that holds photos and nothing of this checkout; a job that fails prints what it printed.
Needs FFmpeg, curl and the network for packages. Run it with `python -m benchmarks.jobs`, or with names of jobs.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.timing import PORTRAIT, ROOT, machine

# The first job installs; the others need it. The portrait stands for every photo.
JOBS = {
    "newcomer": """
        python3 -m venv venv
        pip install -q "$WHEEL[cpu,cli]"
        rembg-skin cut photo.jpg -o skin.png
        rembg i -m skin photo.jpg rembg.png
    """,
    "portraits": """
        pip install -q "$WHEEL[cpu,cli,psd]"
        rembg-skin cut photo.jpg -x '{"grow": 2, "feather": 1.5, "parts": "skin"}'
        rembg-skin cut large.tif -o large_skin.tif
        rembg-skin cut photo.jpg -o photo.psd
        python -c "from psd_tools import PSDImage; assert PSDImage.open('photo.psd')[0].mask"
    """,
    "films": """
        pip install -q "$WHEEL[cpu,video]"
        rembg-skin video film.mp4 cutout.webm
        rembg-skin video film.mp4 --csv skin.csv -m tiny_skin:size=256
        python pulse.py skin.csv
        ffprobe -v error cutout.webm
    """,
    "data sets": """
        pip install -q "$WHEEL[cpu,coco]"
        rembg-skin masks photos/ masks/ --coco skin.json
        rembg-skin masks photos/ masks/
        rembg-skin masks photos/ labels/ --labels
        rembg-skin augment photos/ masks/ -o augmented/
        python -c "from pycocotools.coco import COCO; assert len(COCO('skin.json').anns) == 8"
    """,
    "paper": """
        pip install -q "$WHEEL[cpu,eval,plot]"
        rembg-skin eval photos/ masks/ -m tiny_skin ycbcr_hsv_skin --table latex --csv all.csv --plot ious.pdf --worst 3
        rembg-skin compare photo.jpg -m hsv_skin tiny_skin -o compare.png
        rembg-skin stats photos/ masks/ -o figures/
    """,
    "server": """
        rembg s --no-ui --host 127.0.0.1 --port 7377 & trap 'kill $!' EXIT
        curl -s --retry 60 --retry-connrefused --retry-delay 1 -o page.html http://127.0.0.1:7377/api
        curl -sf -F file=@photo.jpg -F model=tiny_skin -o served.png http://127.0.0.1:7377/api/remove
        for i in $(seq 20); do
          curl -sf -F file=@photo.jpg -F model=tiny_skin -F om=true -o m$i.png http://127.0.0.1:7377/api/remove
        done
        cmp m1.png m20.png
    """,
    "runtimes": """
        pip install -q opencv-python-headless
        rembg-skin export tiny_skin tiny_skin_448.onnx --side 448
        python -c "import cv2; assert not cv2.dnn.readNetFromONNX('tiny_skin_448.onnx').empty()"
    """,
}


def desk(folder: Path) -> None:
    """Fill a folder with a photo, a large one in 16 bits, a folder of photos, and a film of pulsing skin."""
    shutil.copy(PORTRAIT, folder / "photo.jpg")
    shutil.copy(ROOT / "examples" / "pulse.py", folder)
    (folder / "photos").mkdir()
    for number in range(8):
        shutil.copy(PORTRAIT, folder / "photos" / f"{number}.jpg")
    ffmpeg = ["ffmpeg", "-v", "error", "-i", "photo.jpg"]
    subprocess.run([*ffmpeg, "-vf", "scale=4000:-2", "-pix_fmt", "rgb48le", "large.tif"], cwd=folder, check=True)
    # The camera zooms, and green pulses 72 times a minute.
    zoom = "zoompan=z='1+on/2000':d=360:s=640x480:fps=30,eq=eval=frame:gamma_g='1+0.02*sin(2*PI*1.2*t)'"
    subprocess.run([*ffmpeg, "-vf", zoom, "-pix_fmt", "yuv420p", "film.mp4"], cwd=folder, check=True)


def main() -> None:
    """Build the wheel, and print a line for each command and each job."""
    print(machine(), f"{os.cpu_count()} cores", flush=True)
    with TemporaryDirectory() as name:
        folder = Path(name)
        build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
        subprocess.run(build, check=True, capture_output=True)
        (wheel,) = folder.glob("*.whl")
        desk(folder)
        path = os.pathsep.join([str(folder / "venv" / "bin"), os.environ["PATH"]])
        kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "NUMBA_DISABLE_JIT")}
        environment = kept | {"PATH": path, "WHEEL": str(wheel), "U2NET_HOME": str(folder / "home")}
        for job in sys.argv[1:] or JOBS:
            start = time.monotonic()
            script = "set -euo pipefail\n" + JOBS[job]
            done = subprocess.run(
                ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
            )
            print(f"{job}: status {done.returncode}, {time.monotonic() - start:.0f} s", flush=True)
            if done.returncode:
                print(done.stdout[-2000:], done.stderr[-2000:])


if __name__ == "__main__":
    main()
