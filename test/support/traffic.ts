/** Traffic between two namespaces, by programs inside them (traffic_child.ts). */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Network, type Program, until } from './namespaces.js';

const CHILD = fileURLToPath(new URL('./traffic_child.js', import.meta.url));
export const ECHO_PORT = 7777;
/** What has not come so long after it was sent is lost. */
const ON_ITS_WAY_MS = 1_500;
/** Below, at and above what one packet of the tunnel holds, up to the largest datagram but a few bytes. */
export const SIZES = [1, 512, 1300, 1380, 1400, 1472, 3000, 20_000, 60_000];

function child(network: Network, host: string, order: object): Program {
  return network.start(host, [process.execPath, CHILD, JSON.stringify(order)]);
}

/** Starts a TCP and UDP echo. */
export async function startEcho(network: Network, host: string, port = ECHO_PORT): Promise<Program> {
  const program = child(network, host, { do: 'echo', port });
  await until('the echo listens', () => program.output.includes('ready'));
  return program;
}

async function succeed(program: Program): Promise<void> {
  const outcome = await Promise.race([program.ended, sleep(90_000, 'nothing in time', { ref: false })]);
  if (outcome !== 0) throw new Error(`traffic ended with ${outcome}: ${program.output}`);
}

/** Sends `bytes` from `host` to the TCP echo at `to` and compares what comes back. */
export async function stream(network: Network, host: string, to: string, bytes = 4 << 20): Promise<void> {
  await succeed(child(network, host, { do: 'stream', to, port: ECHO_PORT, bytes }));
}

/** The same with a datagram of each size. */
export async function datagrams(
  network: Network,
  host: string,
  to: string,
  sizes: readonly number[] = SIZES,
): Promise<void> {
  await succeed(child(network, host, { do: 'datagrams', to, port: ECHO_PORT, sizes }));
}

/** Pings until an answer comes; throws after a minute. */
export async function ping(network: Network, host: string, to: string): Promise<void> {
  let output = '';
  await until(
    () => `${host} pings ${to}: ${output}`,
    async () => {
      const tried = await network.try(host, `ping -n -c 1 -W 1 ${to}`);
      output = tried.output;
      return tried.code === 0;
    },
  );
}

export interface FlowEnd {
  readonly host: string;
  /** Address at which it listens. */
  readonly from: string;
  /** Address under which it sees the other. */
  readonly to: string;
}

/** One direction of a flow. */
export interface Way {
  readonly sent: number;
  readonly received: number;
  /** The first numbers that did not arrive before later ones did. */
  readonly missing: readonly number[];
  /** How many came after one that was sent later. */
  readonly late: number;
}

/** How many datagrams an end of a flow says that it has sent. */
function sentBy(program: Program): number | undefined {
  const line = program.lines.find((text) => text.startsWith('sent '));
  return line === undefined ? undefined : Number(line.slice('sent '.length));
}

/** Numbered datagrams both ways, all the while. */
export class Flow {
  readonly #programs: readonly Program[];

  static async start(
    network: Network,
    ends: readonly FlowEnd[],
    perSecond = 200,
    port = 7000,
  ): Promise<Flow> {
    const programs = ends.map(({ host, from, to }) =>
      child(network, host, { do: 'flow', from, to, port, perSecond }),
    );
    await until(
      () => `a flow starts: ${programs.map((one) => one.output)}`,
      () => programs.every((one) => one.output.includes('ready')),
    );
    for (const { child: one } of programs) one.stdin?.write('go\n');
    return new Flow(programs);
  }

  private constructor(programs: readonly Program[]) {
    this.#programs = programs;
  }

  /** Stops sending, waits for what may be on its way, and counts: what each end sent, and what of it the other got. */
  async finish(): Promise<Way[]> {
    const [one, other] = this.#programs;
    const endAtMs = performance.now() + ON_ITS_WAY_MS;
    for (const { child: end } of this.#programs) end.stdin?.write('stop\n');
    await this.#all((program) => sentBy(program) !== undefined, endAtMs);
    for (const [end, far] of [
      [one, other],
      [other, one],
    ]) {
      const sent = sentBy(far);
      if (sent !== undefined) end.child.stdin?.write(`${sent}\n`);
    }
    await this.#all((program) => program.lines.includes('all'), endAtMs);
    for (const { child: end } of this.#programs) end.stdin?.end();
    await Promise.all(this.#programs.map((end) => end.ended));
    const [a, b] = this.#programs.map((end) => JSON.parse(end.lines.at(-1) ?? '{}') as Way);
    return [
      { sent: a.sent, received: b.received, missing: b.missing, late: b.late },
      { sent: b.sent, received: a.received, missing: a.missing, late: a.late },
    ];
  }

  /** Waits until `condition` holds for both, or for as long as that may take. */
  async #all(condition: (program: Program) => boolean, endAtMs: number): Promise<void> {
    while (!this.#programs.every(condition) && performance.now() < endAtMs) await sleep(20);
  }
}
