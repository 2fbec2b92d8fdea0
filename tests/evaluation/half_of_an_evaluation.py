"""One process of an evaluation that two share, the second of which has a clip without a hole: `python -m ... RANK STORE`."""

import sys

import torch
import torch.distributed as dist

from inpaintdiff.errors import InpaintDiffError
from inpaintdiff.evaluation import baseline_method, evaluate
from inpaintdiff.types import VideoClip


def main(rank: int, store: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    frames, hole = torch.zeros(4, 3, 16, 16), torch.zeros(4, 1, 16, 16, dtype=torch.bool)
    hole[:, :, 4:8, 4:8] = rank == 0
    try:
        evaluate(
            [baseline_method("nearest")], [(f"clip {rank}", VideoClip(frames, hole, torch.arange(4)))], share=(rank, 2)
        )
    except InpaintDiffError as e:
        print(e)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
