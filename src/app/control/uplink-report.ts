/** `uplinks`: what the tracker knows of each way out. */
import type { UplinkReport, UplinksReport } from '../observe/path-reports.js';
import type { Node } from './node.js';

/** Every uplink, in the order of the configuration. */
export function uplinksReport(node: Node): UplinksReport {
  const { configuration, native, uplinks } = node;
  const { local, nodes, self } = configuration;
  const now = native.now();
  const ago = (atMs: number): number => Math.round(now - atMs);
  const breaksOut = configuration.routes.some(({ target }) => target === 'wan');
  return {
    node: nodes[self].name,
    uplinks: uplinks.tracker.uplinks.map((uplink, place): UplinkReport => {
      const { options, link, state, sinceMs, reasons, lastChange } = uplink;
      const { name, device, cost } = options;
      const isp = local.uplinks[place]?.isp;
      return {
        name,
        ...(isp !== undefined && { isp }),
        ...(device !== undefined && { device }),
        addresses: [...link.addresses],
        gateways: [...link.gateways],
        state,
        sinceMs: ago(sinceMs),
        reasons: reasons.map(({ code, text }) => ({ code, text })),
        cost,
        paths: pathsBy(node, place),
        breakout: breaksOut && place === uplinks.tracker.best,
        ...(lastChange !== undefined && {
          lastChange: {
            agoMs: ago(lastChange.atMs),
            from: lastChange.from,
            to: lastChange.to,
            why: lastChange.reasons.map(({ text }) => text).join('; '),
          },
        }),
      };
    }),
  };
}

function pathsBy({ pathing }: Node, place: number): UplinkReport['paths'] {
  const own = pathing.peers.flatMap(({ manager }) =>
    manager.paths.filter(({ uplink }) => uplink.id === place),
  );
  return { total: own.length, usable: own.filter(({ health }) => health.isUsable).length };
}
