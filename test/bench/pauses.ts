/**
 * How long our threads keep away from their work while everything happens at once (measure/pauses.ts). Prints a table, or
 * JSON with --json. Needs root.
 *
 *   node dist/test/bench/pauses.js [--seconds N] [--routes N] [--edges N] [--handshakes N] [--reload-ms N]
 *       [--scheduling normal|realtime] [--json]
 */
import { mkdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Lane } from './lane.js';
import { PausesPeer, renderPauses } from './measure/pauses.js';
import { twinspan } from './peers/twinspan.js';
import { Cleanup } from './shell.js';
import { workFolderOf } from './topology.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    routes: { type: 'string', default: '1000' },
    edges: { type: 'string', default: '100' },
    handshakes: { type: 'string', default: '1000' },
    'reload-ms': { type: 'string', default: '1000' },
    scheduling: { type: 'string', default: 'realtime' },
    json: { type: 'boolean', default: false },
  },
});

const scheduling = values.scheduling === 'normal' ? 'normal' : 'realtime';
const base = twinspan(ROOT, { scheduling });
if (base === undefined) throw new Error('The daemon is not built.');
const options = {
  seconds: Number(values.seconds),
  routes: Number(values.routes),
  edges: Number(values.edges),
  handshakesPerSecond: Number(values.handshakes),
  reloadEveryMs: Number(values['reload-ms']),
  scheduling,
} as const;
const cleanup = new Cleanup();
const aborted = new AbortController();
process.on('exit', () => cleanup.run());
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const folder = workFolderOf(process.pid);
mkdirSync(folder, { mode: 0o700 });
cleanup.add(() => rmSync(folder, { recursive: true, force: true }));
cleanup.add(() => aborted.abort());
const measured = new PausesPeer(base, options);
const lane = new Lane(measured.peer, 0, folder, aborted.signal);
await lane.open(cleanup);
await lane.start();
const figures = await measured.measure(lane);
console.log(values.json ? JSON.stringify({ options, ...figures }, null, 2) : renderPauses(figures));
process.exit(0);
