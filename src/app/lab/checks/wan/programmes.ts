/**
 * The failure programme of each scenario of WAN and ISP redundancy. Budgets are the high-availability design's; where a
 * firewall has to notice first they count from the moment at which it took the other ISP.
 */
import { answers, type Check, type CheckGroup, finding } from '../check.js';
import { eventually, pathInUse } from '../roles.js';
import { type WanFault, wanCheck } from './fault.js';
import { HUB } from './ways.js';

const FIREWALL_MS_BUDGET = 1_000;
const WAN_DEAD_MS_BUDGET = 600;
const MEMBER_DEAD_MS_BUDGET = 800;
const CARRIER_MS_BUDGET = 200;
const SILENT_MS_BUDGET = 500;
const BROWN_OUT_MS = 60_000;
const BROWN_OUT_SHORT_MS = 20_000;
const HEARD_MS_MAX = 10_000;

function fault(name: string, whats: readonly string[], rest: Partial<WanFault>): WanFault {
  return {
    name,
    whats,
    short: false,
    budgetMs: WAN_DEAD_MS_BUDGET,
    from: 'fault',
    back: 'none',
    ...rest,
  };
}

/** The firewall goes to its other ISP: the public address changes under the sessions, and no role. */
function behindFirewall(name: string, whats: readonly string[], rest: Partial<WanFault> = {}): WanFault {
  return fault(name, whats, { from: 'firewall', budgetMs: FIREWALL_MS_BUDGET, ...rest });
}

/** The partner has strictly more: the role moves to it. */
function movesRole(name: string, whats: readonly string[], rest: Partial<WanFault> = {}): WanFault {
  return fault(name, whats, { moves: true, back: 'hand-over', ...rest });
}

/** Traffic goes to the second uplink and returns to the first, and no role moves. */
function toIsp2(name: string, whats: readonly string[], budgetMs: number, short: boolean): WanFault {
  const what = `${name}: traffic goes to ISP 2, and returns`;
  return fault(what, whats, { budgetMs, short, uplink: 'isp2', back: 'uplink' });
}

const ISP_1_OF_FIREWALL = [
  behindFirewall('ISP 1 loses its carrier: the firewall takes ISP 2', ['isp:isp1'], { short: true }),
  behindFirewall('ISP 1 falls silent: the firewall takes ISP 2', ['isp:isp1:silent'], { short: true }),
];

const MEMBER_DIES = movesRole('the active member dies', ['node:edge-a'], {
  budgetMs: MEMBER_DEAD_MS_BUDGET,
});

const ISP_1_OF_FIRST = [
  movesRole(
    'ISP 1 loses its carrier: the second member takes over, and the first takes it back',
    ['isp:isp1'],
    {
      short: true,
      back: 'failback',
    },
  ),
  movesRole('ISP 1 falls silent: the second member takes over', ['isp:isp1:silent'], { short: true }),
];

const ISP_2_OF_SECOND = movesRole(
  'the second member active, ISP 2 falls silent: the first takes over',
  ['isp:isp2:silent'],
  { swapped: true, back: 'none' },
);

const FIREWALL_1_DIES = movesRole('firewall 1 dies: the second member takes over', ['firewall:fw1'], {
  short: true,
});

const DMZ_1_DIES = movesRole("DMZ 1's switch dies: the second member takes over", ['switch:dmz1']);

