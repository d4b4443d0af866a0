/**
 * Reload: the new configuration is validated whole, then applied as a difference: peers that stay keep their sessions,
 * and if anything is wrong nothing changes. Some keys are read only at start; they are named, keep their old value, and
 * the rest applies. Who the node is cannot change at all without a restart.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Configuration } from '../../core/config/configuration.js';
import { describeDiff, diffConfiguration } from '../../core/config/diff.js';
import { withOffloads } from '../../core/config/offload.js';
import { formatProblem } from '../../core/config/problem.js';
import type { Secrets } from '../../edge/file/configuration.js';
import { readConfigurationAside } from '../../edge/file/read-aside.js';
import type { ReloadReport } from '../observe/report.js';

/** Keys that make it another node. */
const IDENTITY: readonly string[] = ['node', 'privateKeyFile', 'network.name', 'clusters.members'];

export type Reloaded =
  | { readonly ok: false; readonly report: ReloadReport }
  | {
      readonly ok: true;
      readonly report: ReloadReport;
      readonly configuration: Configuration;
      readonly secrets: Secrets;
    };

/**
 * Reads `configFile` anew, on another thread, and compares it with `old`. What only a restart can change keeps its old value; what has outgrown
 * the tables that were made at start (`hasRoomFor`) is refused.
 */
export async function readReload(
  configFile: string,
  old: Configuration,
  hasRoomFor: (next: Configuration) => boolean,
): Promise<Reloaded> {
  const loaded = await readConfigurationAside(configFile);
  await nextTurn();
  if (!loaded.ok) return refuse(loaded.problems.map(formatProblem));
  const next = withOffloads(loaded.configuration, old.local.offloadChosen);
  const diff = diffConfiguration(old, next);
  const identity = diff.restartNeeded.filter((key) => IDENTITY.includes(key));
  if (identity.length > 0) {
    return refuse([`${identity.join(', ')} changed: that makes it another node. Restart the daemon.`]);
  }
  if (!hasRoomFor(next)) {
    return refuse(['There are many more clusters or nodes than at the start of this node: restart it.']);
  }
  const { lan, presharedKeyFiles, externalPresharedKeyFiles, clusterKeyFile, logLevel, hooks } = next.local;
  const { failback, vip, aws } = old.clusters[old.cluster];
  const configuration: Configuration = {
    ...next,
    clusters: next.clusters.map((one, index) =>
      index === next.cluster ? { ...one, failback, vip, aws } : one,
    ),
    local: {
      ...old.local,
      lan: { ...old.local.lan, address: lan.address },
      presharedKeyFiles,
      externalPresharedKeyFiles,
      clusterKeyFile,
      logLevel,
      hooks,
    },
  };
  return {
    ok: true,
    configuration,
    secrets: loaded.secrets,
    report: {
      applied: true,
      changes: describeDiff(diff),
      restartNeeded: [...diff.restartNeeded],
      problems: loaded.warnings.map(formatProblem),
    },
  };
}

function refuse(problems: string[]): Reloaded {
  return { ok: false, report: { applied: false, changes: [], restartNeeded: [], problems } };
}
