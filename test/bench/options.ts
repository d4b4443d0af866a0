/** The command line of the benchmark. */
import { parseArgs } from 'node:util';

export interface Options {
  readonly repeats: number;
  /** Length of each iperf3 run. */
  readonly seconds: number;
  readonly idleSeconds: number;
  /** How often each peer is started to find the time to its first packet. */
  readonly starts: number;
  /** Names of peers and keys of measures; empty = all. */
  readonly peers: readonly string[];
  readonly measures: readonly string[];
  readonly json: string;
  /** Which parts are run: traffic between nodes with the core's costs, and growth with the size of a network. */
  readonly traffic: boolean;
  readonly scale: boolean;
  /** Data-plane workers of each of our nodes. */
  readonly workers: number;
  /** Smaller sizes and shorter rounds. */
  readonly quick: boolean;
  readonly writeReadme: boolean;
}

export const USAGE = `npm run bench -- [options]      (needs root)

  --repeats N      rounds, each with every measure on every peer (default 3)
  --seconds N      length of each iperf3 run (default 5)
  --quick          one round of 1-second runs and smaller networks; leaves the README alone
  --scale          only how costs grow with routes, NATs and peers; leaves the README alone
  --no-scale       everything but that; leaves the README alone
  --peers A,B      of kernel, nebula, wireguard-go, twinspan (default all there are); leaves the README alone
  --measures A,B   of tcp1, tcp4, tcp1Reverse, tcp4Reverse, udp64, udp512, udp1372, latency, loadedLatency
                   (default all); leaves the README alone
  --workers N      data-plane workers of each Twinspan node (default 1); leaves the README alone
  --json FILE      where the figures go (default dist/bench.json)
  --no-readme      leave the README's tables and charts alone
  --write-readme   write it in any case
  --help`;

const DEFAULT_JSON = 'dist/bench.json';

function list(text: string | undefined): string[] {
  return (text ?? '').split(',').filter((name) => name !== '');
}

function positive(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 3600) {
    throw new Error(`--${name} wants a whole number from 1 to 3600, not '${text}'`);
  }
  return value;
}

/** Parses the arguments. Returns undefined when help is wanted; throws a sentence when they make no sense. */
export function parseOptions(argv: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      repeats: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      scale: { type: 'boolean', default: false },
      'no-scale': { type: 'boolean', default: false },
      peers: { type: 'string' },
      measures: { type: 'string' },
      workers: { type: 'string' },
      json: { type: 'string' },
      'no-readme': { type: 'boolean', default: false },
      'write-readme': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const { quick, scale: only } = values;
  const without = values['no-scale'];
  if (only && without) throw new Error('--scale and --no-scale exclude each other');
  const workers = positive('workers', values.workers, 1);
  const chosen = values.peers !== undefined || values.measures !== undefined || workers > 1;
  const partial = quick || chosen || only || without;
  return {
    repeats: positive('repeats', values.repeats, quick ? 1 : 3),
    seconds: positive('seconds', values.seconds, quick ? 1 : 5),
    idleSeconds: quick ? 2 : 10,
    starts: quick ? 1 : 3,
    peers: list(values.peers),
    measures: list(values.measures),
    json: values.json ?? DEFAULT_JSON,
    traffic: !only,
    scale: only || (!without && !chosen),
    workers,
    quick,
    writeReadme: values['write-readme'] || (!partial && !values['no-readme']),
  };
}
