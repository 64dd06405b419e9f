"""A certificate for loopback, valid from and until any date, made by OpenSSL's command."""

import shutil
import subprocess
from pathlib import Path

import pytest

_CONFIG = """
[ca]
default_ca = own
[own]
database = index
serial = serial
new_certs_dir = .
default_md = sha256
policy = policy
copy_extensions = copy
[policy]
commonName = supplied
[req]
distinguished_name = name
[name]
"""
_NAMES = "subjectAltName=IP:127.0.0.1,DNS:localhost"


def certificate(folder: Path, since: int = 2020, until: int = 2099) -> tuple[Path, Path]:
    """Return the files of a certificate and its key in `folder`; the years are those of its first and last day."""
    if shutil.which("openssl") is None:
        pytest.skip("makes a certificate with openssl")
    (folder / "index").touch()
    (folder / "serial").write_text("01")
    (folder / "config").write_text(_CONFIG)
    ask = "openssl req -config config -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=loopback"
    sign = "openssl ca -config config -batch -notext -selfsign -in request.pem -keyfile own.key -out own.pem"
    for command in (
        f"{ask} -addext {_NAMES} -addext basicConstraints=CA:TRUE -keyout own.key -out request.pem",
        f"{sign} -startdate {since}0101000000Z -enddate {until}1231000000Z",
    ):
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return folder / "own.pem", folder / "own.key"
