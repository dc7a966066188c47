// Makes a picture of a page small: few colours are enough for text on plain grounds.
import { crc32, deflateSync, inflateSync } from "node:zlib";

// The rows of `png` (8 bits, no interlace) without their filters.
function pixels(png) {
  const width = png.readUInt32BE(16);
  const height = png.readUInt32BE(20);
  const size = png[25] === 6 ? 4 : 3;
  const parts = [];
  for (let at = 8; at < png.length; at += png.readUInt32BE(at) + 12) {
    if (png.toString("latin1", at + 4, at + 8) === "IDAT") {
      parts.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
    }
  }
  const raw = inflateSync(Buffer.concat(parts));
  const stride = width * size;
  const out = Buffer.alloc(stride * height);
  const near = (a, b, c) => {
    const [left, up, corner] = [a, b, c].map((one) => Math.abs(a + b - c - one));
    if (left <= up && left <= corner) return a;
    return up <= corner ? b : c;
  };
  for (let y = 0; y < height; y += 1) {
    const filter = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x += 1) {
      const at = y * stride + x;
      const a = x >= size ? out[at - size] : 0;
      const b = y > 0 ? out[at - stride] : 0;
      const c = x >= size && y > 0 ? out[at - stride - size] : 0;
      const guess = [0, a, b, (a + b) >> 1, near(a, b, c)][filter];
      out[at] = raw[y * (stride + 1) + 1 + x] + guess;
    }
  }
  return { width, height, size, out };
}

// `png` with a palette of its 256 most frequent colours; each other one becomes the nearest.
export function small(png) {
  const { width, height, size, out } = pixels(png);
  const colour = (pixel) => out.readUIntBE(pixel * size, 3);
  const counts = new Map();
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    counts.set(colour(pixel), (counts.get(colour(pixel)) ?? 0) + 1);
  }
  const frequent = [...counts].sort(([, one], [, other]) => other - one).slice(0, 256);
  const palette = frequent.map(([one]) => one);
  const parts = (one) => [one >> 16, (one >> 8) & 255, one & 255];
  const apart = (one, other) =>
    parts(one).reduce((sum, part, at) => sum + (part - parts(other)[at]) ** 2, 0);
  const nearest = (one) => palette.reduce((best, other, at) =>
    (apart(one, other) < apart(one, palette[best]) ? at : best), 0);
  const index = new Map(palette.map((one, at) => [one, at]));
  const rows = Buffer.alloc((width + 1) * height);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    const one = colour(pixel);
    if (!index.has(one)) index.set(one, nearest(one));
    rows[pixel + 1 + Math.floor(pixel / width)] = index.get(one);
  }
  return written(width, height, palette, rows);
}

function written(width, height, palette, rows) {
  const chunk = (name, data) => {
    const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    check.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, check]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from("89504e470d0a1a0a", "hex"),
    chunk("IHDR", head),
    chunk("PLTE", Buffer.from(palette.flatMap((one) => [one >> 16, (one >> 8) & 255, one & 255]))),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}
