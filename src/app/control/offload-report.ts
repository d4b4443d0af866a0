/** Which offloads are used, and why one is not: switched off, not offered, given up at run time, or useless alone. */
import { release } from 'node:os';
import type { OffloadName } from '../../core/config/configuration.js';
import { isGsoBroken } from '../../edge/udp/open.js';
import { TUN_OFFLOADS, UDP_OFFLOADS } from '../dataplane/offloads.js';
import type { OffloadReport } from '../observe/report.js';
import type { Demotions } from './demotions.js';
import type { Machine } from './machine.js';

export interface OffloadFacts {
  readonly offload: Readonly<Record<OffloadName, 'auto' | 'on' | 'off'>>;
  readonly offloadChosen: Readonly<Partial<Record<OffloadName, string>>>;
  readonly machine: Pick<Machine, 'tunOffloads' | 'sockets'>;
  readonly demotions: Demotions;
  /** The kernel's release if it is not the running one's. */
  readonly kernel?: string;
}

/** The offloads in the order of node.yaml. */
export function offloadReports(facts: OffloadFacts): OffloadReport[] {
  const { machine } = facts;
  const tun = TUN_OFFLOADS.map(([name, bit]) => tunReport(facts, name, (machine.tunOffloads & bit) !== 0));
  return [
    ...tun.map((report) => dependent(report, tun)),
    ...UDP_OFFLOADS.map(([name, bit]) => udpReport(facts, name, bit)),
  ];
}

function tunReport(facts: OffloadFacts, name: OffloadName, granted: boolean): OffloadReport {
  if (!granted) return { name, on: false, ...absence(facts, name) };
  const demoted = demotionsOf(facts, name);
  return demoted === undefined ? { name, on: true } : { name, on: false, ...demoted };
}

/** Without checksums there is no segmentation, and without segmentation nothing to coalesce for. */
function dependent(report: OffloadReport, all: readonly OffloadReport[]): OffloadReport {
  if (report.name === 'tunCsum' || report.cause === 'configuration' || report.cause === 'demoted')
    return report;
  const off = (name: OffloadName): boolean => all.some((one) => one.name === name && !one.on);
  const without = (what: string): OffloadReport => ({
    name: report.name,
    on: false,
    cause: 'dependency',
    reason: `of no use without ${what}`,
  });
  if (off('tunCsum')) return without('tunCsum');
  return report.name === 'tunGro' && off('tunTso') && off('tunUso') ? without('tunTso or tunUso') : report;
}

/** Each socket has its own: one uplink's device may refuse what another's takes. */
function udpReport(facts: OffloadFacts, name: OffloadName, bit: number): OffloadReport {
  const { machine, demotions } = facts;
  const open = [...machine.sockets.keys()].filter((index) => machine.sockets[index].fds.length > 0);
  const granted = open.filter((index) => (machine.sockets[index].offloads & bit) !== 0);
  // While every socket waits for its device nothing is known of the kernel.
  if (open.length === 0 && facts.offload[name] !== 'off') return { name, on: true };
  if (granted.length === 0) return { name, on: false, ...absence(facts, name) };
  const demoted = new Set(demotions.of(name).map(({ socket }) => socket));
  const used = granted.filter((index) => !demoted.has(index));
  return { name, on: used.length > 0, ...demotionsOf(facts, name) };
}

function absence(facts: OffloadFacts, name: OffloadName): Pick<OffloadReport, 'cause' | 'reason'> {
  if (facts.offload[name] === 'off') {
    const where = facts.offloadChosen[name] === undefined ? 'in node.yaml' : 'by --offload';
    return { cause: 'configuration', reason: `switched off ${where}` };
  }
  const kernel = facts.kernel ?? release();
  const broken = name === 'udpGso' && isGsoBroken(kernel);
  return { cause: 'kernel', reason: broken ? `broken in Linux ${kernel}` : 'the kernel does not offer it' };
}

function demotionsOf(
  { demotions }: OffloadFacts,
  name: OffloadName,
): Pick<OffloadReport, 'cause' | 'reason' | 'demotions'> | undefined {
  const reports = demotions.of(name).map(({ at, error, socket }) => {
    const uplink = demotions.uplinkName(socket);
    return { at, error, ...(uplink !== undefined && { uplink }) };
  });
  if (reports.length === 0) return undefined;
  const texts = reports.map(({ at, error, uplink }) => {
    const where = uplink === undefined ? '' : ` on ${uplink}`;
    return `demoted${where} at ${at} because of ${error}`;
  });
  return { cause: 'demoted', reason: texts.join('; '), demotions: reports };
}
