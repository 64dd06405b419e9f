"""A certificate for loopback, valid from and until any date, made by OpenSSL's command."""

import shutil
import subprocess
from pathlib import Path

import pytest

_CONFIG = """
[own]
database = index
copy_extensions = copy
rand_serial = yes
[req]
distinguished_name = name
[name]
commonName = supplied
"""


def certificate(folder: Path, since: int = 2020, until: int = 2099) -> tuple[Path, Path]:
    """Return the files of a certificate and its key in `folder`; the years are those of its first and last day."""
    if shutil.which("openssl") is None:
        pytest.skip("makes a certificate with openssl")
    (folder / "index").touch()
    (folder / "config").write_text(_CONFIG)
    ask = "openssl req -config config -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=loopback"
    names = "-addext subjectAltName=IP:127.0.0.1,DNS:localhost -addext basicConstraints=CA:TRUE"
    sign = "openssl ca -config config -name own -policy name -md sha256 -outdir . -batch -notext -selfsign"
    dates = f"-startdate {since}0101000000Z -enddate {until}1231000000Z"
    for command in (
        f"{ask} {names} -keyout own.key -out request.pem",
        f"{sign} {dates} -in request.pem -keyfile own.key -out own.pem",
    ):
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return folder / "own.pem", folder / "own.key"
