"""`rlar serve`: rewards over HTTP."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rlar.cli.options import parse_route
from rlar.errors import InputError, MissingExtra

LOOPBACK = ("127.0.0.1", "::1", "localhost")

LibraryFolder = Annotated[Path | None, typer.Option("--library", help="a folder with tools; else the built-in ones")]
Host = Annotated[str, typer.Option(help="address to listen on; anything but loopback needs keys")]
Port = Annotated[int, typer.Option(min=1, max=65535)]
KeyFile = Annotated[Path | None, typer.Option("--key-file", help="who may ask: lines NAME:SHA256 of bearer keys")]
AddKey = Annotated[str | None, typer.Option("--add-key", metavar="NAME", help="make a key, write its hash, and stop")]
Route = Annotated[str | None, typer.Option(help="a static map, 'gsm8k=math' or a .json file; without it, by content")]
MaxBody = Annotated[int, typer.Option("--max-body-mib", min=1, max=1024, help="largest request")]
MaxRequests = Annotated[int, typer.Option("--max-requests", min=1, help="requests at once; more get 429")]
Queue = Annotated[int, typer.Option("--queue", min=1, help="responses waiting or being judged; more get 429")]
Deadline = Annotated[float, typer.Option("--deadline-s", min=0.01, help="wall seconds, where the caller says none")]
Meet = Annotated[float | None, typer.Option("--meet-s", min=0.01, help="how long members of a group wait for others")]
Partial = Annotated[str, typer.Option(help="groups that stay partial: abstain or score")]
GroupSize = Annotated[int | None, typer.Option("--group-size", min=1, help="responses per prompt, if sent singly")]
Floor = Annotated[float, typer.Option(help="the number for missing rewards, for trainers that take no null")]
Cache = Annotated[Path | None, typer.Option("--cache", help="keep judgements in this file: they survive a restart")]
RunCode = Annotated[bool, typer.Option("--run-code/--no-run-code", help="whether /run_code runs programs (sandboxed)")]
Grace = Annotated[int, typer.Option("--grace-s", min=0, help="seconds to finish what was taken in when told to stop")]
LogLevel = Annotated[str, typer.Option("--log-level")]


def serve(
    library: LibraryFolder = None,
    host: Host = "127.0.0.1",
    port: Port = 8080,
    key_file: KeyFile = None,
    add_key: AddKey = None,
    route: Route = None,
    max_body_mib: MaxBody = 32,
    max_requests: MaxRequests = 256,
    queue: Queue = 50_000,
    deadline_s: Deadline = 100.0,
    meet_s: Meet = None,
    partial: Partial = "abstain",
    group_size: GroupSize = None,
    floor: Floor = 0.0,
    cache: Cache = None,
    run_code: RunCode = True,
    grace_s: Grace = 30,
    log_level: LogLevel = "info",
) -> int:
    """Serve rewards: /v1/score, and routes for OpenRLHF, slime, NeMo Gym, vLLM's classifier and SandboxFusion.

    Keys are bearer keys; the file holds only their hashes. There is no TLS here: put a proxy before it.
    SIGTERM finishes what was taken in.
    """
    try:
        from rlar.server.app import Serving
        from rlar.server.keys import Keys
        from rlar.server.keys import add_key as make_key
        from rlar.server.running import serve as run
    except ImportError as e:
        raise MissingExtra("rlar serve", "server") from e
    from rlar.adapters.settings import Settings

    if add_key is not None:
        if key_file is None:
            raise InputError("--add-key needs --key-file, the file to write the hash to")
        sys.stdout.write(make_key(key_file, add_key) + "\n")
        return 0
    keys = Keys.read(key_file) if key_file is not None else None
    if keys is None and host not in LOOPBACK:
        raise InputError(f"--host {host} is open to others; give --key-file, or listen on 127.0.0.1 behind a proxy")
    settings = Settings.of(
        None, library=library, route=parse_route(route), cache=cache or True, floor=floor, meet_s=meet_s,
        partial=partial, group_size=group_size,
    )  # fmt: skip
    serving = Serving(
        keys=keys, max_body=max_body_mib << 20, max_requests=max_requests, queue=queue, deadline_s=deadline_s,
        run_code=run_code,
    )  # fmt: skip
    return run(settings, serving, host=host, port=port, grace_s=grace_s, log_level=log_level)
