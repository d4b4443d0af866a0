/** Failures of what the clusters lean on: Redis that has lost its data, an EC2 API that is away, slow or unwilling. */
import { type Layout, namespaceOf } from '../layout.js';
import { hostNamed, type Scenario } from '../scenario.js';
import type { Failure } from './failures.js';
import { processesOf } from './programs.js';
import { EC2_PORT, ec2Of, redisDir } from './services.js';
import type { Step } from './step.js';

/** Seconds that a slow API takes: longer than anybody waits. */
const SLOW_S = 5;

/** Redis loses its data: with it the epoch register. */
export function redisFailure(scenario: Scenario, layout: Layout, place: string, redis: string): Failure {
  const plan = processesOf(scenario, layout).get(redis)!;
  return {
    what: `redis:${place}:empty`,
    fail: [
      { do: 'stop', process: redis, signal: 'SIGKILL', gone: true },
      { do: 'run', argv: ['rm', '-rf', redisDir(layout, redis)] },
      { do: 'directory', path: redisDir(layout, redis) },
    ],
    heal: [{ do: 'start', process: plan.process }, plan.ready],
  };
}

/**
 * The EC2 API keeps its route tables in memory, so "down" is a refusal on the wire: a restart would have lost them. The
 * VPC's router asks over loopback and goes on as it is.
 */
export function ec2Failures(scenario: Scenario, layout: Layout): Failure[] {
  const { cloud } = scenario;
  const spec = ec2Of(scenario, layout)?.spec;
  if (cloud === undefined || spec === undefined) return [];
  const nft = (command: string): Step => ({
    do: 'run',
    argv: ['ip', 'netns', 'exec', namespaceOf(layout, cloud.host), 'nft', command],
  });
  const device = hostNamed(scenario, cloud.host)!.interfaces[0].name;
  const refuse = `iifname "${device}" tcp dport ${EC2_PORT} reject with tcp reset;`;
  const fault = (word: string, mode: string): Failure => {
    const write = (text: string): Step => ({ do: 'write', path: spec.faults!, text, mode: 0o644 });
    return { what: `ec2:${word}`, fail: [write(mode)], heal: [write('')] };
  };
  return [
    {
      what: 'ec2',
      fail: [nft(`table ip down { chain input { type filter hook input priority 0; ${refuse} }; };`)],
      heal: [nft('delete table ip down')],
    },
    fault('slow', `slow ${SLOW_S}`),
    fault('throttle', 'throttle'),
    fault('deny', 'deny'),
  ];
}
