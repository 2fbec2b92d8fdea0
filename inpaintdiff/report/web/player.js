"use strict";
// One piece of media holds all versions of a clip side by side; every canvas shows its rectangle of the same picture.
class Player {
  constructor(onFrame, onProblem) {
    this.onFrame = onFrame; this.onProblem = onProblem;
    this.canvases = []; this.at = 0; this.speed = 1; this.playing = false; this.load_ = 0; this.turn = 0;
  }
  static bytes(text) {
    const binary = atob(text.trim()), bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
    return bytes;
  }
  async open(clip, canvases, window_) {
    this.stop();
    const load = ++this.load_;
    for (const url of this.urls || []) URL.revokeObjectURL(url);
    this.clip = clip; this.canvases = canvases; this.window_ = window_ || [0, 0, 1, 1]; this.urls = []; this.video = null; this.images = null;
    const text = document.getElementById(clip.media).textContent;
    const held = (data, type) => { const u = URL.createObjectURL(new Blob([Player.bytes(data)], { type })); this.urls.push(u); return u; };
    try {
      if (clip.kind === "pictures") {
        const images = text.trim().split("\n").map((part) => { const i = new Image(); i.src = held(part, "image/webp"); return i; });
        await Promise.all(images.map((i) => i.decode()));
        if (load !== this.load_) return;
        this.images = images;
      } else {
        const video = document.createElement("video");
        video.muted = true; video.preload = "auto"; video.playsInline = true;
        await new Promise((done, fail) => {
          video.onloadeddata = done;
          video.onerror = () => fail(new Error("this browser does not play h264; make the page again with --media pictures"));
          video.src = held(text, "video/mp4");
        });
        if (load !== this.load_) return;
        this.video = video;
      }
      this.onProblem("");
      await this.seek(Math.min(this.at, clip.frames - 1));
    } catch (e) { if (load === this.load_) this.onProblem(String(e.message || e)); }
  }
  resize(window_) { this.window_ = window_; this.draw(); }
  async seek(i) {
    const at = this.at = Math.max(0, Math.min(this.clip.frames - 1, i));
    if (this.video) {
      const video = this.video, time = (this.at + 0.5) / this.clip.fps;
      if (Math.abs(video.currentTime - time) > 1e-4) {
        await new Promise((done) => { video.addEventListener("seeked", done, { once: true }); video.currentTime = time; });
      }
      if (video !== this.video || at !== this.at) return;
    }
    this.draw();
    this.onFrame(this.at);
  }
  draw() {
    const source = this.images ? this.images[this.at] : this.video;
    if (!source) return;
    const [l, t, r, b] = this.window_;
    this.canvases.forEach((canvas, k) => {
      const [x, y, w, h] = this.clip.tiles[k];
      const sx = Math.floor(l * w), sy = Math.floor(t * h), sw = Math.max(1, Math.ceil(r * w) - sx), sh = Math.max(1, Math.ceil(b * h) - sy);
      if (canvas.width !== sw || canvas.height !== sh) { canvas.width = sw; canvas.height = sh; }
      canvas.getContext("2d").drawImage(source, x + sx, y + sy, sw, sh, 0, 0, sw, sh);
    });
  }
  play() {
    if (this.playing) return;
    this.playing = true;
    const turn = ++this.turn;
    const next = async () => {
      if (!this.playing || turn !== this.turn) return;
      const due = performance.now() + 1000 / (this.clip.fps * this.speed);
      await this.seek((this.at + 1) % this.clip.frames);
      setTimeout(next, Math.max(0, due - performance.now()));
    };
    next();
  }
  stop() { this.playing = false; }
}
