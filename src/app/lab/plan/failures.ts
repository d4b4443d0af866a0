/**
 * What can fail in a scenario and how: each failure is a pair of step lists, one that breaks and one that mends.
 *
 *   node:NAME                  kill -9 the daemon; mended by starting it again
 *   node:NAME:freeze           SIGSTOP, the daemon hangs; mended by SIGCONT
 *   node:NAME:stop             SIGTERM, it goes in good order; mended by starting it again
 *   link:NODE/lan|wan          the far end of the cable goes down: carrier loss
 *   link:NODE/lan|wan:silent   nothing passes, and nothing says so
 *   isp:NAME                   the ISP goes dark: carrier loss on all its links
 *   isp:NAME:silent            the ISP forwards nothing and says nothing
 *   isp:NAME:loss              the ISP loses 30 % of all packets
 *   firewall:NAME              the firewall goes dark; mended, it knows no connection any more
 *   switch:NAME                the switch goes dark: carrier loss for all on it
 *   partner:PLACE              the members of a cluster do not reach each other over their LAN; all else does
 *   redis:PLACE                kill -9 Redis; it comes back with its data
 *   redis:PLACE:freeze         SIGSTOP; mended by SIGCONT
 *   redis:PLACE:empty          kill -9 and its data is gone; it comes back empty
 *   redis:PLACE/NODE           Redis and one member do not reach each other
 *   ec2                        the EC2 API refuses connections
 *   ec2:slow|throttle|deny     it answers too late; it throttles; it denies permission
 *   NAME                       kill -9 the program on host NAME; mended by starting it again
 */
import { TwinspanError } from '../../../core/base/errors.js';
import type { Layout } from '../layout.js';
import { type Host, hostNamed, type Scenario } from '../scenario.js';
import { firewallFailure, firewallsOf } from './firewalls.js';
import {
  cutFailure,
  ispFailure,
  linkFailure,
  lossyIspFailure,
  portAt,
  silentIspFailure,
  silentLinkFailure,
  switchFailure,
} from './link-failures.js';
import { nodesOf } from './overlay.js';
import { planPrograms, processesOf } from './programs.js';
import { ec2Failures, redisFailure } from './service-failures.js';
import type { Step } from './step.js';

export interface Failure {
  readonly what: string;
  readonly fail: readonly Step[];
  readonly heal: readonly Step[];
}

function killFailure(
  scenario: Scenario,
  layout: Layout,
  what: string,
  name: string,
  signal: 'SIGKILL' | 'SIGTERM',
): Failure {
  const plan = processesOf(scenario, layout).get(name)!;
  return {
    what,
    fail: [{ do: 'stop', process: name, signal, gone: true }],
    heal: [{ do: 'start', process: plan.process }, plan.ready],
  };
}

function freezeFailure(what: string, name: string): Failure {
  return {
    what,
    fail: [{ do: 'stop', process: name, signal: 'SIGSTOP', gone: false }],
    heal: [{ do: 'stop', process: name, signal: 'SIGCONT', gone: false }],
  };
}

function nodeFailures(scenario: Scenario, layout: Layout, host: Host): Failure[] {
  const { name } = host;
  const { lan, uplinks } = host.node!;
  const links = [
    { word: 'lan', device: lan },
    { word: 'wan', device: uplinks[0].device },
    ...uplinks.slice(1).map((uplink) => ({ word: uplink.name, device: uplink.device })),
  ];
  return [
    killFailure(scenario, layout, `node:${name}`, name, 'SIGKILL'),
    freezeFailure(`node:${name}:freeze`, name),
    killFailure(scenario, layout, `node:${name}:stop`, name, 'SIGTERM'),
    ...links.flatMap(({ word, device }) => [
      linkFailure(scenario, layout, `link:${name}/${word}`, host, device),
      silentLinkFailure(scenario, layout, `link:${name}/${word}:silent`, host, device),
    ]),
  ];
}

function clusterFailures(scenario: Scenario, layout: Layout): Failure[] {
  const pairs = scenario.overlay.clusters.filter((cluster) => cluster.members.length > 1);
  return pairs.flatMap((cluster) => {
    const redis = hostNamed(scenario, cluster.redis ?? '');
    const [a, b] = cluster.members.map((name) => {
      const host = hostNamed(scenario, name)!;
      return portAt(scenario, host, host.node!.lan);
    });
    const cut = cutFailure(layout, `partner:${cluster.place}`, a, b);
    if (redis === undefined) return [cut];
    const toRedis = portAt(scenario, redis, redis.interfaces[0].name);
    return [
      cut,
      killFailure(scenario, layout, `redis:${cluster.place}`, redis.name, 'SIGKILL'),
      freezeFailure(`redis:${cluster.place}:freeze`, redis.name),
      redisFailure(scenario, layout, cluster.place, redis.name),
      ...[a, b].map((port) => cutFailure(layout, `redis:${cluster.place}/${port.host}`, port, toRedis)),
    ];
  });
}

/** Every failure the scenario offers, by the word that names it. */
export function failuresOf(scenario: Scenario, layout: Layout): Map<string, Failure> {
  const all: Failure[] = [
    ...nodesOf(scenario).flatMap((host) => nodeFailures(scenario, layout, host)),
    ...scenario.hosts
      .filter((one) => one.kind === 'isp')
      .flatMap((host) => [
        ispFailure(layout, `isp:${host.name}`, host),
        silentIspFailure(layout, `isp:${host.name}:silent`, host),
        lossyIspFailure(layout, `isp:${host.name}:loss`, host),
      ]),
    ...firewallsOf(scenario).map((host) => firewallFailure(scenario, layout, host)),
    ...scenario.segments
      .filter((segment) => segment.kind === 'switch')
      .map((segment) => switchFailure(scenario, layout, `switch:${segment.name}`, segment)),
    ...clusterFailures(scenario, layout),
    ...ec2Failures(scenario, layout),
    ...planPrograms(scenario, layout).map(({ process: { name } }) =>
      killFailure(scenario, layout, name, name, 'SIGKILL'),
    ),
  ];
  return new Map(all.map((failure) => [failure.what, failure]));
}

/** The names of all failures in few words: of what there are several alike, NAME stands for each. */
export function failurePatterns(scenario: Scenario, layout: Layout): string[] {
  const places = scenario.overlay.clusters.map((cluster) => cluster.place);
  const named = [...scenario.hosts, ...scenario.segments].map((one) => one.name);
  const names = [...named, ...places];
  const pattern = (what: string) => {
    const [kind, ...rest] = what.split(/(?=[:/])/);
    // The ends of a link have names too, which tell more than the hosts' and switches' that are alike.
    const isName = (word: string) => names.includes(word.slice(1)) && !(kind === 'link' && word[0] === '/');
    return [kind, ...rest.map((word) => (isName(word) ? `${word[0]}NAME` : word))].join('');
  };
  return [...new Set([...failuresOf(scenario, layout).keys()].map(pattern))];
}

/** The failure called `what`. Throws TS_LAB with what there is. */
export function failureNamed(scenario: Scenario, layout: Layout, what: string): Failure {
  const all = failuresOf(scenario, layout);
  const found = all.get(what);
  if (found !== undefined) return found;
  const alike = [...all.keys()].filter((name) =>
    name.split(/[:/]/).some((word) => word === what.split(/[:/]/)[1]),
  );
  const offer = alike.length > 0 ? alike : failurePatterns(scenario, layout);
  throw new TwinspanError(
    'TS_LAB',
    `Nothing called '${what}' can fail here.`,
    `There are: ${offer.join(' ')}`,
  );
}
