"""`inpaintdiff models`: what the registry holds, a model's card, and registering a file."""

import argparse
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from inpaintdiff.errors import CheckpointError

_ADDRESSES = ("models:/", "runs:/")


def list_(args: argparse.Namespace) -> int:
    """One line a version: name, version, aliases, date, run and tags."""
    from inpaintdiff.checkpoint import BUILTIN
    from inpaintdiff.registry import list_models, tracking

    store = tracking(uri=args.tracking_uri)
    entries = list_models(store)
    shipped = f"built in: {', '.join(BUILTIN)}; the word builtin stands for the first"
    if not entries:
        print(
            f"no models in {store.uri} yet; inpaintdiff fit and inpaintdiff models register put them there\n{shipped}"
        )
        return 0
    rows = [("MODEL", "VERSION", "ALIASES", "REGISTERED", "RUN", "TAGS")]
    for e in entries:
        date = datetime.fromtimestamp(e.created, UTC).strftime("%Y-%m-%d %H:%M")
        # the digest is in `models show`; here it would only push the rest off the line
        tags = ", ".join(f"{k}={v}" for k, v in sorted(e.tags.items()) if k != "sha256")
        rows.append((e.name, e.version, ", ".join(e.aliases) or "-", date, e.run_id or "-", tags or "-"))
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print(
        f"\nuse one with --model models:/NAME@ALIAS or models:/NAME/VERSION; look at it with: {store.open_with()}\n{shipped}"
    )
    return 0


def show(args: argparse.Namespace) -> int:
    """The model card, and where the weights lie."""
    from inpaintdiff.checkpoint import file_digest, load_denoiser, model_path
    from inpaintdiff.registry import list_models, resolve_model, tracking

    _refuse_baseline(args.model)
    store = tracking(uri=args.tracking_uri)
    registered = args.model.startswith(_ADDRESSES)
    path = resolve_model(args.model, store) if registered else model_path(args.model)
    denoiser, info = load_denoiser(path)
    print(info.card_markdown())
    count = sum(p.numel() for p in denoiser.parameters())
    digest = file_digest(path)
    print(f"file        {path}, {path.stat().st_size / 1e6:.1f} MB\nsha256      {digest}\nparameters  {count:,}")
    if registered:
        for e in list_models(store):
            if e.tags.get("sha256") == digest:
                print(
                    f"registered  {e.name} version {e.version}, aliases: {', '.join(e.aliases) or 'none'}, run {e.run_id}"
                )
    return 0


def register(args: argparse.Namespace) -> int:
    """Register a model file as a version, and point the alias at it. Of a Lightning checkpoint the averaged weights are taken."""
    from inpaintdiff.checkpoint import load_denoiser, model_path, save_model
    from inpaintdiff.registry import register_model, tracking

    _refuse_baseline(args.model)
    if args.model.startswith(_ADDRESSES):
        raise CheckpointError(
            f"{args.model} is in the registry already; expected a .safetensors or .ckpt file, or builtin"
        )
    store = tracking(uri=args.tracking_uri)
    path, alias = model_path(args.model), args.alias or None
    with tempfile.TemporaryDirectory() as folder:
        denoiser, info = load_denoiser(path)
        if path.suffix != ".safetensors":
            path = save_model(Path(folder) / "exported.safetensors", info.config, denoiser.state_dict(), info.card)
        version = register_model(path, args.name, alias=alias, store=store)
    print(
        f"{args.name} version {version}; use it with --model models:/{args.name}{f'@{alias}' if alias else f'/{version}'}"
    )
    return 0


def _refuse_baseline(model: str) -> None:
    if model.startswith("baseline:"):
        raise CheckpointError(f"{model} has no weights; expected builtin, a file, or models:/NAME@ALIAS")
