/** What the scenario ha-edge-to-aws promises. */
import { allFour } from './all-four.js';
import { channelChecks } from './channels.js';
import { answers, type Check, type CheckGroup, type Finding, finding, type Lab, lastLine } from './check.js';
import { cloudChecks } from './cloud.js';
import { explainChecks } from './explain.js';
import { HAND_OVERS } from './hand-over.js';
import { judgeOutage, measureOutage } from './outage.js';
import { dualCheck, FAULTS, takeoverCheck } from './takeover.js';

const SITES = [1, 2, 3];
const SFTP = '10.100.20.20';
const APPLICATION = '10.100.100.15';
const FILE_BYTES = 50_000_000;
const TRANSFER_MS = 120_000;
const RESTART_MS = 15_000;
/** A gap that the prober also sees on a busy machine when nothing happens. */
const UNNOTICED_MS = 500;

function databaseChecks(): Check[] {
  return SITES.map((site) =>
    answers(
      `database at site ${site} answers the application server`,
      'app',
      ['mariadb', '-h', `10.100.${site}0.15`, '-u', 'lab', '-plab', '-BNe', 'select @@hostname'],
      `mysql${site}`,
    ),
  );
}

const SFTP_SCRIPT = `set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
head -c ${FILE_BYTES} /dev/urandom > "$dir/sent"
printf 'put %s check\\nget check %s\\nrm check\\n' "$dir/sent" "$dir/received" | sftp -q -b - lab@${SFTP} > /dev/null
sha256sum < "$dir/sent"
sha256sum < "$dir/received"
`;

const sftpCheck: Check = {
  name: 'SFTP put and get of 50 MB at site 2 arrive unchanged',
  async run(lab) {
    const began = performance.now();
    const outcome = await lab.exec('app', ['bash', '-c', SFTP_SCRIPT], TRANSFER_MS);
    const [sent, received] = outcome.stdout.trim().split('\n');
    if (outcome.code !== 0) return finding(false, lastLine(outcome));
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    return finding(sent === received, `sha256 ${sent === received ? 'equal' : 'differ'}, ${seconds} s`);
  },
};

function applicationChecks(): Check[] {
  return SITES.map((site) =>
    answers(
      `application server sees site ${site} under its network address`,
      `mysql${site}`,
      ['curl', '-sS', '-m', '10', `http://${APPLICATION}/`],
      JSON.stringify({ client: `10.100.${site}0.15`, host: 'app' }),
    ),
  );
}

const clientCheck: Check = {
  name: 'application server is a client of all databases',
  async run(lab) {
    const outcome = await lab.exec('app', ['curl', '-sS', '-m', '20', '-f', 'http://192.168.10.15/check']);
    return finding(outcome.code === 0, outcome.code === 0 ? 'three answers' : lastLine(outcome));
  },
};

/** A ping that must be answered by the ICMP error that iputils prints as `words`. */
function refusal(name: string, host: string, to: string, words: string): Check {
  return {
    name,
    async run(lab) {
      const outcome = await lab.exec(host, ['ping', '-n', '-c', '1', '-W', '5', to]);
      const line = outcome.stdout.split('\n').find((one) => one.startsWith('From ')) ?? lastLine(outcome);
      return finding(outcome.code === 1 && line.includes(words), line);
    },
  };
}

function refusalChecks(): Check[] {
  return [
    ...SITES.map((site) =>
      refusal(
        `host ${site} without an inside NAT is told so (code 6)`,
        `host${site}`,
        APPLICATION,
        'Destination Net Unknown',
      ),
    ),
    refusal(
      'a network address without an inside NAT is told so (code 7)',
      'app',
      '10.100.10.77',
      'Destination Host Unknown',
    ),
    refusal(
      'an address without a route is told so (code 0)',
      'app',
      '10.100.99.1',
      'Destination Net Unreachable',
    ),
  ];
}

/** Whether `node` has live tunnels with all of `peers`; says which not. */
async function peersUp(lab: Lab, node: string, peers: readonly string[]): Promise<string[]> {
  const outcome = await lab.exec(node, ['twinspan', 'status', '--json']);
  if (outcome.code !== 0) return [...peers];
  const report = JSON.parse(outcome.stdout) as { peers: { name: string; state: string }[] };
  return peers.filter((name) => report.peers.find((peer) => peer.name === name)?.state !== 'up');
}

/** Waits until a node has live tunnels with all of `peers`; says what is missing in the end. */
async function awaitPeers(lab: Lab, node: string, peers: readonly string[]): Promise<string[]> {
  const end = performance.now() + RESTART_MS;
  for (;;) {
    const missing = await peersUp(lab, node, peers);
    if (missing.length === 0 || performance.now() > end) return missing;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const AWS = ['aws-a', 'aws-b'];

const tunnelsCheck: Check = {
  name: 'every edge node, first or second, has live tunnels with both AWS nodes',
  async run(lab) {
    const edges = lab.scenario.hosts.filter((host) => host.name.startsWith('edge')).map((host) => host.name);
    const missing = await Promise.all(edges.map((edge) => awaitPeers(lab, edge, AWS)));
    const words = edges.flatMap((edge, index) => missing[index].map((peer) => `${edge} ↔ ${peer}`));
    return finding(
      words.length === 0,
      words.length === 0 ? `${edges.length * 2} tunnels` : `down: ${words.join(', ')}`,
    );
  },
};

/** Takes a second member away and back; nobody must notice, and its tunnels must be live again. */
function standbyRestart(mode: string, word: string): Check {
  return {
    name: `second member edge1-b ${word} and started again: no packet noticed, tunnels back`,
    async run(lab): Promise<Finding> {
      let missing: string[] = [];
      const report = await measureOutage(
        lab,
        { from: 'app', to: 'mysql1', address: '10.100.10.15' },
        async () => {
          await lab.fail(`node:edge1-b${mode}`);
          await lab.heal(`node:edge1-b${mode}`);
          missing = await awaitPeers(lab, 'edge1-b', AWS);
        },
      );
      const judged = judgeOutage(report, UNNOTICED_MS);
      return missing.length === 0
        ? judged
        : { ...judged, verdict: 'fail', detail: `down: ${missing.join(', ')}` };
    },
  };
}

/** Two lists in one, by turns: while a cluster of one list recovers another of the other is tried. */
function inTurn(first: readonly Check[], second: readonly Check[]): Check[] {
  const length = Math.max(first.length, second.length);
  return Array.from({ length }, (_, index) => [first[index], second[index]])
    .flat()
    .filter(Boolean);
}

export const HA_EDGE_TO_AWS: readonly CheckGroup[] = [
  {
    title: 'in normal operation',
    capture: 'clean',
    checks: [
      ...databaseChecks(),
      sftpCheck,
      ...applicationChecks(),
      clientCheck,
      ...refusalChecks(),
      ...explainChecks(),
      tunnelsCheck,
    ].map((check) => ({ ...check, short: true })),
  },
  {
    title: 'while nodes and links fail and come back',
    capture: 'errors',
    checks: [
      allFour,
      standbyRestart('', 'killed'),
      standbyRestart(':stop', 'stopped'),
      ...HAND_OVERS,
      ...inTurn(FAULTS.map(takeoverCheck), cloudChecks()),
    ],
  },
  {
    title: 'while Redis and the LAN between members fail',
    capture: 'errors',
    checks: [...channelChecks(), dualCheck],
  },
];
