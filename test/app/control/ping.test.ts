/** Who can be asked, by which paths, and what is said of those that cannot. */
import test from 'ava';
import type { Node } from '../../../src/app/control/node.js';
import { ping } from '../../../src/app/control/ping.js';
import type { PingRequest } from '../../../src/app/observe/path-reports.js';
import { encodeEndpoint } from '../../../src/core/base/endpoint.js';
import { TwinspanError } from '../../../src/core/base/errors.js';
import { address } from '../../support/packets.js';

const THERE = encodeEndpoint(address('203.0.113.1'), 51_820, 0);
const ELSEWHERE = encodeEndpoint(address('203.0.113.1'), 51_820, 1);

function path(name: string, id: number, endpoint: Uint8Array): object {
  const health = { state: 'up', sinceMs: 0, reason: '' };
  return { id, uplink: { id, name }, endpoint, health, peerUplink: id === 0 ? 'wan' : '' };
}

const PATHS = [path('isp1', 0, THERE), path('isp2', 1, ELSEWHERE)];

interface Plan {
  readonly hasSession?: boolean;
  readonly room?: number;
  readonly paths?: readonly object[];
}

/** A node with a peer that answers by isp1, whatever it is asked by; isp2 has no carrier where `down`. */
function nodeWith({ hasSession = true, room = 9, paths = PATHS }: Plan = {}, down = -1): Node {
  const peer = { name: 'aws-a', hasSession, manager: { paths, current: PATHS[0] } };
  return {
    native: { now: () => 1_000 },
    configuration: {
      self: 0,
      nodes: ['edge1-a', 'aws-a', 'edge2-a'].map((name) => ({ name })),
      externals: [{ name: 'office' }, { name: 'depot' }],
    },
    directory: { externals: [{ external: { name: 'office' } }] },
    pathing: {
      peers: [peer],
      uplinkReason: (id: number) => (id === down ? 'wan1 has no carrier' : ''),
      pings: {
        room,
        send: async (_peer: unknown, asked: unknown) => ({
          rttMs: 12.345,
          from: THERE,
          elsewhere: asked !== PATHS[0],
        }),
      },
    },
  } as unknown as Node;
}

async function refusal(node: Node, request: PingRequest): Promise<string> {
  const error = await ping(node, request).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof TwinspanError ? `${error.code}: ${error.message} ${error.hint ?? ''}`.trim() : '-';
}

test('every path is asked, and says by which one the answer came', async (t) => {
  const { answers } = await ping(nodeWith(), { node: 'aws-a' });
  t.deepEqual(
    answers.map(({ uplink, peerUplink, inUse, rttMs, cameBy }) => [uplink, peerUplink, inUse, rttMs, cameBy]),
    [
      ['isp1', 'wan', true, 12.35, undefined],
      ['isp2', undefined, false, 12.35, { uplink: 'isp1', remote: '203.0.113.1:51820' }],
    ],
  );
  const lost = await ping(nodeWith({}, 1), { node: 'aws-a' });
  t.deepEqual(
    lost.answers.map(({ rttMs }) => rttMs),
    [12.35, undefined],
  );
});

const CHOICES: readonly [Omit<PingRequest, 'node'>, string][] = [
  [{ uplink: 'isp2' }, 'isp2'],
  [{ path: '203.0.113.1:51820' }, 'isp1,isp2'],
  [{ path: 'isp1/203.0.113.1:51820' }, 'isp1'],
  [{ path: '203.0.113.1:51820', uplink: 'isp2' }, 'isp2'],
];

for (const [choice, expected] of CHOICES) {
  test(`${JSON.stringify(choice)} means ${expected}`, async (t) => {
    const { answers } = await ping(nodeWith(), { node: 'aws-a', ...choice });
    t.is(answers.map(({ uplink }) => uplink).join(), expected);
  });
}

const REFUSALS: readonly [string, Node, PingRequest, string][] = [
  ['nobody', nodeWith(), { node: 'aws' }, "TS_REQUEST_INVALID: There is no node 'aws'. Nodes: aws-a"],
  ['itself', nodeWith(), { node: 'edge1-a' }, 'TS_REQUEST_INVALID: edge1-a is this node. Name another one.'],
  [
    'an external peer of ours',
    nodeWith(),
    { node: 'office' },
    'TS_REQUEST_INVALID: office is a plain WireGuard peer: it answers no pings inside the tunnel. ' +
      'When it was last heard: twinspan status',
  ],
  [
    'an external peer of others',
    nodeWith(),
    { node: 'depot' },
    'TS_REQUEST_INVALID: depot is a plain WireGuard peer: it answers no pings inside the tunnel.',
  ],
  [
    'a node that is met through a hub',
    nodeWith(),
    { node: 'edge2-a' },
    'TS_REQUEST_INVALID: edge2-a has no path to this node: neither knows where the other is. ' +
      'One of the two needs an endpoint, or they meet through a hub.',
  ],
  [
    'a path that is none',
    nodeWith(),
    { node: 'aws-a', path: 'isp3/203.0.113.1:51820' },
    "TS_REQUEST_INVALID: There is no path 'isp3/203.0.113.1:51820' to aws-a. " +
      'Paths: isp1/203.0.113.1:51820, isp2/203.0.113.1:51820',
  ],
  [
    'no path at all',
    nodeWith({ paths: [] }),
    { node: 'aws-a' },
    'TS_REQUEST_INVALID: There is no path to aws-a. No uplink leads to an endpoint of aws-a.',
  ],
  [
    'no session',
    nodeWith({ hasSession: false }),
    { node: 'aws-a' },
    'TS_NO_SESSION: There is no session with aws-a now. See why: twinspan paths aws-a',
  ],
  [
    'too many at once',
    nodeWith({ room: 1 }),
    { node: 'aws-a' },
    'TS_REQUEST_INVALID: Too many pings are under way. Wait for them.',
  ],
];

for (const [title, node, request, expected] of REFUSALS) {
  test(`refused: ${title}`, async (t) => {
    t.is(await refusal(node, request), expected);
  });
}
