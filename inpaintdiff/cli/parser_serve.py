"""Arguments of `inpaintdiff serve`."""

import argparse

from inpaintdiff.cli.options import MODEL_HELP, add_tracking, add_verb

_EXAMPLES = """\
  inpaintdiff serve builtin
  inpaintdiff serve models:/inpaintdiff-traffic@champion --port 8080 --max-frames 64

an example client, which needs nothing but Python:
  import base64, json, urllib.request
  inputs = {"frames": base64.b64encode(open("in.mp4", "rb").read()).decode(), "boxes": ["200,120,330,230"]}
  request = urllib.request.Request(
      "http://127.0.0.1:8080/invocations",
      json.dumps({"inputs": inputs, "params": {"seed": 0}}).encode(),
      {"Content-Type": "application/json"},
  )
  (video,) = json.load(urllib.request.urlopen(request))["predictions"]
  open("out.mp4", "wb").write(base64.b64decode(video))

inputs: "frames", the base64 of a video, with "hole", that of a mask (white = fill), or "boxes"; "lossless": true gives .mkv.
  Or arrays, as MLflow has them: "frames" [t h w 3] and "hole" [t h w], from 0 to 255; answered by arrays [samples t h w 3].
params: steps, seed, samples, scheme, solver, precision, allow_large. What is malformed is answered by 4xx and a sentence.
`mlflow models serve -m models:/NAME@ALIAS --env-manager local` takes the same arrays, and runs the code that was registered.
There is no password: let others in only through a proxy that asks for one."""


def add_serve(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """A model, where to listen, and the limits of a request."""
    p = add_verb(verbs, "serve", "inpaintdiff.cli.serve:run", "Answer inpainting requests over HTTP.", _EXAMPLES)
    p.add_argument("model", nargs="?", default="builtin", metavar="MODEL", help=MODEL_HELP.partition(", or base")[0])
    p.add_argument("--host", default="127.0.0.1", help="where to listen (default %(default)s: this machine alone)")
    p.add_argument(
        "--port", type=int, default=8080, help="0: any that is free, see what is printed (default %(default)s)"
    )
    p.add_argument("--device", metavar="NAME", help="cpu, cuda, cuda:1, ... (default: cuda where there is one)")
    group = p.add_argument_group("limits of a request")
    group.add_argument("--max-frames", type=int, default=256, metavar="N", help="default %(default)s")
    group.add_argument(
        "--max-pixels", type=int, default=1024 * 1024, metavar="N", help="of a frame (default %(default)s)"
    )
    group.add_argument("--max-calls", type=int, default=4000, metavar="N", help="network calls (default %(default)s)")
    group.add_argument("--max-megabytes", type=float, default=64, metavar="X", help="of its body (default %(default)s)")
    group.add_argument(
        "--max-waiting", type=int, default=8, metavar="N", help="at a time; others get 503 (default %(default)s)"
    )
    add_tracking(p)
