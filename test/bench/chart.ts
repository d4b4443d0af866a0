/**
 * Charts for the README as SVG, written by hand so that nothing is needed to make or to see them. Colours follow the
 * reader's light or dark scheme; text is text. Pure: a golden test holds the shape.
 */

import { OURS, type Report, type Result } from './report.js';
import type { Growth } from './scale/growth.js';
import { perTenfold } from './scale/growth.js';
import { significant } from './statistics.js';

const STYLE = `<style>
text{font:12px system-ui,sans-serif;fill:#24292f}.faint{fill:#57606a;font-size:11px}.title{font-weight:600}
.bar,.line{fill:#8c959f}.p1{fill:#d4a72c}.p2{fill:#bf5b17}.ours{fill:#0969da}
.line{fill:none;stroke:#0969da;stroke-width:2}.dot{fill:#0969da}.grid{stroke:#d0d7de}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.faint{fill:#9198a1}.bar{fill:#6e7681}.p1{fill:#bb8009}
.p2{fill:#db6d28}.ours{fill:#4493f8}.line{stroke:#4493f8}.dot{fill:#4493f8}.grid{stroke:#3d444d}}
</style>`;

const WIDTH = 760;
const LABEL_WIDTH = 250;
const VALUE_WIDTH = 110;
const BAR_HEIGHT = 13;
const GROUP_GAP = 10;

const escaped = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${x}" y="${y}"${attributes}>${escaped(content)}</text>`;
}

function svg(height: number, label: string, parts: readonly string[]): string {
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(label)}">`;
  return [head, STYLE, ...parts, '</svg>', ''].join('\n');
}

/** Which colour a peer has: ours is always the same, the others' follow their order. */
function colour(name: string, others: readonly string[]): string {
  return name === OURS ? 'ours' : (['bar', 'p1', 'p2'][others.indexOf(name)] ?? 'bar');
}

function group(result: Result, peers: readonly string[], top: number): string[] {
  const others = peers.filter((name) => name !== OURS);
  const most = Math.max(
    ...Object.values(result.peers).map(({ median }) => (Number.isFinite(median) ? median : 0)),
  );
  const better = result.better === 'higher' ? 'more is better' : 'less is better';
  const parts = [
    text(0, top + 11, `${result.title} (${result.unit})`, ' class="title"'),
    text(0, top + 25, better, ' class="faint"'),
  ];
  peers.forEach((name, index) => {
    const median = result.peers[name]?.median ?? Number.NaN;
    const y = top + index * BAR_HEIGHT;
    const share = Number.isFinite(median) && most > 0 ? median / most : 0;
    const length = Math.max(1, Math.round(share * (WIDTH - LABEL_WIDTH - VALUE_WIDTH)));
    parts.push(
      `<rect x="${LABEL_WIDTH}" y="${y}" width="${length}" height="${BAR_HEIGHT - 2}" class="${colour(name, others)}"/>`,
      text(LABEL_WIDTH + length + 5, y + 10, significant(median, 3), ' class="faint"'),
    );
  });
  return parts;
}

/** The median of each figure as a bar for each peer; every figure has a scale of its own. */
export function renderBars(report: Report): string {
  const peers = Object.keys(report.peers);
  const others = peers.filter((name) => name !== OURS);
  const parts: string[] = [];
  let x = 0;
  for (const name of peers) {
    const { title } = report.peers[name];
    parts.push(
      `<rect x="${x}" y="2" width="11" height="11" class="${colour(name, others)}"/>`,
      text(x + 16, 12, title),
    );
    x += 40 + title.length * 7;
  }
  let top = 30;
  for (const result of Object.values(report.results)) {
    parts.push(...group(result, peers, top));
    top += Math.max(2, peers.length) * BAR_HEIGHT + GROUP_GAP;
  }
  return svg(top, 'Throughput, latency and CPU time of each system', parts);
}

const PANEL_WIDTH = 240;
const PANEL_HEIGHT = 130;
const PANELS = 3;
const PLOT = { left: 8, top: 40, width: 200, height: 50 };

function panel(series: Growth, left: number, top: number): string[] {
  const points = series.points.filter(({ value }) => Number.isFinite(value) && value > 0);
  const [x0, y0] = [left + PLOT.left, top + PLOT.top];
  const factor = `× ${significant(perTenfold(points), 2)} per tenfold`;
  const parts = [
    text(left, top + 12, `${series.title} (${series.unit})`, ' class="title"'),
    text(left, top + 27, `${series.of}: ${factor}`, ' class="faint"'),
    `<line x1="${x0}" y1="${y0 + PLOT.height}" x2="${x0 + PLOT.width}" y2="${y0 + PLOT.height}" class="grid"/>`,
  ];
  if (points.length === 0) return parts;
  const [small, large] = [points[0].size, points[points.length - 1].size];
  const [low, high] = [Math.min(...points.map((p) => p.value)), Math.max(...points.map((p) => p.value))];
  // Both axes are logarithmic, and the vertical one spans at least a decade: what hardly grows looks flat.
  const decades = Math.max(1, Math.log10(high / low));
  const at = ({ size, value }: { size: number; value: number }): [number, number] => [
    Math.round(x0 + (large === small ? 0 : Math.log(size / small) / Math.log(large / small)) * PLOT.width),
    Math.round(y0 + PLOT.height - 4 - (Math.log10(value / low) / decades) * (PLOT.height - 8)),
  ];
  const places = points.map(at);
  parts.push(`<polyline points="${places.map((place) => place.join(',')).join(' ')}" class="line"/>`);
  places.forEach(([x, y], index) => {
    parts.push(`<circle cx="${x}" cy="${y}" r="3" class="dot"/>`);
    if (index > 0 && index < points.length - 1) return;
    const anchor = index === 0 ? 'start' : 'end';
    const attributes = ` text-anchor="${anchor}" class="faint"`;
    parts.push(
      text(x, y - 6, significant(points[index].value, 3), attributes),
      text(x, y0 + PLOT.height + 14, points[index].size.toLocaleString('en'), attributes),
    );
  });
  return parts;
}

/** Each cost as a line over the size of the network, both on logarithmic scales. */
export function renderLines(series: readonly Growth[]): string {
  const rows = Math.ceil(series.length / PANELS);
  const parts = series.flatMap((one, index) =>
    panel(one, (index % PANELS) * (PANEL_WIDTH + 15), Math.floor(index / PANELS) * PANEL_HEIGHT),
  );
  return svg(rows * PANEL_HEIGHT, 'How costs grow with the size of the network', parts);
}
