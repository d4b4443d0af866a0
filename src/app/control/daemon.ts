/**
 * The daemon of one node: configuration and checks above, the machine below. Runs until it is told to stop (SIGINT,
 * SIGTERM) or its data plane fails.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { TwinspanError } from '../../core/base/errors.js';
import { controlSocketPath } from '../../core/config/configuration.js';
import { parseOffloads, withOffloads } from '../../core/config/offload.js';
import { formatProblem } from '../../core/config/problem.js';
import { SPEC_TIMERS, type Timers } from '../../core/wireguard/constants.js';
import type { ConfigurationResult } from '../../edge/file/configuration.js';
import { readConfigurationAside } from '../../edge/file/read-aside.js';
import { native as loadNative, type Native } from '../../edge/native.js';
import { openControlServer } from '../../edge/socket/control.js';
import { openUapiServer } from '../../edge/socket/uapi.js';
import { createLogger, type Logger } from './log.js';
import { Node } from './node.js';
import { handleRequest } from './requests.js';
import { uapiDevice } from './uapi.js';
import { startWatchdog } from './watchdog.js';
import { WorkerThreads } from './worker-threads.js';

export const EXIT_OK = 0;
export const EXIT_FAULT = 70;

/**
 * Timers of WireGuard for tests that cannot wait two minutes for a renewal: a JSON object with fields of `Timers`. Never
 * set it on a node that serves; the log warns where it is.
 */
const TIMERS_VARIABLE = 'TWINSPAN_TIMERS';

/**
 * Runs the node that `configFile` describes, with `offloads` (NAME=SWITCH) in place of its own. `early`: what it says, where
 * another thread reads it already. Resolves to the exit code; throws a coded error where it cannot start.
 */
export async function runDaemon(
  configFile: string,
  version: string,
  offloads: readonly string[],
  early?: Promise<ConfigurationResult>,
): Promise<number> {
  const chosen = parseOffloads(offloads);
  const threads = new WorkerThreads();
  threads.warm(1);
  const loaded = await (early ?? readConfigurationAside(configFile));
  if (!loaded.ok) {
    throw new TwinspanError('TS_CONFIG_INVALID', loaded.problems.map(formatProblem).join('\n'));
  }
  const { secrets } = loaded;
  const configuration = withOffloads(loaded.configuration, chosen);
  const self = configuration.nodes[configuration.self];
  const log = createLogger(configuration.local.logLevel, self.name);
  const timers = timersFrom(process.env[TIMERS_VARIABLE]);
  if (timers !== undefined) log.warn({ event: 'timers-changed', variable: TIMERS_VARIABLE, timers });
  for (const warning of loaded.warnings)
    log.warn({ event: 'config-warning', problem: formatProblem(warning) });
  if (process.getuid?.() !== 0)
    throw new TwinspanError('TS_NOT_ROOT', 'The daemon opens devices: it needs root.');
  if (!existsSync('/dev/net/tun')) {
    throw new TwinspanError('TS_NO_TUN', 'There is no /dev/net/tun.', 'Load the module: modprobe tun');
  }
  const native = loadNative();

  threads.warm(configuration.local.workers);

  // ———— above: reading; below: touching the machine ————

  mkdirSync(configuration.local.stateDir, { recursive: true, mode: 0o700 });
  mkdirSync(configuration.local.runDir, { recursive: true, mode: 0o755 });
  let node: Node | undefined;
  let end: (code: number) => void = () => {};
  const ended = new Promise<number>((resolve) => {
    end = resolve;
  });
  // From here on there is something to put back, so a request to stop waits for the start to be over.
  const stop = (): void => end(EXIT_OK);
  process.once('SIGINT', stop).once('SIGTERM', stop);
  // The control socket comes first: it is how a second daemon of the same node learns that it is not alone.
  const control = await openControlServer(
    controlSocketPath(configuration.local.runDir, self.name),
    (method, params) => handleRequest(node, method, params, { version, configFile }),
  );
  try {
    node = await Node.start({
      native,
      threads,
      configuration,
      secrets,
      log,
      ...(timers && { timers }),
      onFault: (reason) => {
        log.fatal({ event: 'data-plane-failed', reason });
        end(EXIT_FAULT);
      },
    });
    const code = await serve(node, { native, configFile, log, version, ended });
    log.info({ event: 'stopped' });
    return code;
  } finally {
    await control.close();
  }
}

interface Serving {
  readonly native: Native;
  readonly configFile: string;
  readonly log: Logger;
  readonly version: string;
  readonly ended: Promise<number>;
}

/** From a started node to a stopped one; resolves to the exit code. Throws where the UAPI socket is taken. */
async function serve(node: Node, serving: Serving): Promise<number> {
  const { native, configFile, log, version, ended } = serving;
  const reload = (): void => {
    node.reload(configFile).catch((error: Error) => {
      log.error({ event: 'reload-failed', reason: error.message });
    });
  };
  let uapi: { close(): Promise<void> } | undefined;
  const watched = { works: () => node.cluster.works, notify: (text: string) => native.sdNotify(text) };
  const endSigns = startWatchdog(watched, process.env, process.pid);
  try {
    const { uapiName } = node.configuration.local;
    if (uapiName !== undefined) uapi = await openUapiServer(uapiName, () => uapiDevice(node));
    process.on('SIGHUP', reload);
    native.sdNotify('READY=1');
    const { clusters, cluster } = node.configuration;
    log.info({ event: 'started', cluster: clusters[cluster].name, version });
    const code = await ended;
    native.sdNotify('STOPPING=1');
    return code;
  } finally {
    process.off('SIGHUP', reload);
    await uapi?.close();
    await node.stop();
    endSigns();
  }
}

/** SPEC_TIMERS with the fields that `text` changes; undefined where it is not set. Throws TS_CONFIG_INVALID. */
export function timersFrom(text: string | undefined): Timers | undefined {
  if (text === undefined || text === '') return undefined;
  let changes: unknown;
  try {
    changes = JSON.parse(text);
  } catch {
    changes = undefined;
  }
  const isTimer = ([name, value]: [string, unknown]): boolean =>
    name in SPEC_TIMERS && typeof value === 'number' && Number.isFinite(value) && value >= 0;
  if (typeof changes !== 'object' || changes === null || !Object.entries(changes).every(isTimer)) {
    const hint = `Its fields are numbers: ${Object.keys(SPEC_TIMERS).join(', ')}`;
    throw new TwinspanError('TS_CONFIG_INVALID', `${TIMERS_VARIABLE} is not an object of timers.`, hint);
  }
  return { ...SPEC_TIMERS, ...changes };
}
