"""One process of a distributed evaluation: `python -m tests.metrics.one_of_two RANK WORLD VIDEOS STORE OUT`."""

import json
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.utils.data import DistributedSampler
from torchmetrics import MetricCollection

from tests.metrics.videos import feature_metrics, painted, pixel_metrics


def main(rank: int, world: int, videos: int, store: str, out: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=world)
    sampler: DistributedSampler[int] = DistributedSampler(range(videos), world, rank, shuffle=False)
    mine = list(sampler)
    metrics: list[MetricCollection] = [pixel_metrics(), feature_metrics()]
    for video in mine:
        prediction, truth, hole = painted(video)
        for metric in metrics:
            metric.update(prediction, truth, hole, video)
    found = {k: float(v) for metric in metrics for k, v in metric.compute().items()}
    if rank == 0:
        out.write_text(json.dumps({"found": found, "seen": mine}))
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], Path(sys.argv[5]))
