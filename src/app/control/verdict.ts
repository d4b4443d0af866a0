/**
 * What to say of an uplink in one line: which fault it has, and whose that seems to be. The tracker's reasons come first; they
 * are what decides its state. The rest compares: loss by one uplink that others do not have to the same nodes is the ISP's,
 * loss that all of them have is the nodes', and a node that answers by no uplink is the node's own.
 */
import type { NetcheckUplink, UplinkReport } from '../observe/path-reports.js';

/** A path as far as a verdict needs it. */
export interface JudgedPath {
  readonly peer: string;
  readonly state: 'up' | 'degraded' | 'down';
  readonly why: string;
  /** Judged, in percent; 0 where there is hardly any. */
  readonly lossPercent: number;
  /** What it carries, where that is less than the tunnel's packets have. */
  readonly narrowMtu: number | undefined;
}

export interface JudgedUplink extends Pick<UplinkReport, 'name' | 'state' | 'reasons'> {
  readonly paths: readonly JudgedPath[];
}

type Verdict = NetcheckUplink['verdict'];

const NAMES_MAX = 3;

/** The verdict on `uplink`; `others` are the other uplinks of the node. */
export function verdictOn(uplink: JudgedUplink, others: readonly JudgedUplink[]): Verdict {
  const { state, paths, reasons } = uplink;
  const usable = paths.filter((path) => path.state !== 'down');
  const up = paths.length === 0 ? 'no path to a node goes by it' : upness(usable, paths);
  const told = reasons.filter(({ code }) => code !== 'paths-degraded').map(({ text }) => text);
  if (state === 'down') return { grade: 'bad', text: told.join('; ') || 'it has yet to prove itself again' };
  const isPoor = reasons.some(({ code }) => code === 'paths-degraded');
  const faults = [...(isPoor ? [poorness(uplink, others)] : []), ...told];
  const narrow = narrowness(usable);
  if (faults.length > 0) return { grade: 'poor', text: [...faults, ...narrow].join('; ') };
  if (state === 'degraded') return { grade: 'poor', text: `${up}; it has yet to prove itself again` };
  const notes = [up, ...notesOn(uplink, others), ...narrow];
  return { grade: 'well', text: notes.join('; ') };
}

/** A node with several endpoints may be out of reach at some of them from everywhere. */
function upness(usable: readonly JudgedPath[], paths: readonly JudgedPath[]): string {
  const reached = new Set(usable.map(({ peer }) => peer));
  const all = usable.length < paths.length && paths.every(({ peer }) => reached.has(peer));
  return `${countOf(usable, paths)} up${all ? ', every node reached' : ''}`;
}

/** Most of its paths lose packets or are late. */
function poorness(uplink: JudgedUplink, others: readonly JudgedUplink[]): string {
  const usable = uplink.paths.filter(({ state }) => state !== 'down');
  const lossy = usable.filter(({ lossPercent }) => lossPercent > 0);
  if (lossy.length === 0) {
    const late = usable.filter(({ state }) => state === 'degraded');
    const [worst] = late.map(({ why }) => why).sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
    return `packets are late on ${countOf(late, usable)}: ${worst}`;
  }
  const percent = Math.max(...lossy.map(({ lossPercent }) => lossPercent));
  return `${percent} % loss on ${countOf(lossy, usable)}${blame(lossy, others)}`;
}

/** Whose fault the loss on `lossy` seems to be. */
function blame(lossy: readonly JudgedPath[], others: readonly JudgedUplink[]): string {
  const peers = new Set(lossy.map(({ peer }) => peer));
  const rivals = others
    .map(({ name, paths }) => ({
      name,
      paths: paths.filter(({ peer, state }) => peers.has(peer) && state !== 'down'),
    }))
    .filter(({ paths }) => paths.length > 0);
  const clean = rivals.filter(({ paths }) => paths.every(({ lossPercent }) => lossPercent === 0));
  if (clean.length > 0) return `, none by ${namesOf(clean.map(({ name }) => name))} to the same nodes`;
  return rivals.length > 0
    ? `, and by ${namesOf(rivals.map(({ name }) => name))} too: perhaps not its fault`
    : '';
}

/** Smaller packets than the tunnel's get through: slower, but nothing is lost by it. */
function narrowness(usable: readonly JudgedPath[]): string[] {
  const narrow = usable.flatMap(({ narrowMtu }) => narrowMtu ?? []);
  if (narrow.length === 0) return [];
  return [`packets of more than ${Math.min(...narrow)} bytes do not pass ${countOf(narrow, usable)}`];
}

/** What is not well by this uplink and not held against it. */
function notesOn({ paths }: JudgedUplink, others: readonly JudgedUplink[]): string[] {
  const reached = (all: readonly JudgedPath[], peer: string): boolean =>
    all.some((path) => path.peer === peer && path.state !== 'down');
  const silent = [...new Set(paths.map(({ peer }) => peer))].filter((peer) => !reached(paths, peer));
  const dead = silent.filter((peer) => !others.some((other) => reached(other.paths, peer)));
  const lossy = paths.filter(({ state, lossPercent }) => state !== 'down' && lossPercent > 0);
  const notes: string[] = [];
  if (dead.length > 0) notes.push(`no answer from ${namesOf(dead)} by any uplink`);
  if (lossy.length > 0) {
    const percent = Math.max(...lossy.map(({ lossPercent }) => lossPercent));
    const peers = namesOf([...new Set(lossy.map(({ peer }) => peer))]);
    notes.push(`${percent} % loss to ${peers} alone, perhaps not its fault`);
  }
  return notes;
}

/** `2 of 3 paths` */
function countOf(some: readonly unknown[], all: readonly unknown[]): string {
  return `${some.length} of ${all.length} paths`;
}

function namesOf(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_MAX).join(', ');
  return names.length > NAMES_MAX ? `${shown} and ${names.length - NAMES_MAX} more` : shown;
}