/** What each scenario has to survive. */
export const WAN_FAULTS: Readonly<Record<string, readonly WanFault[]>> = {
  'wan-single-behind-firewall': ISP_1_OF_FIREWALL,
  'wan-single-interface': ISP_1_OF_FIREWALL,
  'wan-cluster-behind-firewall': [
    ...ISP_1_OF_FIREWALL,
    MEMBER_DIES,
    behindFirewall(
      'ISP 1 falls silent and the active member dies, both at once',
      ['isp:isp1:silent', 'node:edge-a'],
      {
        moves: true,
        back: 'hand-over',
      },
    ),
  ],
  'wan-cluster-split-firewall': [
    behindFirewall(
      "ISP 1, the first member's, loses its carrier: the firewall sends it by ISP 2",
      ['isp:isp1'],
      {
        short: true,
      },
    ),
    movesRole(
      "ISP 1, the first member's, falls silent: the second is quicker than the firewall",
      ['isp:isp1:silent'],
      {
        short: true,
        back: 'failback',
      },
    ),
    MEMBER_DIES,
  ],
  'wan-cluster-direct': [...ISP_1_OF_FIRST, ISP_2_OF_SECOND],
  'wan-cluster-dmz': [...ISP_1_OF_FIRST, FIREWALL_1_DIES, DMZ_1_DIES],
  'wan-cluster-mixed': [...ISP_1_OF_FIRST, FIREWALL_1_DIES, DMZ_1_DIES, ISP_2_OF_SECOND],
  'wan-dual-uplink': [
    fault('ISP 2, not in use, loses its carrier', ['isp:isp2'], {
      budgetMs: CARRIER_MS_BUDGET,
      uplink: 'isp1',
    }),
    toIsp2(
      "the active member's cable to ISP 1 loses its carrier",
      ['link:edge-a/wan'],
      CARRIER_MS_BUDGET,
      true,
    ),
    toIsp2('ISP 1 falls silent', ['isp:isp1:silent'], SILENT_MS_BUDGET, true),
    toIsp2('ISP 1 loses its carrier', ['isp:isp1'], CARRIER_MS_BUDGET, false),
    fault('ISP 1 loses 30 % of all packets: at most one change of path in a minute', ['isp:isp1:loss'], {
      short: true,
      budgetMs: SILENT_MS_BUDGET,
      uplink: 'isp2',
      changesMax: 1,
      lookMs: BROWN_OUT_MS,
      lookShortMs: BROWN_OUT_SHORT_MS,
    }),
    movesRole(
      'both uplinks of the first member lose their carrier: the second takes over, and the first takes it back',
      ['link:edge-a/wan', 'link:edge-a/isp2'],
      { back: 'failback' },
    ),
  ],
};

/** Where the hub has to hear each member of the site from, by the beginning of the address. */
const ADDRESSES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'wan-single-behind-firewall': { edge: '198.51.100.' },
  'wan-single-interface': { edge: '198.51.100.' },
  'wan-cluster-behind-firewall': { 'edge-a': '198.51.100.', 'edge-b': '198.51.100.' },
  'wan-cluster-split-firewall': { 'edge-a': '198.51.100.', 'edge-b': '192.0.2.' },
  'wan-cluster-direct': { 'edge-a': '198.51.100.', 'edge-b': '192.0.2.' },
  'wan-cluster-dmz': { 'edge-a': '198.51.100.', 'edge-b': '192.0.2.' },
  'wan-cluster-mixed': { 'edge-a': '198.51.100.', 'edge-b': '192.0.2.' },
  'wan-dual-uplink': {},
};

function heardFrom(member: string, prefix: string): Check {
  return {
    name: `the hub hears ${member} from ${prefix}…`,
    async run(lab) {
      let remote: string | undefined;
      const heard = await eventually(HEARD_MS_MAX, async () => {
        remote = (await pathInUse(lab, HUB, member))?.remote;
        return remote?.startsWith(prefix) === true;
      });
      return finding(heard, remote ?? 'not at all');
    },
  };
}

function seenAs(name: string, host: string, url: string, client: string, server: string): Check {
  const wanted = JSON.stringify({ client, host: server });
  return answers(name, host, ['curl', '-sS', '-m', '10', url], wanted);
}

function normalChecks(name: string): Check[] {
  return [
    seenAs('the site answers the hub', 'app', 'http://10.100.10.15/', '10.100.100.15', 'server'),
    seenAs('the hub answers the site', 'server', 'http://10.100.100.15/', '10.100.10.15', 'app'),
    ...Object.entries(ADDRESSES[name]).map(([member, prefix]) => heardFrom(member, prefix)),
    ...(name === 'wan-single-interface' ? [NODE_ITSELF] : []),
  ].map((check) => ({ ...check, short: true }));
}

/** Where there is no internal network the node has nobody behind it but itself. */
const NODE_ITSELF = answers(
  'the node itself is a host of the overlay: it answers and asks under its own network address',
  'edge',
  ['curl', '-sS', '-m', '10', 'http://10.100.100.15/'],
  JSON.stringify({ client: '10.100.10.11', host: 'app' }),
);

function groupsOf(name: string): CheckGroup[] {
  return [
    { title: 'in normal operation', capture: 'none', checks: normalChecks(name) },
    { title: 'while ISPs and nodes fail', capture: 'none', checks: WAN_FAULTS[name].map(wanCheck) },
  ];
}

/** The programmes by scenario. */
export const WAN_CHECKS: readonly (readonly [string, readonly CheckGroup[]])[] = Object.keys(WAN_FAULTS).map(
  (name) => [name, groupsOf(name)],
);
