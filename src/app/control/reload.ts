/**
 * Reload: the new configuration is validated whole, then applied as a difference: peers that stay keep their sessions,
 * and if anything is wrong nothing changes. Some keys are read only at start; they are named, and the rest applies.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Configuration, LocalConfiguration } from '../../core/config/configuration.js';
import { formatProblem } from '../../core/config/problem.js';
import { readConfiguration, type Secrets } from '../../edge/file/configuration.js';
import type { ReloadReport } from '../observe/report.js';

/** Keys of node.yaml that only a restart changes. */
const AT_START: readonly (keyof LocalConfiguration)[] = [
  'privateKeyFile',
  'lan',
  'wan',
  'uplinks',
  'listenPort',
  'stateDir',
  'runDir',
  'uapiName',
  'workers',
  'offload',
  'logLevel',
];

export type Reloaded =
  | { readonly ok: false; readonly report: ReloadReport }
  | {
      readonly ok: true;
      readonly report: ReloadReport;
      readonly configuration: Configuration;
      readonly secrets: Secrets;
    };

/** Reads `configFile` anew and compares it with `old`. What only a restart can change keeps its old value. */
export function readReload(configFile: string, old: Configuration): Reloaded {
  const refuse = (problems: string[]): Reloaded => ({
    ok: false,
    report: { applied: false, changes: [], restartNeeded: [], problems },
  });
  const loaded = readConfiguration(configFile);
  if (!loaded.ok) return refuse(loaded.problems.map(formatProblem));
  const next = loaded.configuration;
  const identity = (c: Configuration): string =>
    `${c.network.name}/${c.clusters[c.cluster].name}/${c.nodes[c.self].name}`;
  if (identity(old) !== identity(next)) {
    return refuse([`This node is ${identity(old)}; to make it ${identity(next)}, restart it.`]);
  }
  const restartNeeded = AT_START.filter((key) => !isDeepStrictEqual(old.local[key], next.local[key]));
  const local = { ...next.local } as Record<string, unknown>;
  for (const key of restartNeeded) local[key] = old.local[key];
  const configuration = { ...next, local: local as unknown as LocalConfiguration };
  return {
    ok: true,
    configuration,
    secrets: loaded.secrets,
    report: {
      applied: true,
      changes: describeChanges(old, configuration),
      restartNeeded: restartNeeded.map((key) =>
        key === 'uapiName' ? 'uapi' : key === 'logLevel' ? 'log.level' : key,
      ),
      problems: loaded.warnings.map(formatProblem),
    },
  };
}

function describeChanges(old: Configuration, next: Configuration): string[] {
  const changes: string[] = [];
  const names = (c: Configuration): Set<string> => new Set(c.nodes.map((node) => node.name));
  const before = names(old);
  const after = names(next);
  for (const name of after) if (!before.has(name)) changes.push(`Node ${name} is new.`);
  for (const name of before) if (!after.has(name)) changes.push(`Node ${name} is gone.`);
  const differs = (a: unknown, b: unknown, text: string): void => {
    if (!isDeepStrictEqual(a, b)) changes.push(text);
  };
  const plain = (list: readonly object[]): unknown => list.map((entry) => ({ ...entry, line: 0 }));
  differs(plain(old.routes), plain(next.routes), `There are ${next.routes.length} routes now.`);
  differs(plain(old.nats), plain(next.nats), `There are ${next.nats.length} inside NATs now.`);
  differs(old.clusters, next.clusters, 'The clusters have changed.');
  differs(old.network, next.network, 'The network has changed.');
  return changes;
}
