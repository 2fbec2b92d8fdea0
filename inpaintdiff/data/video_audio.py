"""Copying the audio of a source beside newly written frames, packet by packet, without decoding."""

import logging
from contextlib import ExitStack
from fractions import Fraction
from types import TracebackType
from typing import Any

from inpaintdiff.data.video_container import opened, packets
from inpaintdiff.data.video_probe import VideoInfo

log = logging.getLogger(__name__)


class AudioCopy:
    """The audio packets of a source, given out in step with the frames, so that memory does not grow.

    Use as a context: the source stays open meanwhile.
    """

    def __init__(self, like: VideoInfo) -> None:
        self.like = like
        self._files = ExitStack()
        self._streams: dict[int, Any] = {}
        self._next: Any = None

    def __enter__(self) -> "AudioCopy":
        self._source, _ = self._files.enter_context(opened(self.like.path))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def begin(self, out: Any) -> None:
        """Add a stream to `out` for every audio stream that its format can hold; say which it cannot."""
        for stream in self._source.streams.audio:
            name = stream.codec_context.name if stream.codec_context else "unknown"
            if stream.codec_context is None or name not in out.supported_codecs:
                log.warning("%s audio does not fit into %s and is left out; .mkv holds it.", name, out.format.name)
                continue
            self._streams[stream.index] = out.add_stream_from_template(stream)
        self._packets = packets(self._source, *self._source.streams.audio) if self._streams else iter(())
        self._next = self._following()

    def mux_until(self, out: Any, seconds: Fraction | None) -> None:
        """Write what comes before this time of the output; None: all that is left."""
        while self._next is not None and (seconds is None or self._time(self._next) <= seconds):
            packet, stream = self._next, self._streams[self._next.stream.index]
            shift = round(self.like.source_start / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts -= shift
            self._next = None
            packet.stream = stream
            out.mux(packet)
            self._next = self._following()

    def _following(self) -> Any:
        known = (p for p in self._packets if p.dts is not None and p.size and p.stream.index in self._streams)
        return next(known, None)

    def _time(self, packet: Any) -> Fraction:
        return packet.dts * packet.time_base - self.like.source_start
