"""`inpaintdiff serve`: a model behind HTTP."""

import argparse
import logging
import socket
import tempfile
from pathlib import Path

from inpaintdiff.errors import CheckpointError, SettingError


def run(args: argparse.Namespace) -> int:
    """Answer requests until it is interrupted."""
    import uvicorn

    from inpaintdiff.checkpoint import load_denoiser, save_model
    from inpaintdiff.painting.painters import baseline_name, choose_device, model_file
    from inpaintdiff.painting.service import Limits
    from inpaintdiff.registry_server import application

    if baseline_name(args.model):
        raise CheckpointError(f"{args.model} has no weights to serve; expected builtin, a file, or models:/NAME@ALIAS")
    if args.max_megabytes <= 0 or args.max_waiting < 1:
        raise SettingError("--max-megabytes must be positive, and --max-waiting at least 1")
    limits = {"max_frames": args.max_frames, "max_pixels": args.max_pixels, "max_calls": args.max_calls}
    Limits(**limits)  # wrong ones are said before a model is loaded
    choose_device(args.device)
    listening = _listen(args.host, args.port)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = model_file(args.model, args.tracking_uri)
            denoiser, info = load_denoiser(path)
            if path.suffix != ".safetensors":
                path = save_model(Path(folder) / "weights.safetensors", info.config, denoiser.state_dict(), info.card)
            server = application(
                path,
                info.card_markdown(),
                limits=limits,
                max_bytes=int(args.max_megabytes * 1e6),
                max_waiting=args.max_waiting,
                device=args.device,
            )
        host, port = listening.getsockname()[:2]
        print(f"serving {args.model} at http://{host}:{port}/invocations; end it with Ctrl-C", flush=True)
        level = logging.INFO if args.verbose else logging.WARNING
        uvicorn.Server(uvicorn.Config(server, log_level=level, lifespan="off")).run(sockets=[listening])
    finally:
        listening.close()
    return 0


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens already, so that the printed address is true, also for port 0."""
    if not 0 <= port < 2**16:
        raise SettingError(f"--port {port} is no port; expected 1 to 65535, or 0 for any that is free")
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as e:
        raise SettingError(f"{host} port {port} cannot be listened at: {e.strerror or e}; give another --port") from e
