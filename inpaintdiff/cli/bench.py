"""`inpaintdiff bench-schemes` and `bench-solvers`: what is judged exactly, as tables and figures."""

import argparse
import os

from inpaintdiff.errors import VideoWriteError


def run(args: argparse.Namespace) -> int:
    """Print the tables; with --out also write them, the numbers and the figures."""
    if args.out is not None:
        try:
            args.out.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise VideoWriteError(f"cannot make the folder {args.out}: {e.strerror or e}") from e
    # many small matrices: more threads only wait for each other, on a busy machine for minutes; read when numpy is first imported
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from inpaintdiff.analysis.bench import bench_schemes

    bench = bench_schemes()
    print(bench.text())
    if args.out is not None:
        print("", *(f"wrote {path}" for path in bench.save(args.out)), sep="\n")
    return 0


def run_solvers(_: argparse.Namespace) -> int:
    """Print how every deterministic solver converges."""
    from inpaintdiff.analysis.solver_orders import bench_solvers, orders_as_text

    print(orders_as_text(bench_solvers()))
    return 0
